"""What branches share when they are replayed is what each would do alone."""

import threading
import time

import numpy as np
import pytest

from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.kernels.detection_replay import replay_setting
from approx_perception.simulation.replay import match_all, replay_all
from approx_perception.structures import Detections
from approx_perception.testing.fakes import FakeDetector
from approx_perception.trackers import create_tracker

FRAMES = 11
SPACE = BranchSpace(
    "two", [160, 320], [], [1, 2, 4, 8],
    [TrackerSettings("median_flow", 1), TrackerSettings("dis_flow", 2)],
)  # fmt: skip


@pytest.fixture(scope="module")
def world():
    frames = list(SyntheticVideo("race", "test", 0, FRAMES))
    saved = [
        Detections.from_arrays(e.ground_truth.boxes, np.ones(len(e.ground_truth)),
                               e.ground_truth.class_ids)
        for e in frames
    ]  # fmt: skip
    return [entry.frame for entry in frames], saved


def alone(branch, frames, saved):
    """One branch, frame by frame."""
    if branch.tracker_settings is None:
        return saved
    tracker, published = create_tracker(branch.tracker_settings), []
    for index, frame in enumerate(frames):
        if index % branch.si == 0:
            tracker.initialize(frame.image, saved[index])
            published.append(saved[index])
        else:
            update = tracker.update(frame.image)
            published.append(update.detections.select(~update.lost))
    return published


def test_every_branch_of_a_setting(world):
    frames, saved = world
    published = replay_setting(SPACE, 1, frames, saved)
    assert {SPACE[i].shape for i in published} == {320}
    assert len(published) == len(SPACE) / 2
    for index, own in published.items():
        for ours, theirs in zip(own, alone(SPACE[index], frames, saved), strict=True):
            np.testing.assert_allclose(ours.boxes, theirs.boxes)
            np.testing.assert_allclose(ours.scores, theirs.scores)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_frames(world, count):
    frames, saved = world
    published = replay_setting(SPACE, 0, frames[:count], saved[:count])
    assert {len(own) for own in published.values()} == {count}


def test_what_is_shared_is_compared_once(world):
    frames, saved = world
    calls = []
    published = replay_setting(SPACE, 0, frames, saved)
    two = {branch: [own[0], own[5]] for branch, own in published.items()}
    matches = match_all(two, lambda i, found: calls.append((i, len(found))) or len(found))
    # Frame 0 is one and the same detection for all. Frame 5 is detected, or tracked by either
    # tracker from frame 4 (si 2 and 4) or from frame 0 (si 8).
    assert len(calls) == 1 + 1 + 2 * 2
    assert {branch: len(row) for branch, row in matches.items()} == dict.fromkeys(published, 2)


def test_a_space_asks_its_detector_from_one_thread():
    """A network keeps its knobs between the call and the proposals: two callers would mix them."""
    frames = list(SyntheticVideo("race", "test", 0, FRAMES))
    callers, knobs = set(), []

    def find(image, settings):
        callers.add(threading.get_ident())
        knobs[:] = [settings.shape]
        time.sleep(0.001)
        return Detections.from_arrays([[0, 0, knobs[0], knobs[0]]], [0.9], [0])

    def match(frame, output):
        return len(output)

    kernel = DetectionKernel(FakeDetector(find), SPACE)
    replays = list(replay_all(kernel, frames, match))
    assert [own.replay.main_part for own in replays] == [0, 1]
    assert callers == {threading.get_ident()}
    for own, (shape, *_) in zip(replays, SPACE.detector_settings, strict=True):
        assert {content.mean_width_px for content in own.replay.contents} == {shape}
        assert {SPACE[branch].shape for branch in own.matches} == {shape}
        assert {len(row) for row in own.matches.values()} == {FRAMES}
