"""Measure what every part of a kernel takes on the idle machine, in seconds not minutes."""

import numpy as np
import numpy.typing as npt

from approx_perception.assembly.measuring import PartTimer, Report
from approx_perception.clock import Clock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.kernels import Kernel
from approx_perception.latency.fit import fit_latency
from approx_perception.latency.latency_model import LatencyModel

__all__ = ["calibrate", "calibration_images"]

#: The first one of each part does not count.
_IMAGES = 5
#: The synthetic crowd cannot be drawn smaller.
_SMALLEST_PX = 32


def calibration_images(image_size: tuple[int, int]) -> list[npt.NDArray[np.uint8]]:
    """Successive images of a synthetic crowd, of width and height in px."""
    width, height = (max(side, _SMALLEST_PX) for side in image_size)
    video = SyntheticVideo("crowd", "val", 0, _IMAGES, width, height)
    return [entry.frame.image for entry in video]


def calibrate(
    kernel: Kernel, image_size: tuple[int, int], clock: Clock, report: Report = lambda _: None
) -> LatencyModel:
    """Run every part a few times, which leaves it warm.

    Parameters
    ----------
    kernel
        What is measured.
    image_size
        Width and height in px of the images to expect.
    clock
        Times it.
    report
        Called with the name of each part before it is measured.
    """
    columns = PartTimer(kernel, clock).time(calibration_images(image_size), report=report)
    unread = np.full((1, 2), np.nan)
    return fit_latency(columns, unread, kernel.space.compiled, kernel.cost_terms)
