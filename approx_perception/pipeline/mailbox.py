"""A slot for one frame between the thread that receives and the one that works."""

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from approx_perception.clock import Clock

__all__ = ["Mailbox", "MailboxCounts"]

Item = TypeVar("Item")

_INTERVALS = 8
#: A stream is steady while its longest recent interval is below this multiple of the median.
_STEADY_RATIO = 2.0
#: Age in periods at which an item is not taken any more: a little below one, so that it is not
#: older than one when its processing begins.
_STALE_AFTER_PERIODS = 0.95


@dataclass(frozen=True, slots=True)
class MailboxCounts:
    """What became of the items so far.

    Attributes
    ----------
    received
        Put in.
    taken
        Handed to the worker.
    replaced
        Dropped because a newer one came first.
    stale
        Dropped because they were older than a whole period, so that a newer one was due.
    """

    received: int = 0
    taken: int = 0
    replaced: int = 0
    stale: int = 0


class Mailbox(Generic[Item]):
    """Newest wins: nothing queues, and what is older than a whole period is not taken.

    The period is learned from the arrivals; as long as they are not steady, nothing is stale.
    An item's age counts from its own stamp where that is credible: not in the future, and less
    than a period before it arrived. Else (a slow camera, a replayed bag) it counts from arrival.

    Parameters
    ----------
    clock
        Tells how long an item has waited.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._item: Item | None = None
        self._arrival_ns = 0
        self._birth_ns = 0
        self._intervals_ns: deque[int] = deque(maxlen=_INTERVALS)
        self._counts = MailboxCounts()
        self._closed = False

    @property
    def counts(self) -> MailboxCounts:
        """What became of the items so far; one still waiting is received and nothing else."""
        with self._condition:
            return self._counts

    def put(self, item: Item, age_ns: int = 0) -> None:
        """Offer an item, in place of one that still waits; ``age_ns`` is what its stamp says."""
        with self._condition:
            now_ns = self._clock.monotonic_ns()
            if self._counts.received:
                self._intervals_ns.append(now_ns - self._arrival_ns)
            replaced = self._counts.replaced + (self._item is not None)
            self._counts = replace(
                self._counts, received=self._counts.received + 1, replaced=replaced
            )
            self._item, self._arrival_ns = item, now_ns
            is_credible = 0 <= age_ns < (self._period_ns() or 0.0)
            self._birth_ns = now_ns - age_ns if is_credible else now_ns
            self._condition.notify()

    def take(self, timeout_s: float) -> Item | None:
        """Wait for an item that is fresh; None after the time-out or once closed."""
        with self._condition:
            self._drop_stale()
            self._condition.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            self._drop_stale()
            item, self._item = self._item, None
            if item is not None:
                self._counts = replace(self._counts, taken=self._counts.taken + 1)
            return item

    def close(self) -> None:
        """Wake a waiting worker for good."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _period_ns(self) -> float | None:
        """Median interval of a steady stream."""
        if len(self._intervals_ns) < _INTERVALS:
            return None
        median = float(np.median(self._intervals_ns))
        return median if max(self._intervals_ns) < _STEADY_RATIO * median else None

    def _drop_stale(self) -> None:
        period_ns = self._period_ns()
        if self._item is None or period_ns is None:
            return
        if self._clock.monotonic_ns() - self._birth_ns > _STALE_AFTER_PERIODS * period_ns:
            self._item = None
            self._counts = replace(self._counts, stale=self._counts.stale + 1)
