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
    before, after
        SLA in ms, or level of contention.
    reaction_frames, reaction_ms
        Until latency was back inside the SLA to stay; 0 if it never left; None if it never came
        back before the next step.
    """

    frame: int
    kind: str
    before: float
    after: float
    reaction_frames: int | None
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
    if not len(late):
        return 0
    length = min(CALM_FRAMES, len(late))
    if not late[:length].any():
        return 0
    windows = np.convolve(late, np.ones(length), "valid") <= 1
    calm = np.flatnonzero(windows & ~late[: len(windows)])
    return int(calm[0]) if len(calm) else None


def steps_of(record: RunRecord) -> list[Step]:
    """All steps of a run with the reactions to them; frames that were dropped take no part."""
    frames = {
        name: record.processed(name)
        for name in ("sla_ms", "contention_level", "processing_ms", "stamp_ns", "published_ns")
    }
    late = frames["processing_ms"] > frames["sla_ms"]
    columns = {"SLA": frames["sla_ms"], "contention": frames["contention_level"]}
    changes = sorted(
        (int(position) + 1, kind)
        for kind, column in columns.items()
        for position in np.flatnonzero(np.diff(column))
    )
    edges = [*sorted({position for position, _ in changes}), len(late)]
    steps = []
    for position, kind in changes:
        end = next(edge for edge in edges if edge > position)
        calm = calm_position(late[position:end])
        steps.append(
            Step(
                position, kind, float(columns[kind][position - 1]),
                float(columns[kind][position]), calm,
                None if calm is None else _reaction_ms(frames, position, calm),
            )
        )  # fmt: skip
    return steps


def _reaction_ms(frames: dict[str, npt.NDArray[np.int64]], step: int, calm: int) -> float:
    """From the capture of the first frame after a step to the first output that was in time."""
    if calm == 0:
        return 0.0
    stamps = frames["stamp_ns"]
    out_ns = int(stamps[step + calm]) + int(frames["processing_ms"][step + calm] * 1e6)
    return max(out_ns - int(stamps[step]), 0) / 1e6
