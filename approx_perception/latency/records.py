"""What a profiling run measured, as columns in a file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approx_perception.exceptions import ConfigurationError
from approx_perception.files import (
    Columns,
    read_columns,
    read_json_table,
    replace_text,
    write_columns,
)

__all__ = ["DETECTION", "INITIALIZATION", "LATENCY_COLUMNS", "STEP", "SWITCH", "ProfileRecords"]

_FORMAT = "approx_perception profile records 1"

#: Kinds of measurement.
DETECTION, INITIALIZATION, STEP, SWITCH = range(4)
#: One row a measurement. ``kind``: 0 detection, 1 tracker initialisation, 2 tracker step,
#: 3 first detection after another setting. ``part``: position of the setting or tracker in the
#: space; ``before``: of the setting that ran before, for kind 3. ``level``: position in the
#: metadata's levels. Sizes in px, areas in px², times in ms.
LATENCY_COLUMNS = (
    "kind", "part", "before", "level", "round", "image_width", "image_height", "object_count",
    "total_area_px2", "mean_width_px", "mean_height_px", "ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ProfileRecords:
    """All that one profiling run measured.

    Attributes
    ----------
    metadata
        Machine, versions, network, space and its hash, data and its hash, levels; plain JSON.
    latency
        Columns of `LATENCY_COLUMNS`.
    accuracy
        ``source`` (S,), ``start`` (S,): snippets by source and first frame; ``ap50`` (S, B);
        ``features`` (S, D, F): as seen by each detector setting, in the order of
        `FEATURE_NAMES`.
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
        if metadata.pop("format", None) != _FORMAT:
            raise ConfigurationError(f"{path} holds no records of approx-perception profile")
        arrays = read_columns(path.with_suffix(".npz"))
        parts: dict[str, Columns] = {"latency": {}, "accuracy": {}}
        for name, array in arrays.items():
            table, _, column = name.partition(".")
            parts.setdefault(table, {})[column] = array
        if missing := set(LATENCY_COLUMNS) - set(parts["latency"]):
            raise ConfigurationError(f"{path} lacks the columns {sorted(missing)}")
        shapes = {parts["latency"][name].shape for name in LATENCY_COLUMNS}
        kinds = {parts["latency"][name].dtype.kind for name in LATENCY_COLUMNS}
        if len(shapes) > 1 or len(shapes.pop()) != 1 or kinds - set("fiu"):
            raise ConfigurationError(f"{path} is damaged: its columns do not fit together")
        return cls(metadata, parts["latency"], parts["accuracy"])
