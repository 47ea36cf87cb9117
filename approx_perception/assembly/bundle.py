"""Fitted predictors on disk: numbers in an npz file, what they belong to in a JSON beside it."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.learned import LEARNED, LearnedAccuracy
from approx_perception.branches import Space, read_space
from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.files import (
    Columns,
    read_bytes,
    read_json_table,
    replace_bytes,
    replace_text,
    unpack_columns,
)
from approx_perception.latency.latency_model import LatencyModel

__all__ = ["PredictorBundle", "check_made_for"]

_FORMAT = "approx_perception predictors 2"
_REMEDY = "make a new one with approx-perception profile"

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, eq=False)
class PredictorBundle:
    """All that was fitted from one profile.

    Attributes
    ----------
    metadata
        ``space`` and ``space_hash``, ``network`` and ``machine`` (text), and whatever else tells
        where it comes from; plain JSON.
    accuracy
        By content; None in a profile of data without ground truth.
    latency
        None in a bundle that ships with weights, for latency is the machine's.
    """

    metadata: dict[str, Any]
    accuracy: LearnedAccuracy | None
    latency: LatencyModel | None = None

    def save(self, path: Path) -> None:
        """Write ``NAME.json`` and ``NAME.npz``."""
        arrays = _flatten("accuracy", self.accuracy) | _flatten("latency", self.latency)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        content = {
            "format": _FORMAT, **self.metadata,
            "numbers_sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        }  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path.with_suffix(".npz"), buffer.getvalue())
        replace_text(path.with_suffix(".json"), json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "PredictorBundle":
        """Read a bundle; nothing in it is ever run or unpickled.

        Raises
        ------
        ConfigurationError
            If a file is missing, corrupt, foreign, or not the one that belongs to the other.
        """
        try:
            metadata = read_json_table(path.with_suffix(".json"), "profile")
            content = read_bytes(path.with_suffix(".npz"), "profile")
        except ConfigurationError as error:
            raise ConfigurationError(f"{error}; {_REMEDY}") from error
        if metadata.pop("format", None) != _FORMAT:
            raise ConfigurationError(f"{path} is no profile of this version; {_REMEDY}")
        if hashlib.sha256(content).hexdigest() != metadata.pop("numbers_sha256", None):
            raise ConfigurationError(
                f"{path.with_suffix('.npz')} is damaged or of another profile; {_REMEDY}"
            )
        try:
            arrays = unpack_columns(content)
            if "latency.detection_scores" in arrays:
                raise ConfigurationError(f"{path} is a profile of an older version; {_REMEDY}")
            space = read_space(metadata["space"], "the profile's space")
            accuracy = _restore(LEARNED[space.task], "accuracy", arrays)
            bundle = cls(metadata, accuracy, _restore(LatencyModel, "latency", arrays))
            bundle._check_shapes(space)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise ConfigurationError(
                f"the profile {path} is not whole: {error}; {_REMEDY}"
            ) from error
        return bundle

    def _check_shapes(self, space: Space[Any]) -> None:
        idleness = self.metadata.get("idleness") or {}
        if not all(isinstance(value, float | int | None) for value in idleness.values()):
            raise ValueError(f"idleness is {idleness}")
        parts, kinds = len(space.compiled.parts), len(space.compiled.kinds)
        expected: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
        expected = {}
        if self.accuracy is not None:
            expected["accuracy.agnostic"] = (self.accuracy.agnostic.shape, (len(space),))
        if self.latency is not None:
            terms, states = self.latency.base.shape[1], self.latency.log_slowdown.shape[1]
            expected["latency.base"] = (self.latency.base.shape, (parts, terms))
            expected["latency.scatter"] = (self.latency.scatter.shape, (parts, states))
            expected["latency.log_slowdown"] = (self.latency.log_slowdown.shape, (parts, states))
            expected["latency.load"] = (self.latency.load.shape, (states, 2))
            expected["latency.residuals"] = (self.latency.residuals.shape[:1], (kinds,))
            if len(self.latency.beside):
                expected["latency.beside"] = (self.latency.beside.shape, (parts,))
            expected["latency.profiled_size"] = (self.latency.profiled_size.shape, (2,))
        for name, (shape, wanted) in expected.items():
            if shape != wanted:
                raise ValueError(f"{name} has shape {shape}, expected {wanted}")
        if self.latency is not None and (self.latency.profiled_size < 1).any():
            raise ValueError(f"latency.profiled_size is {self.latency.profiled_size}")

    def check(self, space: Space[Any], network: str, machine: str | None) -> None:
        """Refuse to serve another space, network or machine; None: any machine.

        Raises
        ------
        ConfigurationError
            Saying what differs and what to do.
        """
        checked_machine = None if self.latency is None else machine
        # One that does not tell is of another.
        told = {"network": None, "machine": None, **self.metadata}
        check_made_for("the profile", told, space, network, checked_machine)


def check_made_for(
    what: str,
    metadata: Mapping[str, Any],
    space: Space[Any],
    network: str,
    machine: str | None = None,
) -> None:
    """Refuse a profile, or its records, of another space, network or machine than is here.

    Parameters
    ----------
    what
        A name for the error, as ``the profile``.
    metadata
        With its space; what it does not tell besides is not checked.
    space, network, machine
        What is here; None: any machine.

    Raises
    ------
    ConfigurationError
        Saying what differs and what to do.
    """
    profiled = read_space(metadata["space"], f"the space of {what}")
    pairs = [
        ("task", profiled.task, space.task),
        ("branch space", profiled.hash, space.hash),
        ("network", metadata.get("network", network), network),
        ("machine", metadata.get("machine", machine) if machine else None, machine),
    ]
    for name, made_for, present in pairs:
        if made_for == present:
            continue
        then, now = shown(made_for), shown(present)
        if name == "branch space":
            then, now = (f"{each.name!r} ({each.describe()})" for each in (profiled, space))
        remedy = f"{_REMEDY}, or run what it was made for"
        if name != "machine":
            remedy += ": name its network, weights and space"
        raise ConfigurationError(
            f"{what} is of another {name}: it was made for {then}, but here runs {now}; {remedy}"
        )


def _flatten(prefix: str, part: object) -> Columns:
    """Arrays of a dataclass by dotted names, dataclasses inside it too."""
    if part is None:
        return {}
    arrays: Columns = {}
    for field in fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        name = f"{prefix}.{field.name}"
        arrays |= _flatten(name, value) if is_dataclass(value) else {name: np.asarray(value)}
    return arrays


def _restore(kind: type[Part], prefix: str, arrays: Columns) -> Part | None:
    """Build a dataclass, and those in it, from arrays by dotted names; None if there are none."""
    values: dict[str, Any] = {}
    for name, inner in get_type_hints(kind).items():
        path = f"{prefix}.{name}"
        if isinstance(inner, type) and is_dataclass(inner):
            values[name] = _restore(inner, path, arrays)
        elif path in arrays:
            values[name] = _checked(path, arrays[path])
    values = {name: value for name, value in values.items() if value is not None}
    return kind(**values) if values else None


def _checked(path: str, value: npt.NDArray[Any]) -> Any:
    """A plain number of an array without a dimension; loads alone may be unknown."""
    if not np.isfinite(value).all() and not path.endswith(".load"):
        raise ValueError(f"{path} holds values that are not finite")
    return value.item() if value.ndim == 0 else value
