"""Judgements as lists of events, with a fake clock; no ROS."""

from dataclasses import replace
from unittest.mock import MagicMock

import numpy as np
import pytest

from approx_perception.branches import Branch
from approx_perception.clock import FakeClock
from approx_perception.pipeline import MailboxCounts, shared_budgets
from approx_perception.ros.health import CameraHealth, Level, WatchdogLimits
from approx_perception.ros.start_log import log_start
from approx_perception.structures import (
    SLA,
    BesideRun,
    Decision,
    Detections,
    FrameResult,
    StageTimings,
)
from approx_perception.testing.fakes import small_space

LIMITS = WatchdogLimits(max_allowed_processing_ms=50.0, max_consecutive_delay_ms=400.0)
SOME = MailboxCounts(received=9)


def result(processing_ms, sla_ms=100.0):
    decision = Decision(Branch(320), "detect", True, False, 1.0, 1.0, 0.5, "")
    timings = StageTimings(processing_ms=processing_ms)
    return FrameResult(0, "", 0, Detections.empty(), decision, SLA(sla_ms), timings)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def health(clock):
    return CameraHealth(clock)


def feed(health, clock, processing_ms, count=1, sla_ms=100.0, period_ms=100.0):
    for _ in range(count):
        health.received()
        health.begins()
        clock.advance_ms(processing_ms)
        health.succeeded(result(processing_ms, sla_ms), 5.0, 1.0, LIMITS)
        clock.advance_ms(max(period_ms - processing_ms, 0.0))


def verdict(health, counts=SOME, problems=(), silence=""):
    judgement = health.judge(counts, silence, list(problems), LIMITS)
    return judgement.level, judgement.message


def test_waiting_until_the_first_image(health):
    assert verdict(health, MailboxCounts()) == (Level.WARN, "waiting for the first image")
    judged = verdict(health, MailboxCounts(), silence="nobody publishes")
    assert judged == (Level.WARN, "waiting for the first image: nobody publishes")


def test_all_is_well(health, clock):
    feed(health, clock, 20.0, 10)
    assert verdict(health) == (Level.OK, "processing")
    values = health.judge(SOME, "", [], LIMITS).values
    assert values["input rate (Hz)"] == "10.0"
    assert values["age at publication (ms)"] == "5.0"
    assert values["SLA"].endswith("unknown (0 late of 10 frames; 20 are needed to tell)")


def test_one_slow_frame_is_a_warning_and_only_once(health, clock):
    feed(health, clock, 20.0, 5)
    feed(health, clock, 80.0)
    assert verdict(health) == (Level.WARN, "a frame took 80 ms, allowed are 50")
    feed(health, clock, 20.0)
    assert verdict(health)[0] is Level.OK


def test_nothing_but_slow_frames_is_an_error(health, clock):
    feed(health, clock, 80.0, 3)
    assert verdict(health)[0] is Level.WARN
    feed(health, clock, 80.0, 2)
    level, message = verdict(health)
    assert level is Level.ERROR
    assert message.startswith("every frame has taken more than 50 ms for 0.5 s")


def test_a_stuck_worker_is_an_error_though_it_says_nothing(health, clock):
    feed(health, clock, 20.0, 3)
    health.begins()
    clock.advance_ms(300.0)
    assert verdict(health)[0] is Level.OK
    clock.advance_ms(200.0)
    assert verdict(health) == (Level.ERROR, "a frame is under way for 500 ms")


def test_a_refused_frame_is_told_once(health, clock):
    feed(health, clock, 20.0, 3)
    health.begins()
    health.failed(ValueError("no image"))
    assert verdict(health) == (Level.ERROR, "frame refused: no image")
    assert verdict(health)[0] is Level.OK
    assert health.judge(SOME, "", [], LIMITS).values["refused"] == "1"


def test_what_fails_beside_the_frames_is_told_once_and_refuses_none(health, clock):
    feed(health, clock, 20.0, 3)
    health.begins()
    failed = BesideRun(0, 5.0, 40.0, ValueError("out of memory"))
    health.succeeded(replace(result(20.0), beside=failed), 5.0, 1.0, LIMITS)
    assert verdict(health) == (
        Level.ERROR, "the network failed beside the frames, which go on: out of memory",
    )  # fmt: skip
    assert verdict(health)[0] is Level.OK
    values = health.judge(SOME, "", [], LIMITS).values
    assert [values[name] for name in ("processed", "refused", "failed beside the frames")] == [
        "4", "0", "1",
    ]  # fmt: skip


def test_the_age_of_what_was_found_beside_is_told(health, clock):
    told = "age of what came from beside (ms)"
    feed(health, clock, 20.0)
    assert health.judge(SOME, "", [], LIMITS).values[told] == ""
    health.succeeded(replace(result(20.0), beside=BesideRun(0, 30.0, 66.0)), 5.0, 1.0, LIMITS)
    assert health.judge(SOME, "", [], LIMITS).values[told] == "66.0"


def test_a_camera_that_dies_is_noticed(health, clock):
    feed(health, clock, 20.0, 10)
    assert health.is_active
    clock.advance_ms(1500.0)
    assert not health.is_active
    assert verdict(health) == (Level.WARN, "no image for 1.6 s")
    assert verdict(health, silence="it left") == (Level.WARN, "no image for 1.6 s: it left")


def test_a_slow_camera_is_not_dead_between_its_images(health, clock):
    feed(health, clock, 20.0, 5, period_ms=2000.0)
    assert health.is_active


def test_a_missed_sla_is_a_warning(health, clock):
    feed(health, clock, 20.0, 40, sla_ms=10.0)
    level, message = verdict(health)
    assert level is Level.WARN
    assert message == "SLA 10 ms for 95 % of frames: broken (100 % late)"
    # Another SLA begins to count anew.
    feed(health, clock, 20.0, 40, sla_ms=30.0)
    assert verdict(health)[0] is Level.OK
    assert health.judge(SOME, "", [], LIMITS).values["violation rate"] == "0.0000"


@pytest.mark.parametrize(("asked", "words"), [(0.5, "processing"), (0.9, "only 0.50 is expected")])
def test_an_accuracy_that_no_branch_reaches_is_a_warning(health, asked, words):
    health.received()
    health.begins()
    told = replace(result(20.0), sla=SLA(100.0, accuracy=asked))
    health.succeeded(told, 5.0, 1.0, LIMITS)
    assert words in verdict(health)[1]


def test_a_caution_is_the_mildest_warning(health, clock):
    feed(health, clock, 20.0, 3)
    judgement = health.judge(SOME, "", [], LIMITS, "shapes only")
    assert (judgement.level, judgement.message) == (Level.WARN, "shapes only")
    feed(health, clock, 80.0)
    assert health.judge(SOME, "", [], LIMITS, "shapes only").message.startswith("a frame took")


def test_the_verdict_is_of_all_since_the_last(health, clock):
    assert health.judgement_since_last() is None
    feed(health, clock, 20.0, 400, sla_ms=30.0)
    feed(health, clock, 40.0, 100, sla_ms=30.0)
    text = "SLA 30 ms for 95 % of frames: broken (20 % late)"
    assert health.judgement_since_last().message == text
    assert health.judgement_since_last() is None
    feed(health, clock, 20.0, 40, sla_ms=30.0)
    assert (
        health.judgement_since_last().message == "SLA 30 ms for 95 % of frames: kept (100 % inside)"
    )


def test_the_verdict_says_that_nothing_fits(health, clock):
    for _ in range(40):
        tight = result(20.0, 10.0)
        tight = replace(tight, decision=replace(tight.decision, fits=False, fastest_ms=18.0))
        health.begins()
        health.succeeded(tight, 5.0, 1.0, LIMITS)
    assert health.judgement_since_last().message == (
        "SLA 10 ms for 95 % of frames: broken (100 % late; no branch fits: the fastest takes 18 ms "
        "at P95)"
    )


def test_problems_of_topics_are_warnings(health, clock):
    feed(health, clock, 20.0, 3)
    assert verdict(health, problems=["image: does not fit"]) == (Level.WARN, "image: does not fit")


def refuse(health, count):
    for _ in range(count):
        health.begins()
        health.failed(RuntimeError("no memory"))


def test_frames_that_were_refused_are_named(health, clock):
    refuse(health, 90)
    judged = health.judgement_since_last()
    assert judged.level is Level.WARN
    assert judged.message == "90 of 90 frames refused, the last: no memory"
    feed(health, clock, 20.0, 90)
    refuse(health, 90)
    judged = health.judgement_since_last()
    assert judged.level is Level.WARN
    assert judged.message == (
        "SLA 100 ms for 95 % of frames: kept (100 % inside); "
        "90 of 180 frames refused, the last: no memory"
    )
    feed(health, clock, 20.0, 90)
    judged = health.judgement_since_last()
    assert judged.level is Level.OK
    assert "refused" not in judged.message


def test_each_sla_of_a_minute_is_judged_by_itself(health, clock):
    feed(health, clock, 60.0, 170, sla_ms=20.0)
    feed(health, clock, 60.0, 100, sla_ms=100.0)
    feed(health, clock, 10.0, 170, sla_ms=20.0)
    judged = health.judgement_since_last()
    assert judged.level is Level.WARN
    assert judged.message == (
        "SLA 20 ms for 95 % of frames: broken (50 % late); "
        "SLA 100 ms for 95 % of frames: kept (100 % inside)"
    )


@pytest.mark.parametrize(
    ("took_ms", "level", "late"), [(60.0, Level.OK, 0), (2e3, Level.WARN, 897)]
)
def test_an_sla_that_changes_with_every_frame_fills_no_log(health, clock, took_ms, level, late):
    for frame in range(900):
        feed(health, clock, took_ms, sla_ms=100.0 + frame)
    judged = health.judgement_since_last()
    assert judged.level is level
    assert judged.message.endswith(f"; 897 other SLAs: {late} of 897 late")
    assert judged.message.count("SLA ") == 3


def test_a_minute_of_a_quick_camera_is_counted_whole(health, clock):
    feed(health, clock, 30.0, 300, sla_ms=20.0)
    feed(health, clock, 10.0, 2700, sla_ms=20.0)
    assert "broken (10 % late)" in health.judgement_since_last().message


def test_a_share_names_what_the_user_set(health, clock):
    share = shared_budgets({name: SLA(20.0) for name in "ab"})["a"]
    for _ in range(40):
        health.begins()
        health.succeeded(replace(result(15.0), sla=share), 5.0, 1.0, LIMITS)
    words = "SLA 10 ms (its share of 20 ms) for 95 % of frames: broken (100 % late)"
    assert health.judgement_since_last().message == words
    assert health.judge(SOME, "", [], LIMITS).values["SLA"] == words


class Log(list):
    info = warning = list.append


@pytest.mark.parametrize(("slas", "words"), [
    ({"": SLA(20.0)}, "SLA 20 ms for 95 % of frames, policy"),
    ({"a": SLA(20.0), "b": SLA(20.0)},
     "SLA 20 ms for 95 % of frames (10 ms each while all 2 cameras send images), policy"),
    ({"a": SLA(20.0), "b": SLA(100.0)},
     "a: SLA 20 ms for 95 % of frames; b: SLA 100 ms for 95 % of frames (10 ms each while all 2 "),
])  # fmt: skip
def test_the_start_log_has_each_cameras_sla(slas, words):
    log = Log()
    network = MagicMock(
        accuracy_source="profile",
        space=small_space(),
        memory_mb=41.0,
        runtime_reason="openvino 1 ms",
    )
    network.kernel.class_names, network.detector.caution = ("disc",), ""
    network.latency.return_value.idle_ms.return_value = np.arange(4.0)
    log_start(log, network, slas, "most_accurate", "")
    for start in (
        words,
        "runtime: openvino 1 ms",
        "all branches are resident: they and the network grew the process by 41 MB, to ",
    ):
        assert any(line.startswith(start) for line in log), log
