"""Play a source through the real node and record what it published."""

import csv
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from approx_perception.datasets import FrameSource
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import ProcessDiedError
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.run_recorder import RunRecorder
from approx_perception.ros.processes import LOOPBACK, NodeProcess
from approx_perception.ros.recorder import RecordedFrame, Recorder
from approx_perception.ros.transport import set_image_transport

__all__ = ["free_domain", "play_live"]

_READY_TIMEOUT_S = 120.0
_FIRST_FRAME_TIMEOUT_S = 30.0
_SETTLE_S = 1.5
#: Domains above this clash with the ports that Linux gives out itself.
_DOMAINS = 100


def free_domain() -> tuple[int, dict[str, str]]:
    """Return a domain of our own on this machine only, unless the user names one."""
    domain_id = int(os.environ.get("ROS_DOMAIN_ID") or 1 + os.getpid() % _DOMAINS)
    return domain_id, {**LOOPBACK, "ROS_DOMAIN_ID": str(domain_id)}


def play_live(
    node_parameters: Mapping[str, object],
    player_parameters: Mapping[str, object],
    source: FrameSource,
    folder: Path,
    metadata: Mapping[str, Any],
    class_map: ClassMap,
    steps: Mapping[int, Callable[[Recorder, Callable[[], None]], int]],
    limit: int | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> RunRecord:
    """Play a source once, in real time, through a node in a process of its own.

    Parameters
    ----------
    node_parameters, player_parameters
        Of the two nodes.
    source
        What the player plays; read again here for its ground truth.
    folder
        Gets the nodes' logs.
    metadata
        Of the record.
    class_map
        From the classes of the node's network to those of the truth.
    steps
        ``{frame: what to do when it is sent}``; returns the level of contention from then on.
    limit
        Frames after which to stop.
    report
        Called with a line on what is being done.

    Raises
    ------
    ProcessDiedError
        If a node ends or falls silent while it is needed.
    """
    domain_id, variables = free_domain()
    os.environ.update(variables)
    set_image_transport()
    sent_path = folder / "sent.csv"
    levels: list[tuple[int, int]] = [(0, 0)]
    with ExitStack() as stack:
        recorder = Recorder(domain_id)
        stack.callback(recorder.close)
        report("starting perception_node")
        node = NodeProcess(
            "perception_node", node_parameters, folder / "perception_node.log", variables
        )
        stack.callback(node.stop)
        if not recorder.spin_until(lambda: recorder.is_ready, _READY_TIMEOUT_S, node.check):
            raise ProcessDiedError(f"perception_node was not ready within {_READY_TIMEOUT_S:g} s")
        report("playing")
        player = NodeProcess(
            "player_node",
            {**player_parameters, "wait_for_subscriber": True, "log_file": str(sent_path)},
            folder / "player_node.log", variables,
        )  # fmt: skip
        stack.callback(player.stop)
        first = recorder.spin_until(
            lambda: bool(recorder.recording.frames) or player.exit_code is not None,
            _FIRST_FRAME_TIMEOUT_S, node.check,
        )  # fmt: skip
        if not first or (player.exit_code or 0) != 0:
            raise ProcessDiedError(f"nothing was published; the player: {player.last_words()}")
        waiting = sorted(steps)
        while player.exit_code is None:
            sent = _read_sent(sent_path)
            if limit is not None and len(sent) >= limit:
                player.stop()
                break
            while waiting and len(sent) > waiting[0]:
                levels.append((waiting[0], steps[waiting.pop(0)](recorder, node.check)))
            recorder.spin_until(lambda: player.exit_code is not None, 0.1, node.check)
        if player.exit_code not in (0, None) and limit is None:
            raise ProcessDiedError(f"player_node failed: {player.last_words()}")
        recorder.spin_until(lambda: False, _SETTLE_S, node.check)
        frames = recorder.recording.complete_frames()
    return _to_record(frames, _read_sent(sent_path), source, metadata, class_map, levels, limit)


def _read_sent(path: Path) -> list[tuple[int, int]]:
    """Index and stamp of each image that was sent; a line still being written is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    return [(int(row["index"]), int(row["stamp_ns"])) for row in csv.DictReader(lines)]


def _to_record(
    frames: list[RecordedFrame],
    sent: list[tuple[int, int]],
    source: FrameSource,
    metadata: Mapping[str, Any],
    class_map: ClassMap,
    levels: list[tuple[int, int]],
    limit: int | None,
) -> RunRecord:
    """Join what was sent, what is really there, and what was published, by stamp."""
    recorder = RunRecorder({**metadata, "has_time": True, "has_stages": False}, class_map)
    by_stamp = {frame.stamp_ns: frame for frame in frames}
    stamps = dict(sent)
    for entry in source:
        index = entry.frame.sequence
        if index not in stamps or (limit is not None and index >= limit):
            continue
        frame = replace(entry.frame, stamp_ns=stamps[index])
        level = [level for first, level in levels if first <= index][-1]
        recorded = by_stamp.get(frame.stamp_ns)
        if recorded is None:
            recorder.add(frame, None, entry.ground_truth, contention_level=level)
            continue
        published_ns = frame.stamp_ns + round(recorded.age_ms * 1e6)
        recorder.add(frame, recorded.result, entry.ground_truth, published_ns, level)
    return recorder.finish()
