"""Bring detections to the class list of the ground truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.files import read_yaml_table
from approx_perception.structures import Detections

__all__ = ["ClassMap", "ClassTable", "read_class_map"]


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
    found_names
        Those of the truth that detections can have.

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
                    f"the class map names {shown(source)}, which the detector does not know; "
                    f"{_known_instead(source, detector_names)}"
                )
            if target is not None and target not in self.truth_names:
                raise ConfigurationError(
                    f"the class map brings {shown(source)} to {shown(target)}, which the data "
                    f"set does not know; it knows {choices(self.truth_names)}"
                )
        index = {name: position for position, name in enumerate(self.truth_names)}
        targets = [translations.get(name, name) for name in detector_names]
        self._lookup = np.array(
            [-1 if name is None else index.get(name, -1) for name in targets] or [-1]
        )
        self.found_names = tuple(
            self.truth_names[i] for i in np.unique(self._lookup) if i >= 0 and self.truth_names[i]
        )

    def ids(self, class_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Positions in the truth's names, of any shape; -1 for what the truth does not know."""
        return np.asarray(self._lookup[class_ids], np.int64) if self._changes else class_ids

    def apply(self, detections: Detections) -> Detections:
        """Detections in the truth's classes; those of classes that it does not know are left out.

        Parameters
        ----------
        detections
            Of one frame.
        """
        if not self._changes:
            return detections
        mapped = self.ids(detections.class_ids)
        kept = detections.select(mapped >= 0)
        return replace(kept, class_ids=mapped[mapped >= 0])


def _known_instead(name: str, detector_names: Sequence[str]) -> str:
    """What may be meant, for an error."""
    if name.strip().isdigit():
        return f"for class {name.strip()} of the truth write the number without quotes"
    return f"it knows {choices(detector_names)}"


@dataclass(frozen=True, slots=True)
class ClassTable:
    """What a user's class map says.

    Attributes
    ----------
    names
        ``{the detector's name: the truth's}``; None leaves the class out.
    numbers
        ``{number of a class in the truth: its name}``, for truth that numbers its classes
        (MOTChallenge); None leaves the class out.
    """

    names: Mapping[str, str | None] = field(default_factory=dict)
    numbers: Mapping[int, str | None] = field(default_factory=dict)


def read_class_map(path: Path) -> ClassTable:
    """Read translations from YAML: ``name of the detector: name of the data set``.

    Lines of ``number: name`` name the classes of truth that numbers them. An empty name (or
    ``null``) leaves the class out.

    Raises
    ------
    ConfigurationError
        If the file is no such table.
    """
    content = read_yaml_table(path, "class map", "lines of 'name: name' or 'number: name'")
    for source, target in content.items():
        if type(source) not in (str, int) or not isinstance(target, str | None):
            raise ConfigurationError(
                f"{path}: {shown(source)}: {shown(target)} is no pair of class names, nor of a "
                "number and a name"
            )
    return ClassTable(
        {source: name or None for source, name in content.items() if isinstance(source, str)},
        {source: name or None for source, name in content.items() if isinstance(source, int)},
    )
