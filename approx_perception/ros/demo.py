"""The demonstration: real nodes in real processes, an SLA that changes, a record of all of it."""

import csv
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from approx_perception.exceptions import ProcessDiedError
from approx_perception.ros.live_run import free_domain
from approx_perception.ros.processes import NodeProcess
from approx_perception.ros.recorder import RecordedFrame, Recorder
from approx_perception.ros.transport import set_image_transport

__all__ = ["SYNTHETIC_FRAMES", "DemoOptions", "DemoRecord", "SlaPhase", "record_demo"]

_READY_TIMEOUT_S = 120.0
_FIRST_FRAME_TIMEOUT_S = 20.0
_SETTLE_S = 1.5
#: Length of a synthetic video, before it loops.
SYNTHETIC_FRAMES = 1200


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demonstration shows.

    Attributes
    ----------
    source
        See `open_source`.
    node_parameters
        Of the perception node, beside its SLA.
    sla_scope
        ``frame`` or ``gof``.
    loose_ms
        SLA of the first and the last third.
    tight_ms
        SLA of the second third; None for half of what the first third was expected to take.
    seconds
        Length of the play.
    """

    source: str
    node_parameters: dict[str, object]
    sla_scope: str = "gof"
    loose_ms: float = 100.0
    tight_ms: float | None = None
    seconds: float = 45.0


@dataclass(frozen=True, slots=True)
class SlaPhase:
    """One SLA and when it was in force, in ROS time."""

    name: str
    sla_ms: float
    start_ns: int
    end_ns: int


@dataclass(slots=True)
class DemoRecord:
    """All that was observed.

    Attributes
    ----------
    phases
        In order.
    frames
        What the topics carried, by stamp.
    sent
        ``(index in the source, stamp_ns)`` of each image, from the player's log.
    diagnostics
        Last status of the perception node.
    exit_codes
        Of the processes, after they were told to end.
    """

    phases: list[SlaPhase] = field(default_factory=list)
    frames: list[RecordedFrame] = field(default_factory=list)
    sent: list[tuple[int, int]] = field(default_factory=list)
    diagnostics: dict[str, str] = field(default_factory=dict)
    exit_codes: dict[str, int] = field(default_factory=dict)


class _Session:
    """The processes and the recorder of one demonstration."""

    def __init__(self, options: DemoOptions, folder: Path) -> None:
        self._options = options
        self._folder = folder
        domain_id, self._variables = free_domain()
        os.environ.update(self._variables)
        set_image_transport()
        self.processes: list[NodeProcess] = []
        self.recorder = Recorder(domain_id)

    def check(self) -> None:
        for process in self.processes:
            process.check()

    def start_perception(self) -> None:
        parameters = {
            **self._options.node_parameters,
            "sla.latency_ms": float(self._options.loose_ms),
            "sla.scope": self._options.sla_scope,
        }
        log = self._folder / "perception_node.log"
        self.processes.append(NodeProcess("perception_node", parameters, log, self._variables))
        ready = self._wait(lambda: self.recorder.is_ready, _READY_TIMEOUT_S)
        if not ready:
            raise ProcessDiedError(f"perception_node was not ready within {_READY_TIMEOUT_S:g} s")

    def start_player(self) -> None:
        parameters = {
            "source": self._options.source, "loop": True, "wait_for_subscriber": True,
            "frames": SYNTHETIC_FRAMES, "log_file": str(self._folder / "sent.csv"),
        }  # fmt: skip
        log = self._folder / "player_node.log"
        self.processes.append(NodeProcess("player_node", parameters, log, self._variables))
        if not self._wait(lambda: bool(self.recorder.recording.frames), _FIRST_FRAME_TIMEOUT_S):
            raise ProcessDiedError(
                f"no detections arrived within {_FIRST_FRAME_TIMEOUT_S:g} s of starting the player"
            )

    def _wait(self, done: Callable[[], bool], timeout_s: float) -> bool:
        return self.recorder.spin_until(done, timeout_s, self.check)

    def play_phase(self, name: str, sla_ms: float) -> SlaPhase:
        """Set an SLA and receive for a third of the time."""
        self.recorder.set_parameters({"sla.latency_ms": float(sla_ms)}, self.check)
        start_ns = self.recorder.now_ns()
        self._wait(lambda: False, self._options.seconds / 3)
        return SlaPhase(name, sla_ms, start_ns, self.recorder.now_ns())

    def tight_ms(self) -> float:
        """Half of what the scheduler expects of its present branch, unless the user says."""
        if self._options.tight_ms is not None:
            return self._options.tight_ms
        frames = self.recorder.recording.complete_frames()
        if not frames or frames[-1].decision is None:
            raise ProcessDiedError("perception_node published no decision in the first phase")
        expected_ms = min(frames[-1].decision.expected_quantile_ms, self._options.loose_ms)
        return max(round(expected_ms / 2, 1), 0.5)

    def finish(self, record: DemoRecord) -> None:
        """End the player, let the node come to rest, and collect everything."""
        perception, player = self.processes
        self.processes = [perception]
        record.exit_codes[player.name] = player.stop()
        self._wait(lambda: False, _SETTLE_S)
        record.diagnostics = self.recorder.recording.diagnostics
        record.frames = self.recorder.recording.complete_frames()
        self.processes = []
        record.exit_codes[perception.name] = perception.stop()
        record.sent = _read_sent(self._folder / "sent.csv")
        for name, code in record.exit_codes.items():
            if code not in (0, -signal.SIGINT):
                raise ProcessDiedError(f"{name} ended with exit code {code} when told to stop")

    def close(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.recorder.close()


def _read_sent(path: Path) -> list[tuple[int, int]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(int(row["index"]), int(row["stamp_ns"])) for row in csv.DictReader(file)]


def record_demo(
    options: DemoOptions, folder: Path, report: Callable[[str], None] = lambda _: None
) -> DemoRecord:
    """Play a source through real nodes under a loose, a tight and again a loose SLA.

    Parameters
    ----------
    options
        What to show.
    folder
        Gets the processes' logs.
    report
        Called with a line on what is being done.

    Raises
    ------
    ProcessDiedError
        If a process ends or falls silent while it is needed; names it.
    """
    record = DemoRecord()
    session = _Session(options, folder)
    try:
        report("starting perception_node: loading and measuring all branches")
        session.start_perception()
        report(f"starting player_node: {options.source}")
        session.start_player()
        for name in ("loose", "tight", "loose again"):
            sla_ms = session.tight_ms() if name == "tight" else options.loose_ms
            report(f"SLA {sla_ms:g} ms ({name}) for {options.seconds / 3:.0f} s")
            record.phases.append(session.play_phase(name, sla_ms))
        report("stopping")
        session.finish(record)
    finally:
        session.close()
    return record
