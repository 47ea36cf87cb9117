"""What every branch would have published on frames in memory, and how good that is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from approx_perception.clock import FakeClock
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.kernels import Kernel, KernelState, Replay
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.machine import core_count
from approx_perception.metrics.scoring._base import Match, Scoring
from approx_perception.pipeline.driver import Conditions, Driver, drive
from approx_perception.structures import SLA, Decision, Frame, FrameResult

__all__ = ["MatchedReplay", "Matcher", "match_all", "matcher", "replay_all"]

#: Compares what was published for a frame with its truth: position of the frame, and output.
Matcher = Callable[[int, Any], Match]


@dataclass(frozen=True, slots=True, eq=False)
class MatchedReplay:
    """Branches whose groups begin with the same part.

    Attributes
    ----------
    replay
        What they would have published.
    matches
        ``{position of the branch in the space: its match of each frame}``.
    """

    replay: Replay
    matches: dict[int, list[Match]]


def replay_all(
    kernel: Kernel,
    frames: Sequence[LabelledFrame],
    match: Matcher,
    state: KernelState | None = None,
) -> Iterator[MatchedReplay]:
    """Replay all branches of a kernel's space.

    A network serves one thread at a time, so this one runs it while others do what is left and
    compare. Time is not measured here, so that all cores may work.

    Parameters
    ----------
    kernel
        That runs.
    frames
        Of one stream, all with ground truth.
    match
        Called from several threads.
    state
        With options that matter; left out, a new one.
    """

    def matched(work: Callable[[], Replay]) -> MatchedReplay:
        replay = work()
        return MatchedReplay(replay, match_all(replay.outputs, match))

    works = (state or kernel.state()).replays([entry.frame for entry in frames])
    with ThreadPoolExecutor(core_count()) as pool:
        for replay in [pool.submit(matched, work) for work in works or _works(kernel, frames)]:
            yield replay.result()


def matcher(scoring: Scoring, frames: Sequence[LabelledFrame], class_map: ClassMap) -> Matcher:
    """Compare outputs with the truth of frames that all have it."""

    def match(frame: int, output: Any) -> Match:
        truth = frames[frame].ground_truth
        if truth is None:
            raise AssertionError("frames that are compared have ground truth")
        return scoring.match(scoring.mapped(output, class_map), truth)

    return match


def match_all(outputs: Mapping[int, Sequence[Any]], match: Matcher) -> dict[int, list[Match]]:
    """Compare what branches published with the truth; what they share is compared once."""
    known: dict[tuple[int, int], Match] = {}
    matches: dict[int, list[Match]] = {}
    for branch, own in outputs.items():
        row = matches.setdefault(branch, [])
        for frame, output in enumerate(own):
            key = (frame, id(output))
            if key not in known:
                known[key] = match(frame, output)
            row.append(known[key])
    return matches


def _works(kernel: Kernel, frames: Sequence[LabelledFrame]) -> Iterator[Callable[[], Replay]]:
    """Every branch by itself, where branches share nothing."""
    compiled = kernel.space.compiled
    members: dict[int, list[int]] = {}
    for branch in range(len(kernel.space)):
        members.setdefault(compiled.parts_of(branch, 0)[0], []).append(branch)
    for main_part, branches in members.items():
        begun = _FixedBranch(kernel, branches[0], group_frames=1).follow(frames)
        outputs = {}
        for branch in branches:
            length = int(compiled.group_frames[branch])
            is_known = branch == branches[0] and length == 1
            results = begun if is_known else _FixedBranch(kernel, branch, length).follow(frames)
            outputs[branch] = [result.output for result in results]
        replay = Replay(main_part, [result.content for result in begun], outputs)
        yield partial(lambda done: done, replay)


class _FixedBranch:
    """A system that runs one branch all the time, in no time."""

    def __init__(self, kernel: Kernel, branch: int, group_frames: int) -> None:
        self.sla = SLA(1.0)
        self._space, self._state = kernel.space, kernel.state()
        self._branch, self._group_frames, self._position = branch, group_frames, 0
        self._results: list[FrameResult] = []

    def follow(self, frames: Sequence[LabelledFrame]) -> list[FrameResult]:
        """What comes of frames."""
        drive(frames, [Driver(self, Conditions({0: self.sla}, {}), [self])])
        return self._results

    def add(self, frame: Frame, result: FrameResult | None, *_: Any) -> None:
        """See `Listener`; a frame that fails ends the replay."""
        if result is not None:
            self._results.append(result)

    def process(self, frame: Frame) -> FrameResult:
        """See `System`."""
        position, nan = self._position % self._group_frames, float("nan")
        self._position += 1
        kind = self._space.compiled.kinds[self._space.compiled.kind_at(self._branch, position)]
        decision = Decision(
            self._space[self._branch], kind, position == 0, False, nan, nan, nan, "replayed"
        )
        timer = StageTimer(FakeClock(), 0.0)
        given = self._state.run(frame, decision, timer)
        return FrameResult(
            frame.stamp_ns, frame.source_id, frame.sequence, given.output, decision, self.sla,
            timer.finish(), content=given.content,
        )  # fmt: skip
