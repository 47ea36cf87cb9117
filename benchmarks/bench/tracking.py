"""MedianFlow for all objects at once against OpenCV's, one after the other."""

from collections.abc import Iterator

import cv2
import numpy as np
import trackers
from bench.rows import Row

from approx_perception.machine import core_count

__all__ = ["tracker_rows"]

_COUNTS = (1, 8, 16, 32)
_SIZE = (640, 480)


def tracker_rows(rounds: int) -> Iterator[Row]:
    """A step of each, by number of objects."""
    cv2.setNumThreads(core_count())
    for count in _COUNTS:
        samples = trackers.measure(trackers.MEDIAN_FLOW[:1], _SIZE, count, rounds)
        ours, theirs = samples["median_flow/1"], samples[trackers.REFERENCE]
        yield Row(
            "trackers", f"MedianFlow step, {count} objects", float(np.median(ours[:, 1])),
            float(np.percentile(ours[:, 1], 95)), "OpenCV's MedianFlow",
            float(np.median(theirs[:, 1])), more={"rounds": rounds},
        )  # fmt: skip
