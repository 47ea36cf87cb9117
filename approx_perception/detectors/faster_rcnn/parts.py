"""Cut the file of a Faster R-CNN into the parts that run apart.

Nodes and weights of a part have its name before theirs; what passes between parts stands in the
graph's ``value_info``.
"""

from collections.abc import Iterator

from approx_perception.detectors._protobuf import changed, field, fields

__all__ = ["part_of"]

_GRAPH = 7  # of the model
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13  # of the graph
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME = 1, 2, 3
_INITIALIZER_NAME = 8
_PORT_NAME = 1


def part_of(model: bytes, part: str) -> bytes:
    """Return a model of one part; its inputs and outputs are what passes between parts.

    Raises
    ------
    ValueError
        If it is no ONNX file.
    """
    return changed(model, {_GRAPH: lambda graph: _cut(graph, f"{part}/")})


def _cut(graph: bytes, prefix: str) -> bytes:
    kept: list[bytes] = []
    ports: list[tuple[str, bytes]] = []
    used: set[str] = set()
    made: set[str] = set()
    for number, raw, value in fields(graph):
        if number in (_INPUT, _OUTPUT, _VALUE_INFO):
            ports.append((_text(value, _PORT_NAME), value))
        elif number == _NODE and _text(value, _NODE_NAME).startswith(prefix):
            used.update(_texts(value, _NODE_INPUT))
            made.update(_texts(value, _NODE_OUTPUT))
            kept.append(raw)
        elif (
            number == _INITIALIZER and _text(value, _INITIALIZER_NAME).startswith(prefix)
        ) or number not in (_NODE, _INITIALIZER):
            kept.append(raw)
    kept += [field(_INPUT, value) for name, value in ports if name in used - made]
    kept += [field(_OUTPUT, value) for name, value in ports if name in made]
    return b"".join(kept)


def _texts(message: bytes, wanted: int) -> Iterator[str]:
    return (value.decode() for number, _, value in fields(message) if number == wanted)


def _text(message: bytes, wanted: int) -> str:
    return next(_texts(message, wanted), "")
