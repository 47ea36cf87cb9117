"""ApproxNet's scheduler on latencies that a profile recorded, beside those who know more."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from approx_perception.assembly import KernelOptions
from approx_perception.datasets import LabelledFrame, open_source
from approx_perception.datasets.class_map import ClassMap
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.evaluation.systems import BuiltSystem, RecordedMachine, SystemFactory
from approx_perception.kernels import Kernel
from approx_perception.latency.records import ProfileRecords
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.simulation.hindsight import branch_latencies_ms
from approx_perception.simulation.replay import Matcher, matcher, replay_all
from approx_perception.simulation.simulated_stream import simulate
from approx_perception.structures import SLA, ImageComplexity

__all__ = ["Outcome", "RecordedWorld", "SIZE"]

SIZE = (640, 480)
#: Frames after a step of contention that an adaptive system may be late in: a second of video.
_SECOND = 30


@dataclass(frozen=True)
class Outcome:
    """What a system did in N frames."""

    top1: float
    latencies_ms: np.ndarray
    sla_ms: float
    #: ``(N,)`` whether contention changed less than a second ago.
    after_step: np.ndarray
    switches: int

    @property
    def late(self) -> float:
        return float((self.latencies_ms > self.sla_ms).mean())

    @property
    def late_outside(self) -> float:
        """Share of late frames outside the first second after a step."""
        return float((self.latencies_ms > self.sla_ms)[~self.after_step].mean())

    @property
    def mean_ms(self) -> float:
        return float(self.latencies_ms.mean())


def replayed(
    kernel: Kernel, frames: Sequence[LabelledFrame], match: Matcher, cache: Path
) -> tuple[np.ndarray, list[ImageComplexity]]:
    """``(B, N)`` whether each branch is right in each frame, and what was sensed of the frames.

    From a file if one of this network and as many frames is there.
    """
    if cache.exists():
        kept = np.load(cache)
        if kept["network"] == kernel.fingerprint and kept["right"].shape[1] == len(frames):
            return kept["right"], [ImageComplexity(int(c)) for c in kept["categories"]]
    right = np.zeros((len(kernel.space), len(frames)), bool)
    for own in replay_all(kernel, frames, match):
        categories = [content.category for content in own.replay.contents]
        for branch, matches in own.matches.items():
            right[branch] = [found == 0 for found in matches]
    np.savez(cache, right=right, categories=categories, network=kernel.fingerprint)
    return right, [ImageComplexity(int(c)) for c in categories]


class RecordedWorld:
    """Labelled frames, all branches run over them, and a recorded machine.

    Parameters
    ----------
    profile
        With its records beside it.
    videos
        ``(source, frames)`` of each; taken for one stream.
    cache
        File for what branches make of the frames.
    """

    def __init__(self, profile: Path, videos: Sequence[tuple[str, int]], cache: Path) -> None:
        self.profile, self._cache = profile, cache
        self.machine = RecordedMachine(ProfileRecords.load(profile.with_suffix(".records.json")))
        self.frames: list[LabelledFrame] = []
        for name, count in videos:
            source = open_source(name, None, count)
            self.frames += source
        self._factory = SystemFactory(self.machine)
        own = self.built("most_accurate", 1e3, self.idle)
        self.network, self.space = own.network, own.network.space
        names = ClassMap(own.class_names, source.class_names, {})
        self._match = matcher(scoring_of("classification"), self.frames, names)

    def idle(self, frame: int) -> int:
        """Level of no contention."""
        return 0

    def contended(self, frame: int) -> int:
        """Through all recorded levels and again, each time for a tenth of the frames."""
        part = frame * 10 // len(self.frames)
        return part % len(self.machine.levels)

    def built(
        self, kind: str, sla_ms: float, level: Callable[[int], int], accuracy: float = 0.0
    ) -> BuiltSystem:
        options = KernelOptions(
            task="classification", profile=self.profile, image_size=SIZE,
            sla=SLA(sla_ms, accuracy=accuracy),
        )  # fmt: skip
        return self._factory.build(SystemSpec.create(kind, options), level)

    @cached_property
    def _replayed(self) -> tuple[np.ndarray, list[ImageComplexity]]:
        kernel = self.network.kernel
        return replayed(kernel, self.frames, self._match, self._cache)

    @property
    def right(self) -> np.ndarray:
        """``(B, N)`` whether each branch is right in each frame."""
        return self._replayed[0]

    @property
    def categories(self) -> np.ndarray:
        """``(N,)`` complexity."""
        return np.array([content.category for content in self._replayed[1]])

    def latencies_ms(self, level: Callable[[int], int]) -> np.ndarray:
        """``(B, N)`` of each branch, if it ran all the time."""
        own = self.built("most_accurate", 1e3, level)
        contents = dict.fromkeys(range(len(self.space)), self._replayed[1])
        return branch_latencies_ms(own.machine, contents)

    @cached_property
    def slas_ms(self) -> list[float]:
        """From the fastest to the slowest branch, by their P95 on the idle machine."""
        p95 = np.percentile(self.latencies_ms(self.idle), 95, axis=1)
        return np.geomspace(1.1 * p95.min(), 1.1 * p95.max(), 6).round(1).tolist()

    def run(
        self, kind: str, sla_ms: float, level: Callable[[int], int], accuracy: float = 0.0
    ) -> Outcome:
        """A system, frame by frame."""
        system = self.built(kind, sla_ms, level, accuracy).system
        results = []

        class Kept:
            def add(self, frame, result, *_) -> None:
                results.append(result)

        simulate(system, self.frames, [system.sla] * len(self.frames), [Kept()])
        right = [self._match(i, result.output) == 0 for i, result in enumerate(results)]
        branches = np.array([self.space.index(result.decision.branch) for result in results])
        took = np.array([result.timings.processing_ms for result in results])
        return self._outcome(np.array(right), branches, took, sla_ms, level)

    def known_afterwards(self, sla_ms: float, level: Callable[[int], int]) -> dict[str, Outcome]:
        """Systems that know more than ours can.

        ``knows contention`` takes, of the branches of which 95 % are in time at the present level,
        the one of the best expected accuracy. ``knows each latency`` takes it of those that are in
        time in this very frame, and ``knows the label`` of these one that is right.
        """
        took = self.latencies_ms(level)
        expected = self._expected()
        frames, fits = np.arange(took.shape[1]), took <= sla_ms
        levels = np.array([level(frame) for frame in frames.tolist()])
        p95 = np.zeros_like(took)
        for own in np.unique(levels):
            at = levels == own
            p95[:, at] = np.percentile(took[:, at], 95, axis=1)[:, None]
        chosen = {}
        for name, needs, value in (
            ("knows contention", p95, expected),
            ("knows each latency", took, expected),
            ("knows the label", took, self.right + 1e-3 * expected),
        ):
            best = np.where(needs <= sla_ms, value, -np.inf).argmax(axis=0)
            chosen[name] = np.where((needs <= sla_ms).any(axis=0), best, needs.argmin(axis=0))
        kept = (~fits).mean(axis=1) <= 0.05
        if kept.any():
            best = np.where(kept, self.right.mean(axis=1), -1).argmax()
            chosen["best fixed"] = np.full(len(frames), best)
        return {
            name: self._outcome(
                self.right[own, frames], own, took[own, frames], sla_ms, level
            )
            for name, own in chosen.items()
        }  # fmt: skip

    def fixed(self, branch: int, sla_ms: float, level: Callable[[int], int]) -> Outcome:
        took = self.latencies_ms(level)[branch]
        own = np.full(len(took), branch)
        return self._outcome(self.right[branch], own, took, sla_ms, level)

    def _expected(self) -> np.ndarray:
        """``(B, N)`` accuracy as the profile, or what ships with the weights, has it."""
        predict = self.network.accuracy.predict
        return np.array([predict(content) for content in self._replayed[1]]).T

    def _outcome(
        self, right: np.ndarray, branches: np.ndarray, took: np.ndarray, sla_ms: float,
        level: Callable[[int], int],
    ) -> Outcome:  # fmt: skip
        levels = np.array([level(i) for i in range(len(took))])
        steps = np.flatnonzero(np.diff(levels)) + 1
        after = np.zeros(len(took), bool)
        for step in steps:
            after[step : step + _SECOND] = True
        switches = int((np.diff(branches) != 0).sum())
        return Outcome(float(right.mean()), took, sla_ms, after, switches)

    def by_category(self) -> Iterator[tuple[str, list[float]]]:
        """Top-1 of each branch in each category."""
        for branch, right in zip(self.space, self.right, strict=True):
            yield (
                str(branch),
                [float(right[self.categories == c].mean()) if (self.categories == c).any()
                 else float("nan") for c in range(7)],
            )  # fmt: skip
