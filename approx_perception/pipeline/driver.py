"""The one loop: frames of a source through systems, and what came of them to listeners."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from approx_perception.datasets import LabelledFrame
from approx_perception.pipeline.failures import FrameFailures
from approx_perception.structures import SLA, Frame, FrameResult, GroundTruth

__all__ = ["Conditions", "Driver", "Listener", "System", "drive"]


class System(Protocol):
    """Anything that turns frames into results under an SLA.

    Attributes
    ----------
    sla
        In force for the next frame; set by whoever feeds it.
    """

    sla: SLA

    def process(self, frame: Frame) -> FrameResult:
        """Process a frame."""
        ...


class Listener(Protocol):
    """Takes in what came of each frame: a recorder, a writer of files, a progress bar."""

    def add(
        self,
        frame: Frame,
        result: FrameResult | None,
        truth: GroundTruth | None,
        published_ns: int,
        contention_level: int,
    ) -> None:
        """Take in the next frame.

        Parameters
        ----------
        frame
            As its source gave it.
        result
            None for a frame that was dropped, or that failed.
        truth
            None where it is not known.
        published_ns
            When the result was out, in the stream's time; 0 where time does not matter.
        contention_level
            What was done to the machine meanwhile; -1 for nothing known.
        """
        ...


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run is subjected to, by the frames' numbers in their source.

    Attributes
    ----------
    slas
        ``{first frame: SLA}`` in ascending order; one for frame 0.
    levels
        ``{first frame: level of contention}``, likewise; empty where nothing is known of it.
    camera
        Whether frames come when a camera would deliver them, so that those that come while the
        one before is processed are dropped but for the newest; else every frame is processed.
    """

    slas: Mapping[int, SLA]
    levels: Mapping[int, int]
    camera: bool = False

    def sla(self, frame: int) -> SLA:
        """In force for a frame."""
        return self.slas[_last_step(self.slas, frame)]

    def level(self, frame: int) -> int:
        """Contention during a frame; -1 where nothing is known of it."""
        return self.levels[_last_step(self.levels, frame)] if self.levels else -1


def _last_step(steps: Mapping[int, object], frame: int) -> int:
    firsts = list(steps)
    return firsts[bisect_right(firsts, frame) - 1]


class Driver:
    """Feeds one system, frame by frame, so that several systems can take turns.

    Parameters
    ----------
    system
        To be fed.
    conditions
        Of the run.
    listeners
        Told of every frame, in order.
    name
        Of the system, for what is said of frames that failed.
    """

    def __init__(
        self,
        system: System,
        conditions: Conditions,
        listeners: Sequence[Listener],
        name: str = "the system",
    ) -> None:
        self._system, self._conditions, self._listeners = system, conditions, listeners
        self._failures = FrameFailures(name)
        #: The newest frame that waits for the one before.
        self._waiting: LabelledFrame | None = None
        self._free_ns = 0

    def feed(self, entry: LabelledFrame) -> None:
        """Take the next frame; with a camera it waits, and the frame before may be processed."""
        if not self._conditions.camera:
            self._process(entry)
            return
        waiting, self._waiting = self._waiting, entry
        if waiting is None:
            return
        if max(self._free_ns, waiting.frame.stamp_ns) <= entry.frame.stamp_ns:
            self._process(waiting)
        else:
            self._tell(waiting, None)

    def finish(self) -> None:
        """Process what waits, and say how many frames failed.

        Raises
        ------
        InferenceError
            If every frame failed.
        """
        if self._waiting is not None:
            self._process(self._waiting)
        self._failures.tell()

    def _process(self, entry: LabelledFrame) -> None:
        frame = entry.frame
        self._system.sla = self._conditions.sla(frame.sequence)
        result = self._failures.attempt(self._system.process, frame)
        published_ns = 0
        if result is not None and self._conditions.camera:
            start_ns = max(self._free_ns, frame.stamp_ns)
            self._free_ns = published_ns = start_ns + round(result.timings.processing_ms * 1e6)
        self._tell(entry, result, published_ns)

    def _tell(
        self, entry: LabelledFrame, result: FrameResult | None, published_ns: int = 0
    ) -> None:
        level = self._conditions.level(entry.frame.sequence)
        for listener in self._listeners:
            listener.add(entry.frame, result, entry.ground_truth, published_ns, level)


def drive(
    entries: Iterable[LabelledFrame],
    drivers: Sequence[Driver],
    begin: Callable[[Frame], None] = lambda _: None,
) -> None:
    """Feed all drivers, frame by frame, in another order each time: see `_turns`.

    Parameters
    ----------
    entries
        Of one source.
    drivers
        Each with a system of its own.
    begin
        Called with each frame before anybody takes it.

    Raises
    ------
    InferenceError
        If every frame failed.
    """
    for position, entry in enumerate(entries):
        begin(entry.frame)
        for turn in _turns(len(drivers), position):
            drivers[turn].feed(entry)
    for driver in drivers:
        driver.finish()


def _turns(count: int, position: int) -> list[int]:
    """Order in which so many take a frame: over time each follows each other equally often.

    Drift so hits all alike, and what one takes longer for right after another. A Williams square,
    for odd counts in turns with its mirror image.
    """
    zigzag = [place // 2 if place % 2 == 0 else count - 1 - place // 2 for place in range(count)]
    turns = [(each + position) % count for each in zigzag]
    return turns[::-1] if count % 2 and position // count % 2 else turns
