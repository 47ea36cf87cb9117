"""What the disk says of the user's cache, in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from approx_perception.exceptions import OutputError

__all__ = ["writing"]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk says into one sentence.

    Raises
    ------
    OutputError
        If something cannot be written there.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; name another folder as XDG_CACHE_HOME"
        ) from error
