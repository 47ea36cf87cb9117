"""Detector settings and trackers that fail are left out for a while; the stream goes on."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.branches import (
    Branch,
    BranchSpace,
    Part,
    Run,
    TrackerSettings,
    compile_space,
)
from approx_perception.exceptions import InvalidFrameError
from approx_perception.scheduling import Fastest, Fixed, MostAccurate, Scheduler
from approx_perception.scheduling.failing_parts import FailingParts
from approx_perception.structures import Detections, Frame
from approx_perception.testing.contracts import textured_image
from approx_perception.testing.fakes import FakeDetector, FakeLatency, stream_of

TRACKERS = [TrackerSettings("median_flow", 1), TrackerSettings("median_flow", 2)]
SPACE = BranchSpace("failing", [160, 224, 320], [], [1, 4], TRACKERS)


class Play:
    """A pipeline whose detector and trackers fail as told."""

    def __init__(self, policy=None, allowed=None):
        self.broken: set[object] = set()
        #: Shapes asked for, by frame; 0 where the frame was tracked.
        self.asked: list[int] = []
        self.failed: list[bool] = []
        latency = FakeLatency([20.0 if b.si == 1 else 10.0 for b in SPACE])
        accuracy = ConstantAccuracy(np.array([b.shape / 1000 - 0.01 * b.si for b in SPACE]))
        self.scheduler = Scheduler(SPACE, policy or MostAccurate(), latency, accuracy)
        self.scheduler.allowed = allowed
        self.pipeline = stream_of(FakeDetector(self._find), self.scheduler)
        for settings, tracker in self.pipeline.state._trackers.items():
            tracker.update = self._failing(tracker.update, settings)
        self.image = textured_image()

    def _failing(self, work, part):
        def work_or_fail(*arguments):
            if part in self.broken:
                raise RuntimeError("out of memory")
            return work(*arguments)

        return work_or_fail

    def _find(self, _image, settings):
        self.asked.append(settings.shape)
        if settings.shape in self.broken:
            raise RuntimeError("out of memory")
        return Detections.from_arrays([[10, 10, 60, 60]], [0.9], [0])

    def frames(self, count, image=None):
        """Process frames; the exceptions, None where there was none."""
        errors = []
        for _ in range(count):
            frame = Frame(self.image if image is None else image, 0, "camera", len(self.failed))
            try:
                self.pipeline.process(frame)
            except Exception as error:
                errors.append(error)
            else:
                errors.append(None)
            self.failed.append(errors[-1] is not None)
        return errors


def test_a_setting_that_fails_is_left_out_and_tried_again_ever_more_rarely():
    play = Play()
    play.broken = {320}
    play.frames(240)
    # Three failures, then one after 30, 60 and 120 more frames.
    assert np.flatnonzero(play.failed).tolist() == [0, 1, 2, 32, 92, 212]
    assert set(np.array(play.asked)[~np.array(play.failed)]) == {224}
    (problem,) = play.scheduler.left_out()
    assert problem.startswith(
        "detector setting shape=320 is left out on images of 320x240 px: 6 of its last 6 tries "
        "failed ("
    )
    assert "out of memory" in problem
    assert problem.endswith("); tried again in 213 frames")
    play.broken = set()
    play.frames(240)
    assert sum(play.failed) == 6
    assert play.asked[-1] == 320
    assert play.scheduler.left_out() == []


@pytest.mark.parametrize("broken", [{160}, {160, 224}, {320, 224}, {160, 320}])
def test_the_stream_goes_on_with_whatever_works(broken):
    play = Play(Fastest() if 160 in broken else None)
    play.broken = broken
    play.frames(100)
    assert sum(play.failed) <= 6 * len(broken)
    # Late parts of the stream are as good as what works.
    assert sum(play.failed[40:90]) <= len(broken)


def test_a_tracker_that_fails_is_left_out_likewise():
    play = Play(allowed=SPACE.compiled.group_frames > 1)
    play.broken = {TRACKERS[0]}
    play.frames(10)
    # A frame is lost each time, and the next one detects.
    assert np.flatnonzero(play.failed).tolist() == [1, 3, 5]
    assert play.scheduler.left_out() == [
        "tracker median_flow:1 is left out on images of 320x240 px: 3 of its last 3 tries failed "
        "(RuntimeError: out of memory); tried again in 26 frames"
    ]
    play.frames(90)
    assert sum(play.failed) <= 5


def test_if_all_are_out_the_one_that_is_due_first_is_tried():
    play = Play()
    play.broken = {160, 224, 320}
    play.frames(60)
    assert all(play.failed)
    # Each gets its turn.
    assert {160, 224, 320} <= set(play.asked[-10:])
    play.broken = {160, 224}
    play.frames(100)
    assert not any(play.failed[-50:])
    assert play.asked[-1] == 320


def test_images_that_nobody_can_process_leave_nothing_out_once_they_are_over():
    play = Play()
    play.broken = {160, 224, 320}
    play.frames(200)
    play.broken = set()
    play.frames(2)
    assert not any(play.failed[-2:])
    assert play.asked[-1] == 320
    assert play.scheduler.left_out() == []


def test_an_image_that_is_said_to_be_bad_is_no_fault_of_a_branch():
    play = Play()

    def refuse(_image, _settings):
        raise InvalidFrameError("the image is black")

    play.pipeline.kernel.detector._find = refuse
    assert all(isinstance(error, InvalidFrameError) for error in play.frames(20))
    assert play.scheduler.left_out() == []


def test_what_fails_on_portrait_images_is_tried_on_others():
    play = Play()
    play.broken = {320}
    play.frames(10)
    assert play.scheduler.left_out()
    play.broken = set()
    play.frames(1, np.ascontiguousarray(play.image.transpose(1, 0, 2))[:-2])
    assert play.asked[-1] == 320
    # On portrait images it is still left out.
    assert len(play.scheduler.left_out()) == 1


@pytest.mark.parametrize("size_count", [2, 10, 200])
@pytest.mark.parametrize("broken", [{320}, {320, 224}, {TRACKERS[0]}])
def test_sizes_that_alternate_hide_no_failure(size_count, broken):
    play = Play(allowed=None if 320 in broken else SPACE.compiled.group_frames > 1)
    play.broken = broken
    images = [np.ascontiguousarray(play.image[: 240 - i]) for i in range(size_count)]
    is_told = False
    for index in range(200):
        # Two frames each, or nothing is ever tracked.
        play.frames(1, images[index // 2 % size_count])
        is_told |= any("left out" in told for told in play.scheduler.left_out())
    # Each part fails at a few sizes at first, and later on retries alone.
    assert sum(play.failed) <= (6 + 3 * min(size_count, 3)) * len(broken)
    assert sum(play.failed[100:]) <= 4 * len(broken)
    assert is_told
    play.broken = set()
    play.frames(300)
    assert not any(play.failed[-300:])
    assert play.scheduler.left_out() == []


def test_many_sizes_take_no_memory():
    play = Play()
    play.broken = {160, 224, 320}
    for width in range(20, 320):
        play.frames(1, np.ascontiguousarray(play.image[:, :width]))
    assert all(play.failed)
    assert len(play.scheduler._failing._records) <= 200
    play.broken = {160, 224}
    play.frames(30, np.ascontiguousarray(play.image[:100]))
    assert not any(play.failed[-20:])


@pytest.mark.parametrize("pattern", ["FFS", "FS", "FFFS", "FSF", "FFSSF"])
def test_a_setting_that_fails_often_but_not_in_a_row_is_left_out(pattern):
    play = Play()
    find, tries = play._find, []

    def find_sometimes(image, settings):
        if settings.shape == 320:
            tries.append(pattern[len(tries) % len(pattern)])
            if tries[-1] == "F":
                raise RuntimeError("out of memory")
        return find(image, settings)

    play.pipeline.kernel.detector._find = find_sometimes
    is_told = False
    for _ in range(300):
        play.frames(1)
        is_told |= any("shape=320 is left out" in told for told in play.scheduler.left_out())
    assert sum(play.failed) <= 12
    assert is_told


def test_a_setting_that_fails_rarely_is_kept():
    play = Play()
    find = play._find

    def find_mostly(image, settings):
        found = find(image, settings)
        if len(play.asked) % 5 == 0:
            raise RuntimeError("out of memory")
        return found

    play.pipeline.kernel.detector._find = find_mostly
    play.frames(100)
    assert set(play.asked) == {320}
    assert sum(play.failed) == 20
    assert play.scheduler.left_out() == []


def test_a_fixed_branch_fails_and_is_told_frame_by_frame():
    play = Play(Fixed(Branch(320)))
    play.broken = {320}
    assert all(play.frames(50))
    # It is not left out, so that nobody says so.
    assert play.scheduler.left_out() == []


@pytest.mark.parametrize("seed", range(5))
def test_whatever_fails_only_allowed_branches_run_and_frames_are_lost_rarely(seed):
    rng = np.random.default_rng(seed)
    allowed = rng.random(len(SPACE)) < 0.6
    allowed[rng.integers(len(SPACE))] = True
    play = Play(allowed=allowed)
    broken = set(rng.choice([160, 224, 320], rng.integers(1, 3), replace=False).tolist())
    play.broken = broken | set(rng.permutation(TRACKERS)[: rng.integers(2)].tolist())
    may_run = [branch for branch, is_allowed in zip(SPACE, allowed, strict=True) if is_allowed]
    may_be_asked = {branch.shape for branch in may_run}
    play.frames(150)
    assert set(play.asked) <= may_be_asked
    works = [b for b in may_run if not {b.shape, b.tracker_settings} & play.broken]
    assert sum(play.failed) < 30 or not works


def test_a_part_that_no_frame_is_known_by_is_judged_by_the_frames_that_came_out():
    key, head = Part("key", "key", "key"), Part("head", "head", "head")
    failing = FailingParts(compile_space([key, head], [[Run("look", (key, head))]]))
    for frame in range(300):
        failing.begin_frame((64, 48))
        if frame % 50 == 0:
            failing.failed(1, RuntimeError("once in a while"))
        else:
            failing.succeeded((0, 1))
        assert failing.report(None) == []
