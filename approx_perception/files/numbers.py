"""Whole numbers that users write."""

__all__ = ["MOST_DIGITS", "whole_number"]

#: As 64 bits have; Python refuses to read thousands.
MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """Read decimal digits; None for all else, and for more digits than `MOST_DIGITS`."""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
