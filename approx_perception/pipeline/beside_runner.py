"""Who runs the slow part beside the frames: a thread, or a model of one by the frames' stamps."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any
from weakref import WeakKeyDictionary

from approx_perception.clock import Clock
from approx_perception.exceptions import described

__all__ = ["BesideRunner", "BesideThread", "ModelledBeside", "Work"]

_JOIN_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A slow part to run, and what came of it.

    Attributes
    ----------
    ticket, part
        Of whoever starts it, and the part's position in `CompiledSpace.parts`.
    run
        Runs it.
    stamp_ns
        Of the frame that it runs on.
    found, error
        What it returned, or raised.
    ms
        What it took.
    """

    ticket: int
    part: int
    run: Callable[[], Any]
    stamp_ns: int
    found: Any = None
    error: Exception | None = None
    ms: float = 0.0

    def done(self, clock: Clock) -> "Work":
        """Run it; whatever goes wrong is in the result."""
        start_ns = clock.monotonic_ns()
        found, failure = None, None
        try:
            found = self.run()
        except Exception as error:
            failure = error
        except BaseException as error:
            # Else a library that wants to end the process would end the thread in silence.
            failure = RuntimeError(described(error))
        ms = (clock.monotonic_ns() - start_ns) / 1e6
        return replace(self, found=found, error=failure, ms=ms)


class BesideRunner(ABC):
    """Runs one slow part at a time, for one or several streams."""

    @abstractmethod
    def may_start(self, owner: Hashable) -> bool:
        """Whether it is free, and it is the turn of this stream."""

    @abstractmethod
    def start(self, owner: Hashable, work: Work) -> None:
        """Run it; after `may_start` said so."""

    def settle(self) -> None:  # noqa: B027
        """Wait until nothing is under way: the network serves somebody else then."""

    @abstractmethod
    def ended(self, owner: Hashable, stamp_ns: int) -> Work | None:
        """What this stream started and has not asked for since, if it is over by a stamp."""


class ModelledBeside(BesideRunner):
    """Runs it at once, and tells of it when it would be over: frames come at their stamps.

    For sources that are read faster or slower than they were filmed. What running side by side
    costs both is not modelled.

    Parameters
    ----------
    clock
        Times it.
    part_ms
        What a part takes in its place; None where the clock tells.
    """

    def __init__(self, clock: Clock, part_ms: Callable[[int], float] | None = None) -> None:
        self._clock, self._part_ms = clock, part_ms
        self._work: Work | None = None

    def may_start(self, owner: Hashable) -> bool:
        """See `BesideRunner`; it has one stream."""
        return self._work is None

    def start(self, owner: Hashable, work: Work) -> None:
        """See `BesideRunner`."""
        done = work.done(self._clock)
        if self._part_ms is not None:
            done = replace(done, ms=self._part_ms(done.part))
        self._work = done

    def ended(self, owner: Hashable, stamp_ns: int) -> Work | None:
        """See `BesideRunner`; where stamps do not rise, at the next frame."""
        work = self._work
        if work is None or 0 < stamp_ns - work.stamp_ns < work.ms * 1e6:
            return None
        self._work = None
        return work


class BesideThread(BesideRunner):
    """A thread that serves all streams of a network, which takes one call at a time.

    Streams wait in a queue, not their frames: whose turn it is starts on its newest one. A stream
    whose turn it is, but which sends no frame, is passed over once all others have asked.

    Parameters
    ----------
    clock
        Monotonic.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Condition()
        self._jobs: SimpleQueue[tuple[Hashable, Work] | None] = SimpleQueue()
        #: Of streams that still are.
        self._ended: WeakKeyDictionary[Hashable, Work] = WeakKeyDictionary()
        self._busy_since_ns: int | None = None
        self._waiting: list[Hashable] = []
        #: How often another one may ask before the first one in the queue is passed over.
        self._patience = 0
        self._thread = threading.Thread(target=self._serve, name="beside", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """False after `stop`, once what was under way is over."""
        return self._thread.is_alive()

    @property
    def busy_ms(self) -> float:
        """For how long something is under way; 0 for nothing."""
        since_ns = self._busy_since_ns
        return 0.0 if since_ns is None else (self._clock.monotonic_ns() - since_ns) / 1e6

    def may_start(self, owner: Hashable) -> bool:
        """See `BesideRunner`."""
        with self._lock:
            if self._busy_since_ns is None and self._is_turn_of(owner):
                self._waiting = [other for other in self._waiting if other != owner]
                return True
            if owner not in self._waiting:
                self._waiting.append(owner)
            return False

    def _is_turn_of(self, owner: Hashable) -> bool:
        if not self._waiting or self._waiting[0] == owner:
            return True
        self._patience -= 1
        if self._patience < 0:
            del self._waiting[0]
        return self._patience < 0

    def start(self, owner: Hashable, work: Work) -> None:
        """See `BesideRunner`."""
        with self._lock:
            self._busy_since_ns = self._clock.monotonic_ns()
        self._jobs.put((owner, work))

    def ended(self, owner: Hashable, stamp_ns: int) -> Work | None:
        """See `BesideRunner`; stamps count for nothing."""
        with self._lock:
            return self._ended.pop(owner, None)

    def settle(self) -> None:
        """See `BesideRunner`."""
        with self._lock:
            self._lock.wait_for(lambda: self._busy_since_ns is None)

    def stop(self) -> None:
        """End after what is under way, and wait a moment for that; `is_alive` tells."""
        self._jobs.put(None)
        self._thread.join(timeout=_JOIN_S)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            owner, work = job
            done = work.done(self._clock)
            with self._lock:
                self._ended[owner] = done
                self._busy_since_ns, self._patience = None, len(self._waiting)
                self._lock.notify_all()
            # Nothing is held on to until the next one comes.
            del job, owner, work, done
