"""How frames reach a system: all of them, or as a camera would deliver them."""

import numpy as np
import pytest

from approx_perception.branches import Branch
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import InferenceError, InvalidFrameError
from approx_perception.pipeline.driver import Conditions, Driver
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


def drive(system, count, conditions):
    driver = Driver(system, conditions, ClassMap(("a",), ("a",)), {"system": "fixed"})
    for index in range(count):
        image = np.full((4, 6, 3), index, np.uint8)
        driver.feed(LabelledFrame(Frame(image, index * PERIOD_MS * 1_000_000, "", index)))
    return driver.finish()


def test_every_frame_where_nothing_is_dropped():
    system = FixedTime(350.0)
    record = drive(system, 5, Conditions({0: SLA(50.0), 3: SLA(20.0)}, {0: 0, 2: 1}))
    assert system.seen == [(0, 50.0), (1, 50.0), (2, 50.0), (3, 20.0), (4, 20.0)]
    assert record.frames["contention_level"].tolist() == [0, 0, 1, 1, 1]
    assert record.frames["processed"].all()
    assert not record.metadata["has_time"]


def test_a_camera_drops_what_comes_too_soon_but_for_the_newest():
    system = FixedTime(240.0)
    record = drive(system, 8, Conditions({0: SLA(50.0)}, {}, camera=True))
    # Busy from 0 to 240 ms: of the frames of 100 and 200 ms the newer one waits, and so on.
    assert [frame for frame, _ in system.seen] == [0, 2, 4, 7]
    assert record.frames["processed"].tolist() == [i in (0, 2, 4, 7) for i in range(8)]
    published_ms = (record.processed("published_ns") / 1e6).tolist()
    assert published_ms == [240.0, 480.0, 720.0, 960.0]
    assert record.metadata["has_time"]


def test_a_camera_waits_for_a_quick_system():
    system = FixedTime(30.0)
    record = drive(system, 4, Conditions({0: SLA(50.0)}, {}, camera=True))
    assert record.frames["processed"].all()
    assert (record.processed("published_ns") / 1e6).tolist() == [30.0, 130.0, 230.0, 330.0]


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("camera", [False, True])
def test_few_frames(count, camera):
    assert len(drive(FixedTime(10.0), count, Conditions({0: SLA(50.0)}, {}, camera))) == count


def test_the_hash_is_of_the_images():
    conditions = Conditions({0: SLA(50.0)}, {})
    first, same, other = (drive(FixedTime(10.0), n, conditions) for n in (3, 3, 4))
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
    record = drive(Failing(failing, error), 5, Conditions({0: SLA(50.0)}, {}))
    assert record.frames["processed"].tolist() == [index not in failing for index in range(5)]
    assert f"fixed: {len(failing)} of 5 frames failed and are left out" in caplog.text
    assert f"the last so: {error}" in caplog.text


def test_where_every_frame_fails_there_is_no_result():
    system = Failing(range(1000), InferenceError("lost"))
    with pytest.raises(InferenceError, match="fixed: every frame failed, the last so: lost"):
        drive(system, 5, Conditions({0: SLA(50.0)}, {}))
    # A long run need not come to its end for that.
    with pytest.raises(InferenceError, match=r"^lost$"):
        drive(system, 1000, Conditions({0: SLA(50.0)}, {}))


def test_other_errors_are_faults_of_ours_and_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        drive(Failing({2}, ZeroDivisionError()), 5, Conditions({0: SLA(50.0)}, {}))
