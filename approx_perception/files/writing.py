"""Files that are whole or not there: written beside their place, then moved into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from approx_perception.exceptions import OutputError

__all__ = ["replace_bytes", "replace_text", "replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file so that a half-written one never has the name.

    The temporary name is of this process. When the block or the disk fails, the temporary file is
    removed and what was there before stays. A symbolic link goes on pointing to the file.

    Raises
    ------
    OutputError
        If the file cannot be written, for example because the disk is full.
    """
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f".{place.name[:50]}.{os.getpid()}.tmp")
    try:
        if place.exists() and not place.is_file():
            raise OutputError(f"cannot write {path}: it is there and is no file")
        with temporary.open("wb") as file:
            yield file
            file.flush()
            # Some file systems tell only now that they are full.
            os.fsync(file.fileno())
        temporary.replace(place)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file; see `replacing`."""
    with replacing(path) as file:
        file.write(content)


def replace_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; see `replacing`."""
    replace_bytes(path, text.encode())
