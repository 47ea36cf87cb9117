"""The worst there is to say of the node comes first."""

from dataclasses import replace

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.ros.health import Level
from approx_perception.ros.node_health import NodeCondition, NodeHealth

WELL = NodeCondition(
    "active", "", True, None, worker_died=False, is_leaving=False, malformed=0, graph_problems=[],
    load_problems=[], load_status="",
)  # fmt: skip


def judged(**changes):
    judgement = NodeHealth().judge(replace(WELL, **changes))
    return judgement.level, judgement.message


def test_what_is_said_of_each_condition():
    assert judged() == (Level.OK, "active")
    assert judged(state="inactive") == (Level.OK, "inactive")
    assert judged(state="configuring", doing="downloading: 3 %") == (
        Level.OK,
        "configuring: downloading: 3 %",
    )
    assert judged(is_enabled=False) == (Level.WARN, "disabled")
    assert judged(worker_died=True)[0] == Level.ERROR
    assert judged(error=ValueError("no file"), is_enabled=False) == (
        Level.ERROR,
        "ValueError: no file",
    )
    assert judged(error=MemoryError()) == (Level.ERROR, "MemoryError")
    assert judged(beside_ms=900.0, most_beside_ms=1000.0) == (Level.OK, "active")
    level, message = judged(beside_ms=1100.0, most_beside_ms=1000.0, is_enabled=False)
    assert (level, "at work on one frame for 1100 ms" in message) == (Level.ERROR, True)


def test_all_warnings_are_told_together():
    level, message = judged(
        load_problems=["silent"],
        graph_problems=["two of them", "2 publishers of /clock"],
        is_leaving=True,
    )
    assert level == Level.WARN
    assert all(
        words in message
        for words in ("load topics: silent", "two of them", "under way", "of /clock")
    )


def test_malformed_detections_are_a_warning_when_they_come_and_a_count_for_good():
    health = NodeHealth()
    assert "gave 3 detections" in health.judge(replace(WELL, malformed=3)).message
    later = health.judge(replace(WELL, malformed=3))
    assert (later.level, later.values["malformed detections dropped"]) == (Level.OK, "3")
