"""Result folders that are whole or not there, and never replace what is not a result."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from approx_perception.exceptions import (
    ApproxPerceptionError,
    ConfigurationError,
    OutputError,
    shown,
)
from approx_perception.files import claimed, read_json_table, replace_text
from approx_perception.notices import notice

__all__ = ["add_to_marker", "check_folder", "fresh_folder", "mark"]

_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO}
_MARKER = ".approx_perception"
_WORDS = "Made by approx-perception, which replaces these files when told to, and no others."


@contextmanager
def fresh_folder(path: Path, overwrite: bool, resume: bool | None = None) -> Iterator[Path]:
    """Work in ``<path>.partial``, which becomes ``path`` when the block ends well.

    When it does not, an older result is untouched, and the partial folder stays if anything was
    written to it. Only files that this package wrote are ever removed: a marker in the folder lists
    them.

    Parameters
    ----------
    path
        Folder of the results.
    overwrite
        Whether an older result may be replaced.
    resume
        Whether to go on with what the partial folder holds; None where the verb cannot.

    Raises
    ------
    ConfigurationError
        If ``path`` exists and may not be overwritten.
    OutputError
        If it cannot be written, or another process writes to it.
    KeyboardInterrupt
        If the user ends it, saying where what was done lies and how to go on.
    """
    _check_replaceable(path, overwrite)
    with claimed(path) as place:
        partial = place.with_name(place.name + ".partial")
        _check_replaceable(partial, overwrite=True)
        try:
            if not resume and partial.exists():
                _tell_replaced(partial, resume)
                shutil.rmtree(partial)
            partial.mkdir(exist_ok=True)
            mark(partial, None)
        except OSError as error:
            raise OutputError(f"cannot make the folder {partial}: {error.strerror}") from error
        is_done = False
        try:
            yield partial
            is_done = True
        except OSError as error:
            if error.errno not in _CANNOT_WRITE:
                raise
            raise OutputError(
                f"cannot write the results, what there is of them stays in {partial}: "
                f"{error.strerror}"
            ) from error
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(_where_it_is(partial, resume)) from error
        except ApproxPerceptionError:
            if _content(partial):
                notice(f"what was written so far stays in {partial}")
            raise
        finally:
            content = _content(partial)
            if content or is_done:
                with suppress(OutputError):
                    mark(partial, content)
            else:
                shutil.rmtree(partial, ignore_errors=True)
        try:
            _check_replaceable(path, overwrite)
            _put(partial, place)
        except (ApproxPerceptionError, OSError) as error:
            raise OutputError(f"the results stay in {partial}: {error}") from error


def _where_it_is(partial: Path, resume: bool | None) -> str:
    """What an interruption left."""
    if not _content(partial):
        return "nothing was written yet"
    if resume is None:
        return f"what was written so far is in {partial}; the same command begins anew"
    return f"what is done is in {partial}; the same command with --resume goes on with it"


def _tell_replaced(partial: Path, resume: bool | None) -> None:
    """Notice what an earlier run left and is now removed."""
    if _content(partial):
        way_out = "" if resume is None else "; with --resume it would be gone on with"
        notice(f"{partial}, which a run that did not end well left, is removed{way_out}")


def mark(folder: Path, files: list[str] | None) -> None:
    """Make a folder one of ours.

    Parameters
    ----------
    folder
        Gets the marker.
    files
        What in it is ours, relative to it; None for everything, as while a run writes to it.
    """
    replace_text(folder / _MARKER, json.dumps({"note": _WORDS, "files": files}, indent=1) + "\n")


def add_to_marker(file: Path) -> None:
    """List a file that was written later, where its folder is one of ours."""
    files = _listed(file.parent)
    if files and file.name not in files:
        mark(file.parent, [*files, file.name])


def check_folder(path: Path) -> set[str]:
    """Refuse a folder that is not ours to write to; returns the names in it.

    Raises
    ------
    ConfigurationError
        If it is no folder, or holds anything without our marker.
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
    if names and _MARKER not in names:
        raise ConfigurationError(
            f"{path} was not made by approx-perception (it holds no file {_MARKER}) and is left "
            "alone; remove it yourself or choose another --out"
        )
    return names


def _check_replaceable(path: Path, overwrite: bool) -> None:
    """Refuse a folder that holds anything which must not be removed."""
    if not check_folder(path):
        return
    if not overwrite:
        raise ConfigurationError(f"{path} exists; choose another --out or add --overwrite")
    ours = _listed(path)
    if ours is not None and (others := sorted({*_content(path)} - {*ours})):
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise ConfigurationError(
            f"{path} holds {shown(others[0])}{more}, which the run that made it did not write; "
            "move it elsewhere or choose another --out"
        )


def _content(folder: Path) -> list[str]:
    """Everything below a folder, relative to it."""
    entries = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return sorted(entry for entry in entries if entry != _MARKER)


def _listed(folder: Path) -> list[str] | None:
    """What the marker of a folder lists; None for everything."""
    try:
        files: Any = read_json_table(folder / _MARKER, "marker").get("files")
    except ConfigurationError:
        # Plain text, of a version that listed nothing.
        return None
    return [str(name) for name in files] if isinstance(files, list) else None


def _put(partial: Path, place: Path) -> None:
    """Move into place; what was there goes only when that has succeeded."""
    old = place.with_name(f".{place.name[:50]}.{os.getpid()}.old")
    if place.exists():
        place.rename(old)
    partial.rename(place)
    shutil.rmtree(old, ignore_errors=True)
