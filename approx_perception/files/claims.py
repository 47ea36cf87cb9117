"""One process at a time writes to a place."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from approx_perception.exceptions import OutputError

__all__ = ["claimed"]


@contextmanager
def claimed(path: Path) -> Iterator[Path]:
    """Keep other processes that claim the same file or folder from writing there meanwhile.

    The claim is a lock on a hidden file beside it, which ends with this process however that ends.
    Folders that are made for it go again if nothing is written to them.

    Yields
    ------
    Path
        The place itself, symbolic links followed.

    Raises
    ------
    OutputError
        If another process has it, or nothing can be written there.
    """
    place = Path(os.path.realpath(path))
    made = [folder for folder in place.parents if not folder.exists()]
    name = place.with_name(f".{place.name[:50]}.lock")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        file = name.open("ab")
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror or error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(file.fileno()), name.stat())
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        except OSError as error:
            raise OutputError(f"cannot lock {path}: {error.strerror or error}") from error
        if not is_ours:
            raise OutputError(
                f"another process is writing to {path}; wait for it or choose another --out"
            )
        try:
            yield place
        finally:
            with suppress(OSError):
                name.unlink()
                for folder in made:
                    folder.rmdir()
