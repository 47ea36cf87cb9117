"""What of a source cannot be read: counted, told once, and fatal only if nothing else is there."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from approx_perception.exceptions import DatasetError, reason_of
from approx_perception.notices import notice

__all__ = ["Losses"]

P = ParamSpec("P")
T = TypeVar("T")


class Losses:
    """Reads the parts of a source, of which some may be broken.

    Parameters
    ----------
    source
        Its name for humans.
    parts
        What it consists of, in the plural.
    """

    def __init__(self, source: object, parts: str) -> None:
        self._source, self._parts = source, parts
        self._read = self._lost = 0
        self._first = ""

    def attempt(
        self, name: object, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Read one part; None if it cannot be read."""
        try:
            value = read(*args, **kwargs)
        except Exception as error:  # libraries fail in many ways on broken data
            self._first = self._first or f"{name}: {reason_of(error)}"
            self._lost += 1
            return None
        self._read += 1
        return value

    def tell(self) -> None:
        """Notice what was lost, if anything was and not all."""
        if self._lost and self._read:
            notice(
                f"{self._source}: {self._lost} of {self._lost + self._read} {self._parts} cannot "
                f"be read and are left out; the first is {self._first}"
            )

    def refuse_if_all(self) -> None:
        """Raise if nothing could be read.

        Raises
        ------
        DatasetError
            With the first reason.
        """
        if not self._read:
            raise DatasetError(
                f"{self._source}: none of {self._lost} {self._parts} can be read; the first is "
                f"{self._first}"
                if self._lost
                else f"{self._source}: there are no {self._parts} that can be read"
            )
