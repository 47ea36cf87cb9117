"""A second kernel, to test that nothing but detection's own parts knows detection.

It tells how bright an image is, at a side to which it shrinks the image and at an exit: the later
one leaves, the more often it looks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.branches import CompiledSpace, Part, Run, Space, compile_space
from approx_perception.clock import FakeClock
from approx_perception.kernels import Batch, Kernel, KernelOutput, KernelState, Trial
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.structures import Content, Decision, Frame

__all__ = ["Brightness", "ToyBranch", "ToyKernel", "ToySpace"]

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]

#: A change of the brightness, 0..1, that is another scene.
_CUT = 0.5


@dataclass(frozen=True, slots=True)
class ToyBranch:
    """Two knobs."""

    side: int
    exit: int

    def __str__(self) -> str:
        return f"side={self.side},exit={self.exit}"


class ToySpace(Space[ToyBranch]):
    """All pairs of sides and exits."""

    task = "toy"
    knobs = ("side", "exit")

    def __init__(self, sides: Sequence[int] = (32, 64), exits: Sequence[int] = (1, 2)) -> None:
        self.sides, self.exits = tuple(sides), tuple(exits)
        super().__init__("toy", [ToyBranch(*knobs) for knobs in product(sides, exits)])

    @cached_property
    def compiled(self) -> CompiledSpace:
        """A part each; all frames are of one kind."""
        parts = [Part(f"look at {branch}", "look", str(branch)) for branch in self]
        return compile_space(parts, [[Run("look", (part,))] for part in parts])

    def describe(self) -> str:
        """See `Space`."""
        return f"side {self.sides}, exit {self.exits}"

    @property
    def default_branch(self) -> ToyBranch:
        """See `Space`."""
        return ToyBranch(max(self.sides), max(self.exits))

    def parse(self, text: str, default: ToyBranch | None = None) -> ToyBranch:
        """See `Space`."""
        named = dict(item.split("=") for item in text.split(",") if item)
        return replace(
            default or self.default_branch, **{knob: int(value) for knob, value in named.items()}
        )

    def with_branch(self, branch: ToyBranch) -> "ToySpace":
        """See `Space`."""
        return ToySpace([branch.side], [branch.exit])

    def to_dict(self) -> dict[str, Any]:
        """See `Space`."""
        return {"name": self.name, "side": list(self.sides), "exit": list(self.exits)}


@dataclass(frozen=True, slots=True)
class Brightness(Content):
    """Brightness of the last frame, 0..1; nan before there was one."""

    brightness: float = float("nan")


class _Costs:
    """A constant, and the image's size."""

    names: tuple[str, ...] = ("constant", "image_mpx")
    content_type: type[Content] = Brightness

    def __init__(self, part_count: int) -> None:
        self._part_count = part_count

    def __call__(
        self, content: Content, image_size: tuple[int, int], profiled_size: tuple[int, int]
    ) -> Vector:
        image_mpx = image_size[0] * image_size[1] / 1e6
        return np.tile([1.0, image_mpx], (self._part_count, 1))


class ToyKernel(Kernel):
    """See `Kernel`.

    Parameters
    ----------
    space
        Of branches.
    clock
        Is moved by what a part is to take; None for what it really takes.
    """

    description = "toy"
    fingerprint = "toy 1"

    def __init__(self, space: ToySpace | None = None, clock: FakeClock | None = None) -> None:
        self.space = space or ToySpace()
        self.cost_terms = _Costs(len(self.space))
        self.batched_parts = tuple(range(len(self.space)))
        self._clock = clock
        #: How much longer everything takes on the fake clock.
        self.slowdown = 1.0
        self.failing: set[ToyBranch] = set()

    def ms(self, branch: ToyBranch) -> float:
        """What a branch takes on the fake clock: 1 ms for 32 px and a look, and so on."""
        return self.slowdown * branch.exit * (branch.side / 32) ** 2

    def state(self) -> "ToyState":
        """See `Kernel`."""
        return ToyState(self)

    def look(self, image: Image, branch: ToyBranch, is_free: bool = False) -> float:
        """Brightness of an image, 0..1."""
        if branch in self.failing:
            raise RuntimeError("out of memory")
        if self._clock is not None and not is_free:
            self._clock.advance_ms(self.ms(branch))
        looks = [
            cv2.resize(image, (branch.side, branch.side), interpolation=cv2.INTER_AREA).mean()
            for _ in range(branch.exit)
        ]
        return float(np.mean(looks)) / 255

    def run_together(self, frames: Sequence[tuple[Any, Frame]], part: int) -> list[Any]:
        """See `Kernel`; on the fake clock, two images take the time of one."""
        images = [frame.image for _, frame in frames]
        return [self.look(each, self.space[part], i % 2 == 1) for i, each in enumerate(images)]

    def trials(self, images: Sequence[Image], seed: int = 0) -> Iterator[Trial]:
        """See `Kernel`."""
        size = images[0].shape[1], images[0].shape[0]
        for part, branch in enumerate(self.space):
            for image in images:
                yield Trial(part, size, Brightness(), partial(self.look, image, branch))


class ToyState(KernelState):
    """See `KernelState`."""

    def __init__(self, kernel: ToyKernel) -> None:
        self._kernel = kernel
        self.reset()

    def reset(self) -> None:
        """See `KernelState`."""
        self._content = Brightness(is_known=False)

    def sense(self, frame: Frame) -> Brightness:
        """See `KernelState`."""
        return self._content

    def run(
        self, frame: Frame, decision: Decision, timer: StageTimer, batch: Batch | None = None
    ) -> KernelOutput:
        """See `KernelState`."""
        branch: Any = decision.branch
        part = self._kernel.space.index(branch)
        if batch is None:
            with timer.part(part, "look"):
                brightness = self._kernel.look(frame.image, branch)
        else:
            timer.charge(part, "look", batch.ms, batch.size)
            brightness = batch.found
        change = abs(brightness - self._content.brightness)
        self._content = Brightness(brightness)
        why_end = "a cut" if change > _CUT else ""
        return KernelOutput(brightness, self._content, why_end)
