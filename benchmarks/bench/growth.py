"""How cost grows: with cameras, objects, pixels and branches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from bench.deciding import Deciding, space_of_size
from bench.rows import in_turns
from bench.stages import _association

from approx_perception.assembly import Network
from approx_perception.branches import TrackerSettings
from approx_perception.clock import MonotonicClock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.pipeline import CameraGroup, Stream
from approx_perception.structures import SLA, Detections, Frame
from approx_perception.trackers import create_tracker

__all__ = ["Growth", "growths", "plot"]

_IMAGE_SIZES = ((320, 240), (640, 480), (960, 720), (1280, 960), (1920, 1080))


@dataclass(frozen=True)
class Growth:
    """Cost at several sizes of one thing.

    Attributes
    ----------
    what, unit
        What grows, and what an axis says.
    sizes, ms, p95_ms
        ``(N,)`` each; ms are medians.
    """

    what: str
    unit: str
    sizes: np.ndarray
    ms: np.ndarray
    p95_ms: np.ndarray

    @property
    def slope(self) -> tuple[float, float]:
        """Cost of nothing, and of one more, by least squares; both in ms."""
        per_unit, fixed = np.polyfit(self.sizes, self.ms, 1)
        return float(fixed), float(per_unit)


def _measured(
    what: str, unit: str, contestants: Mapping[float, Callable[[], object]], rounds: int
) -> Growth:
    names = {str(size): run for size, run in contestants.items()}
    samples = in_turns(names, rounds)
    rows = [samples[name] for name in names]
    return Growth(
        what, unit, np.array(list(contestants), float), np.median(rows, 1),
        np.percentile(rows, 95, axis=1),
    )  # fmt: skip


def growths(network: Network, rounds: int) -> Iterator[Growth]:
    """All of them; the network's branch is the one that is fixed."""
    branches = {len(s): Deciding(s).group() for s in map(space_of_size, (10, 46, 230, 920, 2000))}
    yield _measured("decision and learning", "branches", branches, rounds)
    objects = (1, 10, 25, 50, 100)
    yield _measured(
        "association", "objects", {n: _association(n, 30)[0] for n in objects}, rounds
    )  # fmt: skip
    yield _measured("MedianFlow step", "objects", {n: _tracking(n) for n in objects}, rounds)
    frames = {w * h / 1e6: _frame(network, (w, h)) for w, h in _IMAGE_SIZES}
    yield _measured("whole frame", "megapixels", frames, max(rounds // 4, 5))
    cameras = {n: _cameras(network, n) for n in (1, 2, 4, 8)}
    yield _measured("a frame of each camera", "cameras", cameras, max(rounds // 4, 5))


def _tracking(objects: int) -> Callable[[], object]:
    tracker = create_tracker(TrackerSettings("median_flow", 1))
    video = SyntheticVideo("crowd", "test", 1, 2)
    first, second = video.render(0).image, video.render(1).image
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, (580, 420), (objects, 2))
    boxes = np.concatenate([corners, corners + 50], 1)
    found = Detections.from_arrays(boxes, np.ones(objects), np.zeros(objects, np.int64))
    tracker.initialize(first, found)
    images = [second, first]
    turn = count()
    return lambda: tracker.update(images[next(turn) % 2])


def _stream(network: Network) -> Stream:
    stream = network.stream()
    stream.sla = SLA(1000.0)
    return stream


def _frame(network: Network, size: tuple[int, int]) -> Callable[[], object]:
    stream, image = _stream(network), np.zeros((size[1], size[0], 3), np.uint8)
    image[:] = np.random.default_rng(0).integers(0, 256, image.shape, np.uint8)
    number = count()

    def process() -> None:
        index = next(number)
        stream.process(Frame(image, index * 33_000_000, "camera", index))

    return process


def _cameras(network: Network, cameras: int) -> Callable[[], object]:
    streams = {str(index): _stream(network) for index in range(cameras)}
    group = CameraGroup(streams, (), MonotonicClock())
    image = SyntheticVideo("mixed", "test", 1, 1).render(0).image
    number = count()

    def process() -> None:
        index = next(number)
        frames = [(name, Frame(image, index * 33_000_000, name, index)) for name in streams]
        for outcome in group.process(frames):
            if isinstance(outcome, Exception):
                raise outcome

    return process


def plot(own: Sequence[Growth], path: Path) -> None:
    """One panel each, with the straight line through it."""
    figure, axes = plt.subplots(1, len(own), figsize=(3.2 * len(own), 3), layout="constrained")
    for axis, each in zip(axes, own, strict=True):
        axis.plot(each.sizes, each.ms, "o-", label="median")
        axis.plot(each.sizes, each.p95_ms, ":", color="grey", label="P95")
        axis.set(title=each.what, xlabel=each.unit, ylabel="ms", xlim=(0, None), ylim=(0, None))
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
