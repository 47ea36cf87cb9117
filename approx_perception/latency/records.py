"""What a profiling run measured, as columns in a file."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.branches import CompiledSpace, read_space
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import (
    Columns,
    read_columns,
    read_json_table,
    replace_text,
    write_columns,
)
from approx_perception.structures import Content, ContentFeatures

__all__ = ["LATENCY_COLUMNS", "ProfileRecords", "contents_of", "of_parts"]

_FORMAT = "approx_perception profile records 2"
_FORMATS = ("approx_perception profile records 1", _FORMAT)

#: One row a measurement. ``part``: position in `CompiledSpace.parts`; ``before``: of the part that
#: ran first in the frame before, for what switching costs, else -1. ``level``: position in the
#: metadata's levels. Sizes in px, times in ms. All other columns are content, by its names.
LATENCY_COLUMNS = ("part", "before", "level", "round", "image_width", "image_height", "ms")


@dataclass(frozen=True, slots=True, eq=False)
class ProfileRecords:
    """All that one profiling run measured.

    Attributes
    ----------
    metadata
        Machine, versions, network, space and its hash, data and its hash, levels; plain JSON.
    latency
        Columns of `LATENCY_COLUMNS` and of content.
    accuracy
        ``source`` (S,), ``start`` (S,): snippets by source and first frame; ``ap50`` or ``top1``
        (S, B), as the task's `Scoring.measure` is called; ``features`` (S, D, F): as seen by each
        part that starts groups, see `AccuracyLearner`.
    """

    metadata: dict[str, Any]
    latency: Columns
    accuracy: Columns

    def save(self, path: Path) -> None:
        """Write ``NAME.json`` and ``NAME.npz`` beside each other."""
        arrays = {f"latency.{name}": column for name, column in self.latency.items()}
        arrays |= {f"accuracy.{name}": column for name, column in self.accuracy.items()}
        write_columns(path.with_suffix(".npz"), arrays)
        text = json.dumps({"format": _FORMAT, **self.metadata}, indent=1) + "\n"
        replace_text(path.with_suffix(".json"), text)

    @classmethod
    def load(cls, path: Path) -> "ProfileRecords":
        """Read both files.

        Raises
        ------
        ConfigurationError
            If one is missing, corrupt or of something else.
        """
        metadata = read_json_table(path.with_suffix(".json"), "records")
        if metadata.pop("format", None) not in _FORMATS:
            raise ConfigurationError(f"{path} holds no records of approx-perception profile")
        arrays = read_columns(path.with_suffix(".npz"))
        parts: dict[str, Columns] = {"latency": {}, "accuracy": {}}
        for name, array in arrays.items():
            table, _, column = name.partition(".")
            parts.setdefault(table, {})[column] = array
        # Of content, every row must tell as well.
        names = {*LATENCY_COLUMNS, *parts["latency"]}
        if missing := set(LATENCY_COLUMNS) - set(parts["latency"]):
            raise ConfigurationError(f"{path} lacks the columns {sorted(missing)}")
        shapes = {parts["latency"][name].shape for name in names}
        kinds = {parts["latency"][name].dtype.kind for name in names}
        if len(shapes) > 1 or len(shapes.pop()) != 1 or kinds - set("fiu"):
            raise ConfigurationError(f"{path} is damaged: its columns do not fit together")
        if "kind" in parts["latency"]:
            space = read_space(metadata.get("space"), f"the space of {path}")
            parts["latency"] = of_parts(parts["latency"], space.compiled)
        return cls(metadata, parts["latency"], parts["accuracy"])


def of_parts(columns: Columns, compiled: CompiledSpace) -> Columns:
    """Columns as they are now, of those that counted parts kind by kind (format 1)."""
    if "kind" not in columns:
        return columns
    first = len(compiled.main_parts[0])
    starts = np.array([0, first, (first + len(compiled.parts)) // 2, 0])
    kept = {name: column for name, column in columns.items() if name != "kind"}
    return {**kept, "part": columns["part"] + starts[columns["kind"].astype(int)]}


def contents_of(
    columns: Columns, content_type: type[Content] = ContentFeatures
) -> tuple[list[tuple[Content, tuple[int, int]]], npt.NDArray[np.int64]]:
    """Different contents and image sizes of the rows, and ``(N,)`` which of them each row has."""
    # What another version knew of content besides is left out.
    names = [field.name for field in fields(content_type) if field.name in columns]
    table = np.stack([columns[name] for name in ("image_width", "image_height", *names)], axis=1)
    cells, inverse = np.unique(table, axis=0, return_inverse=True)
    contents = [
        (content_type(**dict(zip(names, content, strict=True))), (int(width), int(height)))
        for width, height, *content in cells.tolist()
    ]
    return contents, inverse.ravel()
