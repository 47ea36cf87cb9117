"""How frames reach a system: all of them, or as a camera would deliver them."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from approx_perception.branches import Branch
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import InferenceError, InvalidFrameError
from approx_perception.metrics.run_recorder import RunRecorder
from approx_perception.pipeline.driver import Conditions, Driver, drive
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    Frame,
    FrameResult,
    StageTimings,
)

PERIOD_MS = 100


class FixedTime:
    """A system that takes the same time for every frame."""

    def __init__(self, ms):
        self.sla, self.ms, self.seen = SLA(1.0), ms, []

    def process(self, frame):
        self.seen.append((frame.sequence, self.sla.latency_ms))
        decision = Decision(Branch(160), "detect", True, False, 1.0, 1.0, 0.5, "")
        timings = StageTimings(processing_ms=self.ms)
        return FrameResult(
            frame.stamp_ns, "", frame.sequence, Detections.empty(), decision, self.sla, timings
        )


def entries(count, step=1):
    for index in range(0, count * step, step):
        image = np.full((4, 6, 3), index, np.uint8)
        yield LabelledFrame(Frame(image, index * PERIOD_MS * 1_000_000, "", index))


def record_of(system, count, conditions):
    recorder = RunRecorder({"system": "fixed"}, ClassMap(("a",), ("a",)))
    drive(entries(count), [Driver(system, conditions, [recorder], "fixed")])
    return recorder.finish()


def test_every_frame_where_nothing_is_dropped():
    system = FixedTime(350.0)
    record = record_of(system, 5, Conditions({0: SLA(50.0), 3: SLA(20.0)}, {0: 0, 2: 1}))
    assert system.seen == [(0, 50.0), (1, 50.0), (2, 50.0), (3, 20.0), (4, 20.0)]
    assert record.frames["contention_level"].tolist() == [0, 0, 1, 1, 1]
    assert record.frames["processed"].all()


def test_a_camera_drops_what_comes_too_soon_but_for_the_newest():
    system = FixedTime(240.0)
    record = record_of(system, 8, Conditions({0: SLA(50.0)}, {}, camera=True))
    # Busy from 0 to 240 ms: of the frames of 100 and 200 ms the newer one waits, and so on.
    assert [frame for frame, _ in system.seen] == [0, 2, 4, 7]
    assert record.frames["processed"].tolist() == [i in (0, 2, 4, 7) for i in range(8)]
    published_ms = (record.processed("published_ns") / 1e6).tolist()
    assert published_ms == [240.0, 480.0, 720.0, 960.0]


def test_a_camera_waits_for_a_quick_system():
    system = FixedTime(30.0)
    record = record_of(system, 4, Conditions({0: SLA(50.0)}, {}, camera=True))
    assert record.frames["processed"].all()
    assert (record.processed("published_ns") / 1e6).tolist() == [30.0, 130.0, 230.0, 330.0]


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("camera", [False, True])
def test_few_frames(count, camera):
    assert len(record_of(FixedTime(10.0), count, Conditions({0: SLA(50.0)}, {}, camera))) == count


def test_the_hash_is_of_the_images():
    conditions = Conditions({0: SLA(50.0)}, {})
    first, same, other = (record_of(FixedTime(10.0), n, conditions) for n in (3, 3, 4))
    assert first.metadata["data_hash"] == same.metadata["data_hash"] != other.metadata["data_hash"]


class Failing(FixedTime):
    """Fails on some frames."""

    def __init__(self, failing, error):
        super().__init__(10.0)
        self.failing, self.error = failing, error

    def process(self, frame):
        if frame.sequence in self.failing:
            raise self.error
        return super().process(frame)


@pytest.mark.parametrize("error", [InferenceError("lost"), InvalidFrameError("too small")])
@pytest.mark.parametrize("failing", [{0}, {2, 3}, {4}])
def test_frames_that_fail_are_counted_told_and_left_out(error, failing, caplog):
    record = record_of(Failing(failing, error), 5, Conditions({0: SLA(50.0)}, {}))
    assert record.frames["processed"].tolist() == [index not in failing for index in range(5)]
    assert f"fixed: {len(failing)} of 5 frames failed and are left out" in caplog.text
    assert f"the last so: {error}" in caplog.text


def test_where_every_frame_fails_there_is_no_result():
    system = Failing(range(1000), InferenceError("lost"))
    with pytest.raises(InferenceError, match="fixed: every frame failed, the last so: lost"):
        record_of(system, 5, Conditions({0: SLA(50.0)}, {}))
    # A long run need not come to its end for that.
    with pytest.raises(InferenceError, match=r"^lost$"):
        record_of(system, 1000, Conditions({0: SLA(50.0)}, {}))


def test_other_errors_are_faults_of_ours_and_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        record_of(Failing({2}, ZeroDivisionError()), 5, Conditions({0: SLA(50.0)}, {}))


def test_systems_take_turns_and_each_listener_hears_every_frame():
    order, heard = [], []

    class Named(FixedTime):
        def __init__(self, name):
            super().__init__(10.0)
            self.name = name

        def process(self, frame):
            order.append(self.name)
            return super().process(frame)

    class Heard:
        def add(self, frame, result, truth, published_ns, level):
            heard.append((frame.sequence, result is not None))

    drivers = [Driver(Named(name), Conditions({0: SLA(1.0)}, {}), [Heard()]) for name in "ab"]
    began = []
    drive(entries(3), drivers, lambda frame: began.append(frame.sequence))
    assert "".join(order) == "abbaab"
    assert heard == [(0, True)] * 2 + [(1, True)] * 2 + [(2, True)] * 2
    assert began == [0, 1, 2]
    drive(entries(2), [])


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_each_system_follows_each_other_equally_often(count):
    order = []

    class Named(FixedTime):
        def __init__(self, name):
            super().__init__(10.0)
            self.name = name

        def process(self, frame):
            order.append(self.name)
            return super().process(frame)

    drivers = [Driver(Named(i), Conditions({0: SLA(1.0)}, {}), []) for i in range(count)]
    drive(entries(2 * count), drivers)
    rounds = [order[i : i + count] for i in range(0, len(order), count)]
    pairs = Counter(pair for own in rounds for pair in pairwise(own))
    assert all(sorted(own) == list(range(count)) for own in rounds)
    assert set(pairs.values()) == {2} and len(pairs) == count * (count - 1)


def test_conditions_go_by_the_number_of_the_frame_where_some_are_missing():
    system = FixedTime(1.0)
    conditions = Conditions({0: SLA(50.0), 3: SLA(20.0)}, {0: 0, 3: 1})
    recorder = RunRecorder({}, ClassMap(("a",), ("a",)))
    drive(entries(3, step=2), [Driver(system, conditions, [recorder])])
    assert system.seen == [(0, 50.0), (2, 50.0), (4, 20.0)]
    assert recorder.finish().frames["contention_level"].tolist() == [0, 0, 1]
