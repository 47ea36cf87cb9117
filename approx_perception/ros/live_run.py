"""Play a source through the real node and record what it published."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from approx_perception.datasets import FrameSource
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import ProcessDiedError
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.run_recorder import RunRecorder
from approx_perception.ros.recorder import RecordedFrame, Recorder
from approx_perception.ros.session import Session
from approx_perception.ros.tasks import NodeTask

__all__ = ["play_live"]


def play_live(
    task: NodeTask,
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
    task
        Of the node.
    node_parameters, player_parameters
        Of it and of the player.
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
    levels: list[tuple[int, int]] = [(0, 0)]
    with Session(folder, task) as session:
        recorder = session.recorder
        report(f"starting {task.interface.name}")
        node = session.start_node(node_parameters)
        report("playing")
        player = session.start_player(player_parameters)
        waiting = sorted(steps)
        while player.exit_code is None:
            sent = session.sent()
            if limit is not None and len(sent) >= limit:
                break
            while waiting and len(sent) > waiting[0]:
                levels.append((waiting[0], steps[waiting.pop(0)](recorder, node.check)))
            recorder.spin_until(lambda: player.exit_code is not None, 0.1, node.check)
        if session.stop(player) and limit is None:
            raise ProcessDiedError(f"player_node failed: {player.last_words()}")
        session.settle()
        frames, sent = recorder.recording.complete_frames(), session.sent()
    return _to_record(frames, sent, source, metadata, class_map, levels, limit)


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
