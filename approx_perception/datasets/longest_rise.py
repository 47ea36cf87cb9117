"""Which of a series of numbers rise, and which stand in the way."""

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["longest_rise"]


def longest_rise(numbers: Sequence[int]) -> list[int]:
    """Places of the longest part of a series that strictly rises: patience sorting, n log n.

    One number far too large leaves out itself alone, as does one that is zero.
    """
    tops: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        pile = bisect_left(tops, number)
        before.append(places[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [number]
        places[pile : pile + 1] = [place]
    rise = []
    place = places[-1] if places else -1
    while place >= 0:
        rise.append(place)
        place = before[place]
    return rise[::-1]
