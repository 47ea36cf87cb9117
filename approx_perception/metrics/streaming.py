"""Accuracy in time: what was known at each instant, against what was there at that instant.

Streaming accuracy (sAP) of Li, Wang and Ramanan, Towards Streaming Perception (ECCV 2020): at the
time of each ground truth, the newest output published until then is scored, however old the frame
that it was made from. A system that is late is compared with a world that has moved on.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import GroundTruth

__all__ = ["newest_output", "streamed"]


def newest_output(record: RunRecord) -> list[int | None]:
    """Position of the newest frame whose output was out when each frame was taken; None for none.

    Newest by its stamp, should outputs overtake each other.
    """
    frames = record.frames
    answered = np.flatnonzero(frames["processed"])
    order = answered[np.argsort(frames["published_ns"][answered], kind="stable")]
    published = frames["published_ns"][order]
    # Newest by stamp among the outputs published first, second ...
    best: list[int] = []
    for position in order.tolist():
        is_newer = not best or frames["stamp_ns"][position] >= frames["stamp_ns"][best[-1]]
        best.append(position if is_newer else best[-1])
    counts = np.searchsorted(published, frames["stamp_ns"], "right")
    return [best[count - 1] if count else None for count in counts.tolist()]


def streamed(
    record: RunRecord, outputs: Mapping[int, Any] | None = None
) -> Iterator[tuple[Any, GroundTruth]]:
    """Yield what was known and what was there, at the time of every frame with ground truth.

    Dropped frames count too: the world does not stop. ``outputs`` are those of processed frames,
    by position, in place of those recorded.
    """
    output = record.output if outputs is None else outputs.__getitem__
    for frame, newest in enumerate(newest_output(record)):
        truth = record.ground_truth(frame)
        if truth is not None:
            yield record.scoring.empty() if newest is None else output(newest), truth
