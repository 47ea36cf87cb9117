"""Files that are whole or not there, and arrays in them."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from approx_perception.exceptions import ConfigurationError

__all__ = [
    "Columns",
    "read_columns",
    "read_yaml_table",
    "replace_bytes",
    "replace_text",
    "write_columns",
]

Columns = dict[str, npt.NDArray[Any]]


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a half-written one never has the name."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def replace_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; see `replace_bytes`."""
    replace_bytes(path, text.encode())


def read_yaml_table(path: Path, what: str, must_hold: str) -> dict[Any, Any]:
    """Read a YAML file whose top level is ``key: value`` lines.

    Parameters
    ----------
    path
        File to read.
    what
        What it should be, as ``scenario``, for the error.
    must_hold
        What such a file holds, likewise.

    Raises
    ------
    ConfigurationError
        If it cannot be read or is no table.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} is no {what}: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} is no {what}: it must hold {must_hold}")
    return content


def write_columns(path: Path, columns: Columns) -> None:
    """Write arrays as npz; see `replace_bytes`."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **columns)  # type: ignore[arg-type]
    temporary.replace(path)


def read_columns(path: Path) -> Columns:
    """Read arrays; never unpickles.

    Raises
    ------
    ConfigurationError
        If the file is missing, corrupt or holds anything but plain arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"{path} holds no readable arrays: {error}") from error
