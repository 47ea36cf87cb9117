"""What the names of frame files say: their order and their numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

__all__ = ["by_number", "frame_numbers"]

_DIGITS = re.compile(r"(\d+)")


def by_number(name: str) -> tuple[list[str | int], str]:
    """Return a sort key under which ``frame2`` comes before ``frame10``."""
    parts: list[str | int] = list(_DIGITS.split(name))
    # Texts and numbers take turns, so that only like is compared with like.
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts, name


def frame_numbers(names: Sequence[str]) -> list[int | None]:
    """Number of each frame as its file's name says it.

    It is the number in the name (without the ending) that no two files share, as 7 in
    ``clip2_000007_left.jpg``; of several, the one that grows least, as 7 in ``f007_1040ms.jpg``,
    where the other is a time. Files with more or fewer numbers than most, as ``cover.jpg``, have
    none; where all files share all numbers, none has one.

    Parameters
    ----------
    names
        Of all files of a source.
    """
    if not names:
        return []
    found = [_DIGITS.findall(PurePath(name).stem) for name in names]
    usual = Counter(len(own) for own in found).most_common(1)
    columns = [[own[i] for own in found if len(own) == usual[0][0]] for i in range(usual[0][0])]
    # The last one of those that grow alike.
    spreads = {
        place: max(column) - min(column)
        for place in reversed(range(len(columns)))
        if len(set(column := [int(digits) for digits in columns[place]])) == len(column)
    }
    if not spreads:
        return [None] * len(names)
    place = min(spreads, key=lambda own: spreads[own])
    return [int(own[place]) if len(own) == len(columns) else None for own in found]
