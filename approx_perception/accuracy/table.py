"""What a branch is worth, from a table made on validation video."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, parse_branch
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import read_json_table

__all__ = ["AccuracyTable", "accuracy_of_space"]

Vector = npt.NDArray[np.float64]

#: Beyond the longest sampling interval measured, each doubling is taken to cost this much AP50.
_LOSS_PER_OCTAVE_OF_SI = 0.1
#: How far apart two trackers count, in octaves of a knob.
_OTHER_TRACKER_OCTAVES = 1.0


@dataclass(frozen=True)
class AccuracyTable:
    """AP50 of branches, measured.

    Attributes
    ----------
    origin
        What was measured on what, for humans.
    ap50
        ``{branch: AP50}``.
    """

    origin: str
    ap50: Mapping[Branch, float]

    @classmethod
    def from_json(cls, path: Path) -> "AccuracyTable":
        """Read a table.

        Raises
        ------
        ConfigurationError
            If the file is no such table.
        """
        try:
            data = read_json_table(path, "accuracy table")
            branches = {
                parse_branch(text, Branch(32)): float(value) for text, value in data["ap50"].items()
            }
            if wrong := [value for value in branches.values() if not 0 <= value <= 1]:
                raise ValueError(f"an AP50 is {wrong[0]}, expected 0 to 1")
            return cls(str(data["origin"]), branches)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{path} is no accuracy table: {error!r}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return the form that `from_json` reads."""
        values = {str(branch): round(value, 4) for branch, value in self.ap50.items()}
        return {"origin": self.origin, "ap50": values}


def accuracy_of_space(space: BranchSpace, table: AccuracyTable | None) -> Vector:
    """AP50 of every branch, ``(B,)`` in the order of the space.

    A branch that is not in the table gets the value of the nearest ones that are, by knobs in
    octaves. Without a table the values are ranks below `RANKS_BELOW`, by a rule of thumb: they
    order the branches and mean nothing else.
    """
    if table is None or not table.ap50:
        return np.array([_rule_of_thumb(branch) for branch in space])
    known = list(table.ap50)
    points = np.array([_position(branch) for branch in known])
    values = np.array([table.ap50[branch] for branch in known])
    return np.array(
        [
            table.ap50[branch]
            if branch in table.ap50
            else _interpolate(branch, known, points, values)
            for branch in space
        ]
    )


def _position(branch: Branch) -> tuple[float, float, float, float, float]:
    """Knobs on logarithmic axes; a better model counts as twice the shape."""
    knobs = (branch.shape, branch.nprop or 1, branch.si, branch.ds or 1, 2 ** (branch.model or 1))
    return tuple(np.log2(knobs))  # type: ignore[return-value]


def _interpolate(branch: Branch, known: list[Branch], points: Vector, values: Vector) -> float:
    """Mean of the measured branches, weighted by inverse square distance."""
    distances = np.linalg.norm(points - np.array(_position(branch)), axis=1)
    other = [branch.tracker not in (None, k.tracker) and k.tracker is not None for k in known]
    distances = distances + _OTHER_TRACKER_OCTAVES * np.array(other)
    weights = 1 / np.maximum(distances, 1e-3) ** 4
    octaves_beyond = max(float(np.log2(branch.si)) - float(points[:, 2].max()), 0.0)
    mean = float((weights * values).sum() / weights.sum())
    return max(mean - _LOSS_PER_OCTAVE_OF_SI * octaves_beyond, 0.0)


def _rule_of_thumb(branch: Branch) -> float:
    """Rank below 0: larger inputs, more proposals and fewer tracked frames are better.

    Halving the shape costs as much as three halvings of the detection rate; a tracker's
    down-sampling costs a little.
    """
    shape, nprop, si, ds, model = _position(branch)
    proposals = min(nprop, np.log2(100)) if branch.nprop else 0.0
    return float(3 * (shape + model) + proposals - si - 0.1 * ds - 1e3)
