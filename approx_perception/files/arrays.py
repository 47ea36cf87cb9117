"""Arrays in npz files."""

import io
import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import ConfigurationError, reason_of
from approx_perception.files.content import UnreadableError, content_of
from approx_perception.files.writing import replacing

__all__ = ["Columns", "read_columns", "unpack_columns", "write_columns"]

Columns = dict[str, npt.NDArray[Any]]

_LARGEST_UNPACKED_BYTES = 2**28


def write_columns(path: Path, columns: Columns) -> None:
    """Write arrays as npz; see `replacing`."""
    with replacing(path) as file:
        np.savez_compressed(file, **columns)  # type: ignore[arg-type]


def read_columns(path: Path, largest_bytes: int = _LARGEST_UNPACKED_BYTES) -> Columns:
    """Read arrays; never unpickles.

    Parameters
    ----------
    path
        Npz file.
    largest_bytes
        Size that the arrays may have together, unpacked; checked before they are read.

    Raises
    ------
    ConfigurationError
        If the file is missing, corrupt, too large or holds anything but plain arrays.
    """
    try:
        return unpack_columns(content_of(path, largest_bytes), largest_bytes)
    except (UnreadableError, ValueError) as error:
        raise ConfigurationError(f"{path} holds no readable arrays: {error}") from error


def unpack_columns(content: bytes, largest_bytes: int = _LARGEST_UNPACKED_BYTES) -> Columns:
    """Arrays of an npz file's content; see `read_columns`.

    Raises
    ------
    ValueError
        Saying why there are none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if (size := sum(member.file_size for member in members)) > largest_bytes:
                raise ValueError(f"they take {size} bytes, more than the {largest_bytes} allowed")
            return {
                member.filename.removesuffix(".npy"): _read_member(archive, member)
                for member in members
            }
    except ValueError:
        raise
    except Exception as error:  # Damaged bytes make zipfile and NumPy raise of every kind.
        raise ValueError(reason_of(error)) from error


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as file:
        _check_header(file, member)
    with archive.open(member) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        # The checksum is compared at the end of the member.
        file.read()
    return np.asarray(array)


def _check_header(file: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Refuse an array whose header tells another size than the member has."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"{member.filename} is of the unknown version {version}")
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError(f"{member.filename} holds Python objects, not numbers")
    told = math.prod(shape) * dtype.itemsize
    if told != member.file_size - file.tell():
        raise ValueError(
            f"{member.filename} has {member.file_size} bytes, but its header tells of "
            f"an array of {told}"
        )
