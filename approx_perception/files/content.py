"""What a file holds, as bytes or text: the one place where files of others are opened."""

import codecs
import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError, shown

__all__ = [
    "UnreadableError",
    "check_file",
    "content_of",
    "file_sha256",
    "is_folder",
    "read_bytes",
    "read_text",
    "text_of",
]

#: COCO's own ground truth takes half of that.
_LARGEST_BYTES = 2**30
_PIECE_BYTES = 2**20
#: Those of UTF-32 first, for one of them begins like one of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig",
}  # fmt: skip
_KINDS = {
    stat.S_IFDIR: "it is a folder, not a file",
    stat.S_IFIFO: "it is a named pipe, not a file",
    stat.S_IFSOCK: "it is a socket, not a file",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
}


class UnreadableError(Exception):
    """Why a file cannot be read; readers make their sentence of it."""


def content_of(path: Path, largest_bytes: int = _LARGEST_BYTES) -> bytes:
    """Read a regular file, or say in an `UnreadableError` why that is not possible."""
    try:
        # Without O_NONBLOCK, a named pipe waits for somebody who writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", closefd=True) as file:
            status = os.fstat(descriptor)
            if kind := _other_kind(status):
                raise UnreadableError(kind)
            if status.st_size > largest_bytes:
                raise UnreadableError(
                    f"it has {status.st_size} bytes, more than the {largest_bytes} allowed"
                )
            return file.read(largest_bytes)
    except OSError as error:
        # What cannot be opened at all: a folder on some systems, a socket.
        with suppress(OSError):
            if kind := _other_kind(path.stat()):
                raise UnreadableError(kind) from error
        raise UnreadableError(error.strerror or str(error)) from error
    except (ValueError, MemoryError) as error:  # A name with a zero byte; a file beyond memory.
        raise UnreadableError(str(error) or "there is not enough memory") from error


def _other_kind(status: os.stat_result) -> str:
    """What is there in place of a file; empty for a file."""
    kind = stat.S_IFMT(status.st_mode)
    return "" if kind == stat.S_IFREG else _KINDS.get(kind, "it is no file")


def check_file(
    path: Path, what: str, error: type[ApproxPerceptionError] = ConfigurationError
) -> None:
    """Refuse what another library could not open as a file, or would wait for; see `read_bytes`."""
    try:
        reason = _other_kind(path.stat())
    except FileNotFoundError:
        raise error(f"there is no {what} {shown(str(path))}") from None
    except (OSError, ValueError) as problem:  # A name that is too long, or has a zero byte.
        reason = getattr(problem, "strerror", None) or str(problem)
    if reason:
        raise error(f"cannot read the {what} {shown(str(path))}: {reason}")


def file_sha256(
    path: Path, what: str, error: type[ApproxPerceptionError] = ConfigurationError
) -> str:
    """Hash of what a file holds, in hexadecimal; read in pieces, see `read_bytes` for errors."""
    check_file(path, what, error)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
    except OSError as problem:
        raise error(f"cannot read the {what} {path}: {problem.strerror or problem}") from problem
    return digest.hexdigest()


def is_folder(path: Path) -> bool:
    """Whether a folder is there; a name that cannot be one, such as one too long, is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def text_of(path: Path, largest_bytes: int = _LARGEST_BYTES) -> str:
    """Read text in UTF-8, or as its byte order mark says; see `content_of`."""
    content = content_of(path, largest_bytes)
    marked = (name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark))
    try:
        text = content.decode(next(marked, "utf-8"))
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is not UTF-8 text (byte {error.start})") from error
    if (position := text.find("\0")) >= 0:
        raise UnreadableError(f"it is not text: it has a zero byte at character {position}")
    return text


def read_bytes(
    path: Path,
    what: str,
    error: type[ApproxPerceptionError] = ConfigurationError,
    largest_bytes: int = _LARGEST_BYTES,
) -> bytes:
    """Read a file; folders, named pipes, devices and files that are too large are refused.

    Parameters
    ----------
    path
        File to read.
    what
        What it should be, as ``profile``, for the error.
    error
        Class of the error.
    largest_bytes
        Files above that are refused before they are read.

    Raises
    ------
    ApproxPerceptionError
        Of the class ``error``: one sentence that names the file and the reason.
    """
    try:
        return content_of(path, largest_bytes)
    except UnreadableError as reason:
        raise error(f"cannot read the {what} {path}: {reason}") from reason


def read_text(
    path: Path,
    what: str,
    error: type[ApproxPerceptionError] = ConfigurationError,
    largest_bytes: int = _LARGEST_BYTES,
) -> str:
    """Read text in UTF-8, or in the UTF that its byte order mark names; see `read_bytes`."""
    try:
        return text_of(path, largest_bytes)
    except UnreadableError as reason:
        raise error(f"cannot read the {what} {path}: {reason}") from reason
