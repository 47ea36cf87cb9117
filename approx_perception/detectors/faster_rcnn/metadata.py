"""What the ONNX file of a Faster R-CNN says of itself, beside its graph."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approx_perception.detectors._onnx_properties import FASTER_RCNN_FORMAT
from approx_perception.exceptions import WeightsError, shown

__all__ = ["Metadata", "read_metadata"]

_LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """What runs the parts of the graph must know of them.

    Attributes
    ----------
    class_names
        What class ids mean.
    padding_bgr
        Colour that the network takes for nothing, 0..255.
    strides
        Px of the input between cells of each level that boxes are pooled from.
    bins
        Rows and columns of a box that is pooled.
    samples
        Points along each side of a bin.
    canonical_level, canonical_scale_px
        Level that a box of that scale is pooled from (Lin et al. 2017, eq. 1).
    """

    class_names: tuple[str, ...]
    padding_bgr: tuple[int, ...]
    strides: tuple[int, ...]
    bins: tuple[int, ...]
    samples: int
    canonical_level: int
    canonical_scale_px: int

    def texts(self) -> dict[str, str]:
        """Return what stands in the file, by key."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {
            "format": FASTER_RCNN_FORMAT,
            **{name: json.dumps(value) for name, value in values.items()},
        }


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
        If it is no such file, or what it says cannot be.
    """
    if texts.get("format") != FASTER_RCNN_FORMAT:
        raise WeightsError(
            f"{path} is no Faster R-CNN that can be run: it lacks the metadata that "
            "approx-perception export writes"
        )
    names = _value(texts, "class_names", path)
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise _refusal(texts, "class_names", path, "a list of texts")
    return Metadata(
        tuple(names),
        _numbers(texts, "padding_bgr", path, 3, least=0),
        _numbers(texts, "strides", path),
        _numbers(texts, "bins", path, 2),
        *(
            _number(texts, key, path)
            for key in ("samples", "canonical_level", "canonical_scale_px")
        ),
    )


def _numbers(
    texts: Mapping[str, str], key: str, path: Path, count: int = 0, least: int = 1
) -> tuple[int, ...]:
    values = _value(texts, key, path)
    is_list = isinstance(values, list) and len(values) in ((count,) if count else range(1, 9))
    if not is_list or not all(type(v) is int and least <= v <= _LARGEST for v in values):
        raise _refusal(texts, key, path, f"{count or 'a few'} whole numbers from {least} on")
    return tuple(values)


def _number(texts: Mapping[str, str], key: str, path: Path) -> int:
    value = _value(texts, key, path)
    if type(value) is not int or not 1 <= value <= _LARGEST:
        raise _refusal(texts, key, path, "a whole number from 1 on")
    return value


def _value(texts: Mapping[str, str], key: str, path: Path) -> Any:
    try:
        return json.loads(texts[key])
    except (KeyError, ValueError, RecursionError):
        raise _refusal(texts, key, path, "JSON") from None


def _refusal(texts: Mapping[str, str], key: str, path: Path, expected: str) -> WeightsError:
    return WeightsError(f"{path}: its {key} is {shown(texts.get(key))}, expected {expected}")
