"""Result folders that are whole or not there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from approx_perception.exceptions import ConfigurationError

__all__ = ["fresh_folder"]


@contextmanager
def fresh_folder(path: Path, overwrite: bool, resume: bool = False) -> Iterator[Path]:
    """Work in ``<path>.partial``, which becomes ``path`` when the block ends well.

    When it does not, the partial folder stays for inspection and an older result is untouched;
    ``resume`` goes on with what it holds.

    Raises
    ------
    ConfigurationError
        If ``path`` exists and may not be overwritten, or cannot be made.
    """
    if path.exists() and not overwrite and not (path.is_dir() and not any(path.iterdir())):
        raise ConfigurationError(f"{path} exists; choose another --out or add --overwrite")
    partial = path.with_name(path.name + ".partial")
    try:
        if not resume:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, exist_ok=resume)
    except OSError as error:
        raise ConfigurationError(f"cannot make the folder {partial}: {error}") from error
    yield partial
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    partial.replace(path)
