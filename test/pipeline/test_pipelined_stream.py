"""Frames go on while the detector runs beside: with a modelled thread, and with a real one."""

import threading
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.clock import FakeClock, MonotonicClock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.exceptions import InferenceError
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.pipeline import CameraGroup, Stream
from approx_perception.pipeline.beside_runner import BesideThread, ModelledBeside, Work
from approx_perception.pipeline.failures import FrameFailures
from approx_perception.pipeline.pipelined_stream import PipelinedStream
from approx_perception.scheduling import Fixed, MostAccurate, Scheduler
from approx_perception.structures import SLA, Detections, Frame
from approx_perception.structures.boxes import iou_matrix
from approx_perception.testing.contracts import textured_image
from approx_perception.testing.fakes import FakeDetector, FakeLatency, TruthDetector, small_space

PERIOD_MS, DETECTION_MS = 33, 50.0
SPACE = small_space()
#: Shape 160, si 4.
BRANCH = SPACE[1]


def scheduler_of(space, policy=None):
    accuracy = ConstantAccuracy(np.ones(len(space)))
    return Scheduler(space, policy or Fixed(BRANCH), FakeLatency(np.arange(len(space))), accuracy)


def pipelined(detector, clock=None, runner=None, policy=None):
    clock = clock or FakeClock()
    runner = runner or ModelledBeside(clock, lambda part: DETECTION_MS)
    kernel = DetectionKernel(detector, SPACE)
    return PipelinedStream(kernel, scheduler_of(SPACE.beside, policy), SLA(50.0), runner, clock)


def frame(number, image=None, source="camera"):
    image = textured_image() if image is None else image
    return Frame(image, (number + 1) * PERIOD_MS * 1_000_000, source, number)


def one_object(_image, _settings):
    return Detections.from_arrays([[80, 60, 200, 180]], [0.9], [0])


def test_detections_are_taken_in_when_they_are_back_and_frames_do_not_wait():
    clock = FakeClock()
    detector = FakeDetector(one_object, clock, latency_ms=DETECTION_MS)
    stream = pipelined(detector, clock)
    results = [stream.process(frame(number)) for number in range(9)]
    # Started on 0, 4 and 8; back after 50 ms, so at the second frame after.
    assert [r.decision.starts_group for r in results] == [n % 4 == 0 for n in range(9)]
    assert [r.decision.kind for r in results] == [
        "detect" if n in (2, 6) else "track" for n in range(9)
    ]
    assert [len(r.detections) for r in results] == [0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert [r.detections.ages.tolist() for r in results[2:7]] == [[2], [3], [4], [5], [2]]
    assert {r.timings.processing_ms for r in results} == {0.0}
    brought = [r.beside for r in results if r.beside is not None]
    assert [(b.part, b.ms, b.delay_ms) for b in brought] == [(0, DETECTION_MS, 66.0)] * 2
    names = [[part for part, _ in r.parts] for r in results]
    assert names[:4] == [[], [], [2, 3, 3], [3]]
    assert not results[1].content.is_known


def test_boxes_are_where_objects_are_now_and_keep_their_identities():
    video = SyntheticVideo("calm", "test", 11, 48)
    stream = pipelined(TruthDetector(video))
    overlaps, ids = [], []
    for entry in video:
        found = stream.process(frame(entry.frame.sequence, entry.frame.image)).detections
        truth = entry.ground_truth.boxes[~entry.ground_truth.ignored]
        if len(found) and len(truth):
            overlaps.append(iou_matrix(found.boxes, truth).max(axis=1).mean())
        ids.append(set(found.track_ids[found.track_ids >= 0].tolist()))
    assert np.mean(overlaps) > 0.7
    late = [each for each in ids[20:] if each]
    assert late
    assert all(before & after for before, after in pairwise(late))


def test_a_failure_beside_is_told_and_frames_go_on():
    def fails_at_160(image, settings):
        if settings.shape == 160:
            raise InferenceError("out of memory")
        return one_object(image, settings)

    stream = pipelined(FakeDetector(fails_at_160), policy=MostAccurate())
    failures = FrameFailures("it")
    results = [failures.attempt(stream.process, frame(number)) for number in range(20)]
    assert None not in results
    errors = [str(r.beside.error) for r in results if r.beside and r.beside.error]
    assert errors[:3] == ["out of memory"] * 3
    assert "shape=160 is left out" in stream.scheduler.left_out()[0]
    assert len(results[-1].detections) == 1
    failures.tell()


def test_where_all_detections_fail_the_run_says_so():
    def fails(_image, _settings):
        raise InferenceError("out of memory")

    stream, failures = pipelined(FakeDetector(fails)), FrameFailures("it")
    for number in range(10):
        failures.attempt(stream.process, frame(number))
    with pytest.raises(InferenceError, match=r"failed on every frame .* so: out of memory"):
        failures.tell()


@pytest.mark.parametrize("change", ["reset", "source", "size"])
def test_what_was_found_in_another_scene_is_forgotten(change):
    stream = pipelined(FakeDetector(one_object))
    for number in range(5):
        stream.process(frame(number))
    # That of frame 4 is under way.
    if change == "reset":
        stream.reset()
    image = textured_image(160, 120) if change == "size" else None
    source = "other" if change == "source" else "camera"
    counts = [len(stream.process(frame(n, image, source)).detections) for n in (5, 6, 7, 8, 9)]
    assert counts[:2] == [0, 0]
    assert counts[-1] == 1


def test_a_tracker_that_fails_loses_its_objects_until_the_next_detection(monkeypatch):
    stream = pipelined(FakeDetector(one_object))
    for number in range(4):
        stream.process(frame(number))
    tracker = next(iter(stream.state._trackers.values()))
    with monkeypatch.context() as broken, pytest.raises(MemoryError):
        broken.setattr(tracker, "update", lambda image: (_ for _ in ()).throw(MemoryError()))
        stream.process(frame(4))
    # A detection began on the frame that failed.
    counts = [len(stream.process(frame(number)).detections) for number in range(5, 9)]
    assert counts == [0, 1, 1, 1]


@pytest.mark.parametrize("first", [SPACE[0], BRANCH], ids=["every frame", "tracked"])
def test_a_switch_of_execution_loses_no_frame_and_no_identity(first):
    detector, clock = FakeDetector(one_object), FakeClock()
    kernel = DetectionKernel(detector, SPACE)
    sequential = Stream(kernel, scheduler_of(SPACE, Fixed(first)), SLA(50.0), clock)
    last = Stream(kernel, scheduler_of(SPACE), SLA(50.0), clock)
    streams = [sequential, pipelined(detector, clock), last]
    ids, number = [], 0
    for before, stream in zip([None, *streams], streams, strict=False):
        if before is not None:
            stream.take_over(before)
        for _ in range(5):
            ids.append(stream.process(frame(number)).detections.track_ids.tolist())
            number += 1
    assert ids[0] == [-1]
    assert ids[1:] == [ids[1]] * 14


class Gate:
    """A detector that waits to be let go."""

    def __init__(self):
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, image, settings):
        self.entered.set()
        assert self.go.wait(20)
        return one_object(image, settings)


@pytest.fixture
def thread():
    thread = BesideThread(MonotonicClock())
    yield thread
    thread.stop()
    assert not thread.is_alive


def test_frames_go_on_while_a_real_detector_hangs(thread):
    gate = Gate()
    stream = pipelined(FakeDetector(gate), MonotonicClock(), thread)
    stream.process(frame(0))
    assert gate.entered.wait(20)
    results = [stream.process(frame(number)) for number in range(1, 60)]
    assert all(len(r.detections) == 0 and r.beside is None for r in results)
    assert thread.busy_ms > 0
    gate.go.set()
    thread.settle()
    result = stream.process(frame(60))
    assert len(result.detections) == 1
    assert result.beside.delay_ms == 60 * PERIOD_MS


def test_a_thread_that_is_told_to_stop_ends_after_what_is_under_way():
    gate, thread = Gate(), BesideThread(MonotonicClock())
    stream = pipelined(FakeDetector(gate), MonotonicClock(), thread)
    stream.process(frame(0))
    assert gate.entered.wait(20)
    stopping = threading.Thread(target=thread.stop)
    stopping.start()
    assert thread.is_alive
    gate.go.set()
    stopping.join(20)
    assert not thread.is_alive


def test_what_wants_to_end_the_process_ends_no_thread(thread):
    def leaves(_image, _settings):
        raise SystemExit(3)

    stream = pipelined(FakeDetector(leaves), MonotonicClock(), thread)
    stream.process(frame(0))
    thread.settle()
    assert "SystemExit" in str(stream.process(frame(1)).beside.error)
    assert thread.is_alive


def test_cameras_share_the_thread_and_no_batch(thread):
    """The first asks first each time; both get detections."""
    detector = FakeDetector(one_object)
    streams = {name: pipelined(detector, MonotonicClock(), thread) for name in ("front", "rear")}
    group = CameraGroup(streams, {0, 1}, MonotonicClock())
    brought = Counter()
    for number in range(24):
        outcomes = group.process([(name, frame(number, source=name)) for name in streams])
        for name, result in zip(streams, outcomes, strict=True):
            assert result.source_id == name
            assert result.batch_size == 1
            brought[name] += result.beside is not None
        thread.settle()
    assert min(brought["front"], brought["rear"]) >= 3


class Owner:
    pass


def served(thread, asking):
    """Who gets the thread when so many ask in this order, again and again."""
    turns = []
    for owner in asking:
        if thread.may_start(owner):
            turns.append(owner)
            thread.start(owner, Work(1, 0, lambda: None, 0))
            thread.may_start(asking[0]), thread.may_start(asking[1])
            thread.settle()
    return turns


def test_cameras_take_turns_even_if_one_always_asks_first(thread):
    one, other = Owner(), Owner()
    turns = served(thread, [one, other, one, one, one, other] * 6)
    assert turns.count(other) > 4


def test_a_camera_that_is_silent_holds_up_nobody(thread):
    one, silent = Owner(), Owner()
    assert thread.may_start(one)
    thread.start(one, Work(1, 0, lambda: None, 0))
    thread.may_start(silent)
    thread.settle()
    assert [thread.may_start(one) for _ in range(3)] == [False, True, True]
