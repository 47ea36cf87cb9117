"""Bring detections to the class list of the ground truth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from approx_perception.exceptions import ConfigurationError, choices
from approx_perception.files import read_yaml_table
from approx_perception.structures import Detections

__all__ = ["ClassMap", "read_class_map"]


class ClassMap:
    """From a detector's classes to those of the truth: by name, or as a table says.

    Parameters
    ----------
    detector_names
        What the detections' class ids mean.
    truth_names
        What those of the truth mean; empty where there is no truth, and then nothing is changed.
    translations
        ``{the detector's name: the truth's}``, for names that differ; None: leave the class out.

    Attributes
    ----------
    detector_names
        What class ids mean before.
    truth_names
        What they mean afterwards.

    Raises
    ------
    ConfigurationError
        If a translation names a class that is not there.
    """

    def __init__(
        self,
        detector_names: Sequence[str],
        truth_names: Sequence[str],
        translations: Mapping[str, str | None] | None = None,
    ) -> None:
        self.detector_names = tuple(detector_names)
        self.truth_names = tuple(truth_names or detector_names)
        self._changes = bool(truth_names)
        translations = translations or {}
        for source, target in translations.items():
            if source not in detector_names:
                raise ConfigurationError(
                    f"the class map names {source!r}, which the detector does not know; it knows "
                    f"{choices(detector_names)}"
                )
            if target is not None and target not in self.truth_names:
                raise ConfigurationError(
                    f"the class map brings {source!r} to {target!r}, which the data set does not "
                    f"know; it knows {choices(self.truth_names)}"
                )
        index = {name: position for position, name in enumerate(self.truth_names)}
        targets = [translations.get(name, name) for name in detector_names]
        self._lookup = np.array(
            [-1 if name is None else index.get(name, -1) for name in targets] or [-1]
        )

    def apply(self, detections: Detections) -> Detections:
        """Detections in the truth's classes; those of classes that it does not know are left out.

        Parameters
        ----------
        detections
            Of one frame.
        """
        if not self._changes:
            return detections
        mapped = self._lookup[detections.class_ids]
        kept = detections.select(mapped >= 0)
        return replace(kept, class_ids=mapped[mapped >= 0])


def read_class_map(path: Path) -> dict[str, str | None]:
    """Read translations from YAML: ``name of the detector: name of the data set``.

    An empty name (or ``null``) leaves the class out.

    Raises
    ------
    ConfigurationError
        If the file is no such table.
    """
    content = read_yaml_table(path, "class map", "lines of 'name: name'")
    for source, target in content.items():
        if not isinstance(source, str) or not isinstance(target, str | None):
            raise ConfigurationError(f"{path}: {source!r}: {target!r} is no pair of class names")
    return {source: target or None for source, target in content.items()}
