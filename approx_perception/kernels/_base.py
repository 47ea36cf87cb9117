"""What a kernel offers: all that the rooms above may ask of one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Space
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.structures import Content, Decision, Frame

__all__ = [
    "Batch",
    "CostTerms",
    "Kernel",
    "KernelOutput",
    "KernelState",
    "Replay",
    "RunsBeside",
    "Trial",
]

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What `Kernel.run_together` gave for one frame of several.

    Attributes
    ----------
    found
        Of this frame; of the kernel's own type.
    size
        Frames of the batch.
    ms
        What the whole batch took.
    """

    found: Any
    size: int
    ms: float


@dataclass(frozen=True, slots=True, eq=False)
class KernelOutput:
    """What came of a frame.

    Attributes
    ----------
    output
        To publish, record and score; of the kernel's own type.
    content
        What is known of the scene by now.
    why_end
        What in the output should end the group early; empty for nothing.
    forecast
        What tells the output at later times; of the kernel's own type, None for nothing.
    """

    output: Any
    content: Content
    why_end: str = ""
    forecast: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One call of a part, to be timed.

    Attributes
    ----------
    part
        Position in `CompiledSpace.parts`.
    image_size
        Width and height in px of the image that it is given.
    content
        What it is given else.
    run
        What is timed.
    prepare
        What must come right before, and is not timed.
    """

    part: int
    image_size: tuple[int, int]
    content: Content
    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What branches whose groups begin with one part would publish for N frames.

    Attributes
    ----------
    main_part
        Its position in `CompiledSpace.parts`.
    contents
        ``(N,)`` what would be known after each frame if a group began in every one.
    outputs
        ``{position of a branch: (N,) outputs}`` if it ran all the time, from the first frame on;
        what branches share is the same object.
    """

    main_part: int
    contents: Sequence[Any]
    outputs: dict[int, list[Any]]


class CostTerms(Protocol):
    """What the parts' costs are sums of.

    Attributes
    ----------
    names
        Of the Q terms.
    content_type
        What they are told from.
    """

    names: tuple[str, ...]
    content_type: type[Content]

    def __call__(
        self, content: Any, image_size: tuple[int, int], profiled_size: tuple[int, int]
    ) -> Vector:
        """``(P, Q)`` terms of each part, 0 where one does not count.

        For content and an image's width and height in px; ``profiled_size`` is that of the images
        on which the parts were timed. A part that does nothing has no terms and costs nothing; on
        some content each part has one.
        """
        ...


class KernelState(ABC):
    """What a kernel remembers of one camera; used from one thread at a time."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all: the next frame is of another stream, or begins a group anew."""

    @abstractmethod
    def sense(self, frame: Frame) -> Content:
        """Tell what is known of the scene before a frame is processed; costs next to nothing."""

    @abstractmethod
    def run(
        self, frame: Frame, decision: Decision, timer: StageTimer, batch: Batch | None = None
    ) -> KernelOutput:
        """Process a frame.

        Parameters
        ----------
        frame
            Its image must not be written to.
        decision
            A branch of the kernel's space, and the kind of this frame.
        timer
            Is to time each part of the frame by itself, and whatever else is worth it.
        batch
            What the frame's main part gave, where it ran for several cameras together.
        """

    def replays(self, frames: Sequence[Frame]) -> Iterator[Callable[[], Replay]] | None:
        """Yield work whose results tell what all branches would publish for frames of a stream.

        For kernels whose branches share much. The network runs while work is yielded; what is
        yielded may be done in any thread. None: each branch is to be run by itself.
        """
        return None


class RunsBeside(ABC):
    """A state whose frames are carried while what begins a group runs beside them.

    For kernels whose space has branches that can (`Space.beside`). `find` is called in a thread of
    its own, one call at a time; all else as `KernelState.run` is.
    """

    @abstractmethod
    def find(self, frame: Frame, branch: Any) -> Any:
        """Run the slow part of a branch on a frame; changes nothing that other methods read."""

    @abstractmethod
    def carry(self, frame: Frame, branch: Any, timer: StageTimer) -> KernelOutput:
        """Carry what is known to the next frame; before anything is, the output holds nothing."""

    @abstractmethod
    def bring_forward(
        self, found: Any, frames: Sequence[Frame], branch: Any, timer: StageTimer
    ) -> KernelOutput:
        """Take in what `find` found.

        Parameters
        ----------
        found
            Of the first of the frames.
        frames
            That one, some of those after it, and the present one, by which the output is.
        branch
            That carries from now on.
        timer
            As in `KernelState.run`.
        """


class Kernel(ABC):
    """A network whose branches are all resident; shared by all cameras, never changed.

    Called from one thread at a time. What differs from camera to camera is in `KernelState`.

    Attributes
    ----------
    space
        The branches, and what they compile to.
    class_names
        What class ids in its output mean.
    description
        Network, weights and device, for humans and result files.
    caution
        What a user of real images must know of the network; empty for nothing.
    cost_terms
        What the parts' costs depend on.
    batched_parts
        Positions of the parts that `run_together` can run.
    malformed_count
        Results dropped so far because they mean nothing.
    """

    space: Space[Any]
    class_names: tuple[str, ...] = ()
    description: str
    caution: str = ""
    cost_terms: CostTerms
    batched_parts: tuple[int, ...] = ()

    @property
    def task(self) -> str:
        """What it does, such as ``detection``."""
        return self.space.task

    @property
    def malformed_count(self) -> int:
        """See the class."""
        return 0

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Tells whether a profile is of this network."""

    @abstractmethod
    def state(self) -> KernelState:
        """Build what one camera needs, so that a switch builds nothing."""

    @abstractmethod
    def trials(self, images: Sequence[Image], seed: int = 0) -> Iterator[Trial]:
        """Yield calls of all parts on successive images of one size, whose costs vary as in use.

        A trial may be run again to time it again.
        """

    def run_together(self, frames: Sequence[tuple[Any, Frame]], part: int) -> list[Any]:
        """Run one of `batched_parts` on frames of one size; what it finds in each.

        Each frame comes with the state of its camera, which must not be changed.
        """
        raise NotImplementedError
