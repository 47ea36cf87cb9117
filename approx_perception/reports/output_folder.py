"""Result folders that are whole or not there, and never replace what is not a result."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from approx_perception.exceptions import ConfigurationError, OutputError
from approx_perception.files import claimed, replace_text

__all__ = ["check_folder", "fresh_folder", "mark"]

_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO}
_MARKER = ".approx_perception"
_MARKER_TEXT = "Made by approx-perception, which may replace this folder when told to.\n"


@contextmanager
def fresh_folder(path: Path, overwrite: bool, resume: bool = False) -> Iterator[Path]:
    """Work in ``<path>.partial``, which becomes ``path`` when the block ends well.

    When it does not, the partial folder stays for inspection and an older result is untouched;
    ``resume`` goes on with what it holds. Only folders that this package made are ever removed.

    Raises
    ------
    ConfigurationError
        If ``path`` exists and may not be overwritten.
    OutputError
        If it cannot be written, or another process writes to it.
    """
    check_folder(path, overwrite)
    with claimed(path) as place:
        partial = place.with_name(place.name + ".partial")
        check_folder(partial, overwrite=True)
        try:
            if not resume and partial.exists():
                shutil.rmtree(partial)
            partial.mkdir(exist_ok=True)
            mark(partial)
        except OSError as error:
            raise OutputError(f"cannot make the folder {partial}: {error.strerror}") from error
        try:
            yield partial
        except OSError as error:
            if error.errno not in _CANNOT_WRITE:
                raise
            raise OutputError(
                f"cannot write the results, what there is of them stays in {partial}: "
                f"{error.strerror}"
            ) from error
        try:
            check_folder(path, overwrite)
            _put(partial, place)
        except (ConfigurationError, OSError) as error:
            raise OutputError(f"the results stay in {partial}: {error}") from error


def mark(folder: Path) -> None:
    """Make a folder one of ours, which --overwrite may replace."""
    replace_text(folder / _MARKER, _MARKER_TEXT)


def check_folder(path: Path, overwrite: bool) -> None:
    """Refuse a folder whose content must not be replaced.

    Raises
    ------
    ConfigurationError
        If it is no folder, holds what is not ours, or holds anything and ``overwrite`` is false.
    """
    place = Path(os.path.realpath(path))
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise ConfigurationError(f"{path} exists and is no folder; choose another --out")
    if Path.cwd().is_relative_to(place):
        raise ConfigurationError(
            f"{path} is the working directory or above it; choose a folder of its own for --out"
        )
    if place.is_mount():
        raise ConfigurationError(f"{path} is a mount point; choose a folder inside it for --out")
    names = {entry.name for entry in place.iterdir()} if place.is_dir() else set()
    if names and not overwrite:
        raise ConfigurationError(f"{path} exists; choose another --out or add --overwrite")
    if names and _MARKER not in names:
        raise ConfigurationError(
            f"{path} was not made by approx-perception (it holds no file {_MARKER}) and is left "
            "alone; remove it yourself or choose another --out"
        )


def _put(partial: Path, place: Path) -> None:
    """Move into place; what was there goes only when that has succeeded."""
    old = place.with_name(f".{place.name[:50]}.{os.getpid()}.old")
    if place.exists():
        place.rename(old)
    partial.rename(place)
    shutil.rmtree(old, ignore_errors=True)
