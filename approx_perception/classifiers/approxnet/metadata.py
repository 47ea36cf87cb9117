"""What an ApproxNet's file says of itself, beside its graph."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.classifiers._base import ClassifierSettings
from approx_perception.exceptions import WeightsError, shown
from approx_perception.structures.complexity import COMPLEXITY_CATEGORIES

__all__ = ["Metadata", "read_metadata"]

_FORMAT = "approx_perception.approxnet/1"


@dataclass(frozen=True, slots=True, eq=False)
class Metadata:
    """See `Classifier`.

    Attributes
    ----------
    class_names
        What class ids mean.
    pairs
        What the network can do.
    complexity_edges
        ``(COMPLEXITY_CATEGORIES - 1,)`` float64, rising.
    """

    class_names: tuple[str, ...]
    pairs: tuple[ClassifierSettings, ...]
    complexity_edges: npt.NDArray[np.float64]

    def texts(self) -> dict[str, str]:
        """Return what stands in the file, by key."""
        content = {
            "format": _FORMAT,
            "class_names": list(self.class_names),
            "pairs": [[pair.shape, pair.exit] for pair in self.pairs],
            "complexity_edges": [float(edge) for edge in self.complexity_edges],
        }
        return {key: json.dumps(value) for key, value in content.items()}


def read_metadata(texts: Mapping[str, str], path: Path) -> Metadata:
    """Check and read what a file says.

    Parameters
    ----------
    texts
        By key, as in the file.
    path
        Of the file, for errors.

    Raises
    ------
    WeightsError
        If it is no ApproxNet, or what it says cannot be.
    """
    if texts.get("format") != json.dumps(_FORMAT):
        raise WeightsError(
            f"{path} is no ApproxNet: it lacks the metadata that "
            "approx-perception train --task classification writes"
        )
    names = tuple(map(str, _values(texts, "class_names", path)))
    pairs = []
    for value in _values(texts, "pairs", path):
        if not _is_pair(value):
            raise WeightsError(f"{path}: its pair of shape and exit {shown(value)} is none")
        pairs.append(ClassifierSettings(*value))
    try:
        edges = np.array(_values(texts, "complexity_edges", path), np.float64)
    except (TypeError, ValueError, OverflowError):
        edges = np.full(1, np.nan)
    is_finite = edges.shape == (COMPLEXITY_CATEGORIES - 1,) and np.isfinite(edges).all()
    if not is_finite or not (np.diff(edges) > 0).all():
        raise WeightsError(
            f"{path}: its complexity_edges are {shown(texts['complexity_edges'])}, expected "
            f"{COMPLEXITY_CATEGORIES - 1} rising numbers"
        )
    return Metadata(names, tuple(pairs), edges)


def _values(texts: Mapping[str, str], key: str, path: Path) -> list[Any]:
    try:
        values = json.loads(texts[key])
    except (KeyError, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not values:
        raise WeightsError(f"{path}: its {key} are {shown(texts.get(key))}, expected a list")
    return values


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(number) is int and 0 < number < 10_000 for number in value)
    )
