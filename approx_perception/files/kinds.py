"""What a file is that is not what it should be: downloads and exports that went wrong."""

import re
from pathlib import Path

__all__ = ["foreign_kind"]

_HEAD_BYTES = 512
#: By how files begin.
_KINDS = (
    (rb"version https://git-lfs\.", "a pointer of Git LFS and not the file (run 'git lfs pull')"),
    (rb"\s*(<!doctype|<html)", "a web page: its download gave something else"),
    (rb"\x89HDF\r\n", "an HDF5 file, as of Keras"),
    (rb"....TFL3", "a file of TensorFlow Lite"),
    (rb"\x1f\x8b", "a gzip archive"),
    (rb"[\t\n\r\x20-\x7e]+\Z", "text"),
)
_OF_TORCH = (
    (rb"PK\x03\x04", "a ZIP archive, as PyTorch's files are"),
    (rb"\x80[\x02-\x05]", "a Python pickle, as older files of PyTorch are"),
)


def foreign_kind(path: Path, is_torch_foreign: bool = True) -> str:
    """Say what a file is that should be of a binary format without a beginning of its own.

    Parameters
    ----------
    path
        Of the file.
    is_torch_foreign
        Whether files of PyTorch are other ones.

    Returns
    -------
    str
        In words, as ``empty`` or ``a web page``; nothing for what may be the file that is meant,
        and for what cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    if not head:
        return "empty"
    known = (*_KINDS, *_OF_TORCH) if is_torch_foreign else _KINDS
    matches = (kind for begins, kind in known if re.match(begins, head, re.DOTALL | re.IGNORECASE))
    return next(matches, "")
