"""Edit the graph of an ONNX file without the package onnx: few fields of its protobuf.

Fields after onnx.proto of the ONNX specification.
"""

from collections.abc import Callable, Iterator

__all__ = ["with_free_sides"]

_GRAPH = 7  # of the model
_INPUT, _OUTPUT, _VALUE_INFO = 11, 12, 13  # of the graph
_NAME, _TYPE = 1, 2  # of a value
_TENSOR = 1  # of a type
_SHAPE = 2  # of a tensor's type
_DIMENSION = 1  # of a shape
_SYMBOL = 2  # of a dimension
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

#: What becomes of a field: None drops it.
Change = Callable[[bytes], "bytes | None"]


def with_free_sides(model: bytes, input_name: str, axes: tuple[int, int]) -> bytes:
    """Return a model whose input has symbols for two of its dimensions.

    Shapes that the exporter noted for outputs and between them are left out: they are of the one
    size.

    Raises
    ------
    ValueError
        If it is no such protobuf.
    """
    symbols = dict(zip(axes, (b"height", b"width"), strict=True))

    def shape(text: bytes) -> bytes:
        dimensions = [value for number, _, value in _fields(text) if number == _DIMENSION]
        for axis, symbol in symbols.items():
            dimensions[axis] = _field(_SYMBOL, symbol)
        return b"".join(_field(_DIMENSION, each) for each in dimensions)

    def image_input(value: bytes) -> bytes:
        name = next(text for number, _, text in _fields(value) if number == _NAME)
        return _in_tensor(value, shape) if name == input_name.encode() else value

    def output(value: bytes) -> bytes:
        return _in_tensor(value, lambda _: None)

    def graph(content: bytes) -> bytes:
        changes: dict[int, Change] = {
            _INPUT: image_input, _OUTPUT: output, _VALUE_INFO: lambda _: None
        }  # fmt: skip
        return _changed(content, changes)

    return _changed(model, {_GRAPH: graph})


def _in_tensor(value: bytes, shape: Change) -> bytes:
    def tensor(kind: bytes) -> bytes:
        return _changed(kind, {_TENSOR: lambda content: _changed(content, {_SHAPE: shape})})

    return _changed(value, {_TYPE: tensor})


def _changed(message: bytes, changes: dict[int, Change]) -> bytes:
    parts = []
    for number, raw, value in _fields(message):
        if number not in changes:
            parts.append(raw)
        elif (new := changes[number](value)) is not None:
            parts.append(_field(number, new))
    return b"".join(parts)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each field's number, its bytes as they are, and its content where it has a length."""
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        kind, value = key & 7, b""
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


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(message):
            raise ValueError("a number is longer than the file")
        byte = message[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
