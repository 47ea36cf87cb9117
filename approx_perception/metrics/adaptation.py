"""How a run answered steps of SLA and contention."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.metrics.run_record import RunRecord

__all__ = ["Step", "calm_position", "steps_of"]

#: A step is mastered from the first of so many frames in a row of which at most one is late.
CALM_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A change of SLA or contention, and what followed.

    Attributes
    ----------
    frame
        Position of the first frame under the new conditions.
    kind
        ``SLA`` or ``contention``.
    reaction_ms
        From the capture of that frame to the first output from which latency is inside the SLA to
        stay; 0 if it never left; None if it never came back before the next step.
    """

    frame: int
    kind: str
    reaction_ms: float | None


def calm_position(late: npt.NDArray[np.bool_]) -> int | None:
    """Position from which latency is inside to stay.

    Parameters
    ----------
    late
        ``(N,)`` whether each frame since the step was over its SLA.

    Returns
    -------
    int or None
        The first frame in time that begins a run of ten of which at most one is late; 0 if none
        of the first ten was. In less than ten frames all that remain count. None if there is none.
    """
    length = min(CALM_FRAMES, len(late))
    if not late[:length].any():
        return 0
    windows = np.convolve(late, np.ones(length), "valid") <= 1
    calm = np.flatnonzero(windows & ~late[: len(windows)])
    return int(calm[0]) if len(calm) else None


def steps_of(record: RunRecord) -> list[Step]:
    """All steps of a run with the reactions to them; frames that were dropped take no part."""
    latency_ms, sla_ms = record.processed("processing_ms"), record.processed("sla_ms")
    late, stamps_ns = latency_ms > sla_ms, record.processed("stamp_ns")
    columns = {"SLA": sla_ms, "contention": record.processed("contention_level")}
    changes = sorted(
        (position + 1, kind)
        for kind, column in columns.items()
        for position in np.flatnonzero(np.diff(column)).tolist()
    )
    edges = [*(position for position, _ in changes), len(late)]
    steps = []
    for position, kind in changes:
        end = next(edge for edge in edges if edge > position)
        calm = calm_position(late[position:end])
        reaction_ms = None if calm is None else 0.0
        if calm:
            waited_ms = (stamps_ns[position + calm] - stamps_ns[position]) / 1e6
            reaction_ms = max(float(waited_ms + latency_ms[position + calm]), 0.0)
        steps.append(Step(position, kind, reaction_ms))
    return steps
