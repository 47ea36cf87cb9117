"""What a convention is: how an exporter writes boxes, scores and classes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import Candidates, grid
from approx_perception.exceptions import WeightsError, shown

__all__ = ["Convention", "Trial"]

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What a file gave for a test picture.

    Attributes
    ----------
    path
        Of the file, for errors.
    size
        Width and height of the input in px.
    outputs
        Arrays in the file's order.
    names
        Of the outputs.
    metadata
        What the exporter wrote into the file.
    stated
        The convention that the user names; empty for none.
    """

    path: Path
    size: Size
    outputs: Sequence[Any]
    names: Sequence[str]
    metadata: Mapping[str, str]
    stated: str = ""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the outputs; of what is no array, nothing."""
        return [tuple(getattr(output, "shape", ())) for output in self.outputs]

    @property
    def only_rows(self) -> Array | None:
        """The table ``(rows, columns)`` of a file whose only output is ``(1, rows, columns)``."""
        if len(self.outputs) != 1 or len(self.shapes[0]) != 3 or self.shapes[0][0] != 1:
            return None
        return np.asarray(self.outputs[0][0], np.float32)

    def of_name(self, name: str) -> Any:
        """Output of a name; None where there is none."""
        return self.outputs[list(self.names).index(name)] if name in self.names else None

    def refusal(self, reason: str) -> WeightsError:
        """Make the error that says what stands in the way."""
        return WeightsError(f"{self.path} is no detector that can be used: {reason}")

    def described(self) -> str:
        """What it gave, in words."""
        width, height = self.size
        given = ", ".join(f"{n} {s}" for n, s in zip(self.names, self.shapes, strict=True))
        return f"of {width}x{height} px it makes {shown(given)[1:-1]}"


class Convention(ABC):
    """How one exporter writes what a network found; a new one is a file here.

    `recognise` is called once for a file, `problem` for each size that is tried at start,
    `mismatch` and `decode` for each image.

    Attributes
    ----------
    name
        As the user writes it; a network's description begins with it.
    expected
        Outputs, in words.
    preparation
        What the input is, where the user says nothing else.
    has_overlaps
        Whether boxes of one object overlap, so that NMS is needed.
    strides, rows_a_cell
        Of the levels whose cells have so many rows each; such rows show whether another size
        works. Empty where rows are not of cells.
    multiple
        Sides of the input are multiples of it.
    class_count
        Classes that it tells apart; None where outputs do not tell.
    variant
        How this file differs from others of the convention, in words; empty for nothing.
    coco_count
        Names that it has of COCO: 80, or 90 with gaps, or 91 with gaps from 0.
    """

    name: ClassVar[str]
    expected: ClassVar[str]
    preparation: Preparation = Preparation()
    has_overlaps: ClassVar[bool] = False
    strides: tuple[int, ...] = ()
    rows_a_cell: ClassVar[int] = 1
    multiple: int = 32
    class_count: int | None = None
    variant: str = ""
    coco_count: int = 80

    @classmethod
    @abstractmethod
    def recognise(cls, trial: Trial) -> "Convention | None":
        """Return itself for a file that it fits, None for another.

        Raises
        ------
        WeightsError
            If the file is of its kind and cannot be used.
        """

    def problem(self, outputs: Sequence[Any], size: Size) -> str:
        """Say what is wrong with outputs for an input of that width and height; or nothing."""
        return ""

    def row_count(self, outputs: Sequence[Any]) -> int:
        """Rows of the outputs, where they are of cells."""
        return len(outputs[0][0])

    def mismatch(self, outputs: Sequence[Any], size: Size) -> str:
        """Say that rows are not as many as cells; empty where they are."""
        if not self.strides:
            return ""
        count = self.row_count(outputs)
        cells = len(grid(size[1], size[0], self.strides)[0]) * self.rows_a_cell
        if count == cells:
            return ""
        return f"it gives {count} rows for {size[0]}x{size[1]} px, which have {cells} cells"

    @abstractmethod
    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """Boxes in px of the input, of that width and height."""
