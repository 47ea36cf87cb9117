"""Memory over a long run: it must not grow."""

from collections.abc import Iterator

import numpy as np
import psutil

from approx_perception.assembly import Network
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.structures import Frame

__all__ = ["long_run"]

_SIZE = (160, 120)
_CHECKS = 10


def long_run(network: Network, frames: int) -> Iterator[tuple[int, float]]:
    """Yield number of frames so far and memory of the process in MB, ten times."""
    video = SyntheticVideo("crowd", "test", 0, 200, width=_SIZE[0], height=_SIZE[1])
    images = [entry.frame.image for entry in video]
    stream, own = network.stream(), psutil.Process()
    for index in range(frames):
        image = images[index % len(images)]
        stream.process(Frame(image, index * 33_000_000, "camera", index))
        if (index + 1) % (frames // _CHECKS) == 0:
            yield index + 1, own.memory_info().rss / 1e6


def slope_mb(points: list[tuple[int, float]]) -> float:
    """Growth in MB per 10,000 frames, by least squares, without the first tenth."""
    at, memory_mb = np.array(points[1:], float).T
    return float(np.polyfit(at, memory_mb, 1)[0] * 1e4)
