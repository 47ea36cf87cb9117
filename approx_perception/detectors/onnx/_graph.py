"""Edit the graph of an ONNX file without the package onnx: few fields of its protobuf.

Fields after onnx.proto of the ONNX specification.
"""

from approx_perception.detectors._protobuf import Change, changed, field, fields

__all__ = ["with_free_sides"]

_GRAPH = 7  # of the model
_INPUT, _OUTPUT, _VALUE_INFO = 11, 12, 13  # of the graph
_NAME, _TYPE = 1, 2  # of a value
_TENSOR = 1  # of a type
_SHAPE = 2  # of a tensor's type
_DIMENSION = 1  # of a shape
_SYMBOL = 2  # of a dimension


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
        dimensions = [value for number, _, value in fields(text) if number == _DIMENSION]
        for axis, symbol in symbols.items():
            dimensions[axis] = field(_SYMBOL, symbol)
        return b"".join(field(_DIMENSION, each) for each in dimensions)

    def image_input(value: bytes) -> bytes:
        name = next(text for number, _, text in fields(value) if number == _NAME)
        return _in_tensor(value, shape) if name == input_name.encode() else value

    def output(value: bytes) -> bytes:
        return _in_tensor(value, lambda _: None)

    def graph(content: bytes) -> bytes:
        changes: dict[int, Change] = {
            _INPUT: image_input, _OUTPUT: output, _VALUE_INFO: lambda _: None
        }  # fmt: skip
        return changed(content, changes)

    return changed(model, {_GRAPH: graph})


def _in_tensor(value: bytes, shape: Change) -> bytes:
    def tensor(kind: bytes) -> bytes:
        return changed(kind, {_TENSOR: lambda content: changed(content, {_SHAPE: shape})})

    return changed(value, {_TYPE: tensor})
