"""Read and write messages of protobuf, field by field, without the package onnx.

Fields after onnx.proto of the ONNX specification.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["Bytes", "Change", "changed", "field", "fields"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

#: Slices of a memory view are no copies.
Bytes = TypeVar("Bytes", bytes, memoryview)
#: What becomes of a field: None drops it.
Change = Callable[[bytes], "bytes | None"]


def changed(message: bytes, changes: dict[int, Change]) -> bytes:
    """Replace the content of fields, by their number."""
    parts = []
    for number, raw, value in fields(message):
        if number not in changes:
            parts.append(raw)
        elif (new := changes[number](value)) is not None:
            parts.append(field(number, new))
    return b"".join(parts)


def fields(message: Bytes) -> Iterator[tuple[int, Bytes, Bytes]]:
    """Yield each field's number, its bytes as they are, and its content where it has a length.

    Raises
    ------
    ValueError
        If it is no such message.
    """
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        kind, value = key & 7, message[:0]
        if kind == _VARINT:
            _, place = _read_varint(message, place)
        elif kind == _BYTES:
            length, place = _read_varint(message, place)
            value = message[place : place + length]
            place += length
        elif kind in (_FIXED32, _FIXED64):
            place += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if place > len(message):
            raise ValueError("a field is longer than the file")
        yield key >> 3, message[start:place], value


def _read_varint(message: Bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(message):
            raise ValueError("a number is longer than the file")
        byte = message[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place


def field(number: int, value: bytes) -> bytes:
    """Write a field whose content has a length."""
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
