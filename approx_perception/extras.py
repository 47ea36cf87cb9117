"""Libraries that only some uses need; each is an extra of the package (pyproject.toml)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from approx_perception.exceptions import ConfigurationError

__all__ = ["needed_for"]


class _Extra(NamedTuple):
    """What a user must know of an extra that is missing."""

    library: str
    modules: tuple[str, ...]
    #: Another way to get it, in a clone of the repository.
    make: str = ""
    #: What works all the same.
    without: str = ""


_EXTRAS = {
    "train": _Extra(
        "PyTorch and onnx",
        ("torch", "torchvision", "onnx"),
        "make train",
        "networks in ONNX files run without them, and `approx-perception export` writes these",
    ),
    "ray": _Extra("Ray", ("ray",)),
}


@contextmanager
def needed_for(use: str, extra: str) -> Iterator[None]:
    """Import what an extra brings; its absence becomes one sentence.

    Parameters
    ----------
    use
        What the user asked for: the subject of the sentence.
    extra
        Its name in pyproject.toml.

    Raises
    ------
    ConfigurationError
        If a library of the extra is missing; says how to get it, and what works without it.
    """
    known = _EXTRAS[extra]
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in known.modules:
            raise
        ways = [f"pip install 'approx_perception[{extra}]'", *filter(None, [known.make])]
        without = f"; {known.without}" if known.without else ""
        raise ConfigurationError(
            f"{use} needs {known.library}: {' or '.join(ways)}{without}"
        ) from error
