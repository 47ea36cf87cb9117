"""The demonstration: real nodes in real processes, an SLA that changes, a record of all of it."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from approx_perception.datasets.cameras import public_name
from approx_perception.exceptions import ProcessDiedError
from approx_perception.machine import core_count
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel
from approx_perception.ros.recorder import RecordedFrame
from approx_perception.ros.session import Session
from approx_perception.ros.tasks import NODE_TASKS

__all__ = ["SYNTHETIC_FRAMES", "DemoOptions", "DemoRecord", "SlaPhase", "record_demo"]

#: Length of a synthetic video, before it loops.
SYNTHETIC_FRAMES = 1200
#: They share the time of the play.
_PHASES = 4


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demonstration shows.

    Attributes
    ----------
    source
        See `open_source`.
    task
        Name of the node's task.
    node_parameters
        Of the node, beside its SLA.
    sla_scope
        ``frame`` or ``gof``.
    loose_ms
        SLA of the first and the last phase.
    tight_ms
        SLA of the phases between; None for half of what the first phase was expected to take.
    seconds
        Length of the play.
    """

    source: str
    task: str
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
        Last status of the node.
    exit_codes
        Of the processes, after they were told to end.
    """

    phases: list[SlaPhase] = field(default_factory=list)
    frames: list[RecordedFrame] = field(default_factory=list)
    sent: list[tuple[int, int]] = field(default_factory=list)
    diagnostics: dict[str, str] = field(default_factory=dict)
    exit_codes: dict[str, int] = field(default_factory=dict)


def record_demo(
    options: DemoOptions, folder: Path, report: Callable[[str], None] = lambda _: None
) -> DemoRecord:
    """Play a source through real nodes under a loose and a tight SLA, then with all cores busy.

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
    record, task = DemoRecord(), NODE_TASKS[options.task]
    with Session(folder, task) as session:
        report(f"starting {task.interface.name}: loading and measuring all branches")
        node = session.start_node(
            {
                **options.node_parameters, "sla.latency_ms": float(options.loose_ms),
                "sla.scope": options.sla_scope,
            }
        )  # fmt: skip
        report(f"starting player_node: {public_name(options.source)}")
        player = session.start_player(
            {"source": options.source, "loop": True, "frames": SYNTHETIC_FRAMES}
        )
        seconds = options.seconds / _PHASES
        record.phases.append(_play_phase(session, "loose", options.loose_ms, seconds, report))
        tight_ms = _tight_ms(options, session)
        record.phases.append(_play_phase(session, "tight", tight_ms, seconds, report))
        with ContentionGenerator(ContentionLevel(core_count())):
            record.phases.append(
                _play_phase(session, "tight, all cores busy", tight_ms, seconds, report)
            )
        record.phases.append(_play_phase(session, "loose again", options.loose_ms, seconds, report))
        report("stopping")
        record.exit_codes[player.name] = session.stop(player)
        session.settle()
        record.diagnostics = session.recorder.recording.diagnostics
        record.frames = session.recorder.recording.complete_frames()
        record.exit_codes[node.name] = session.stop(node)
        record.sent = session.sent()
    for name, code in record.exit_codes.items():
        if code not in (0, -signal.SIGINT):
            raise ProcessDiedError(f"{name} ended with exit code {code} when told to stop")
    return record


def _play_phase(
    session: Session, name: str, sla_ms: float, seconds: float, report: Callable[[str], None]
) -> SlaPhase:
    """Set an SLA and receive for some time."""
    report(f"SLA {sla_ms:g} ms ({name}) for {seconds:.0f} s")
    recorder = session.recorder
    recorder.set_parameters({"sla.latency_ms": float(sla_ms)}, session.check)
    start_ns = recorder.now_ns()
    session.wait(lambda: False, seconds)
    return SlaPhase(name, sla_ms, start_ns, recorder.now_ns())


def _tight_ms(options: DemoOptions, session: Session) -> float:
    """Half of what the scheduler expects of its present branch, unless the user says."""
    if options.tight_ms is not None:
        return options.tight_ms
    frames = session.recorder.recording.complete_frames()
    if not frames or frames[-1].decision is None:
        raise ProcessDiedError("the node published no decision in the first phase")
    expected_ms = min(frames[-1].decision.expected_quantile_ms, options.loose_ms)
    return max(round(expected_ms / 2, 1), 0.5)
