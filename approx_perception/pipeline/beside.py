"""What to do with each frame while a slow part runs beside: events in, instructions out.

No thread, no clock: who feeds it runs the slow part, for real or as simulated.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from approx_perception.branches.compiled import MOST_STEPS
from approx_perception.structures import Frame

__all__ = [
    "BesideMachine",
    "BringForward",
    "Carry",
    "Event",
    "FrameArrived",
    "Instruction",
    "PartEnded",
    "Reset",
    "StartPart",
]


@dataclass(frozen=True, slots=True, eq=False)
class FrameArrived:
    """The newest frame; ``starts``: the slow part is to be started on it."""

    frame: Frame
    starts: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PartEnded:
    """The slow part of a ticket came to its end; ``failed``: it found nothing."""

    ticket: int
    found: Any = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """What was found in frames until now says nothing about those to come."""


@dataclass(frozen=True, slots=True, eq=False)
class StartPart:
    """Run the slow part on a frame, and tell its end with the ticket."""

    ticket: int
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class Carry:
    """Carry what is known to a frame, which is the next one."""

    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class BringForward:
    """Bring what was found in ``origin`` forward over ``between`` to ``frame``."""

    found: Any
    origin: Frame
    between: tuple[Frame, ...]
    frame: Frame


Event: TypeAlias = FrameArrived | PartEnded | Reset
Instruction: TypeAlias = StartPart | Carry | BringForward


class BesideMachine:
    """Frames are carried while the slow part is under way; what it found is brought forward.

    One slow part is under way at a time. Of the frames that come meanwhile so many are kept that
    what was found reaches the present one in `MOST_STEPS` steps: beyond that every other one is
    left out, so that neither memory nor time grows with the delay.
    """

    def __init__(self) -> None:
        self._ticket = 0
        self._is_busy = False
        #: That the slow part was started on; None if what it finds is not wanted (any more).
        self._origin: Frame | None = None
        #: Frames since then, each so many after the one before; and how many came in all.
        self._between: list[Frame] = []
        self._stride, self._passed = 1, 0
        #: What was found and waits for the next frame.
        self._found: PartEnded | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a slow part is under way, wanted or not."""
        return self._is_busy

    @property
    def brings_forward(self) -> bool:
        """Whether something was found that the next frame takes in."""
        return self._found is not None

    def handle(self, event: Event) -> list[Instruction]:
        """Take in an event; what is to be done now, in this order.

        The slow part comes first, so that it runs while the frame is carried.
        """
        if isinstance(event, FrameArrived):
            return self._arrived(event)
        if isinstance(event, Reset):
            self._forget()
        elif event.ticket == self._ticket and self._is_busy:
            self._is_busy = False
            if event.failed or self._origin is None:
                self._forget()
            else:
                self._found = event
        return []

    def _arrived(self, event: FrameArrived) -> list[Instruction]:
        frame, instruction = event.frame, self._for_frame(event.frame)
        if not event.starts or self._is_busy:
            return [instruction]
        self._forget()
        self._ticket, self._is_busy, self._origin = self._ticket + 1, True, frame
        return [StartPart(self._ticket, frame), instruction]

    def _for_frame(self, frame: Frame) -> Instruction:
        found, origin = self._found, self._origin
        if found is None or origin is None:
            self._keep(frame)
            return Carry(frame)
        between = tuple(self._between)
        self._forget()
        return BringForward(found.found, origin, between, frame)

    def _keep(self, frame: Frame) -> None:
        if self._origin is None:
            return
        self._passed += 1
        if self._passed % self._stride == 0:
            self._between.append(frame)
        if len(self._between) >= MOST_STEPS:
            self._between = self._between[1::2]
            self._stride *= 2

    def _forget(self) -> None:
        self._origin, self._found = None, None
        self._between, self._stride, self._passed = [], 1, 0
