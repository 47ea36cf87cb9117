"""Tiny networks as ONNX files: they find white cells, as one exporter or another gives them."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: make train")

from onnx import TensorProto, helper, numpy_helper

STRIDES = (8, 16, 32)


class _Graph:
    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def _level(graph, source, stride, classes, is_active):
    """A column a cell: where it is, how large, how white, and its second class."""
    where = np.array([0.5, 0.5, np.log(2), np.log(3)], np.float32)
    scores = np.array([-200 / 55 if is_active else -99, *([0.0, 0.8] + [0.0] * classes)[:classes]])
    mean = np.zeros((1 + classes, 3, stride, stride), np.float32)
    mean[0] = 1 / (3 * stride**2 * 55)
    maps = []
    for name, weights, bias in (
        ("where", np.zeros((4, 3, stride, stride), np.float32), where),
        ("scores", mean, scores.astype(np.float32)),
    ):
        inputs = [
            source, graph.constant(f"{name}{stride}_w", weights),
            graph.constant(f"{name}{stride}_b", bias),
        ]  # fmt: skip
        maps.append(graph.add("Conv", inputs, f"{name}{stride}", strides=[stride, stride]))
    maps[1] = graph.add("Clip", [maps[1], "zero", "one"], f"clipped{stride}")
    joined = graph.add("Concat", maps, f"joined{stride}", axis=1)
    return graph.add("Reshape", [joined, "flat"], f"flat{stride}")


def _decoded(graph, rows, height, width):
    """Centres and sides in px, as Autoware's exports have them."""
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    graph.constant("cells", np.concatenate(cells).astype(np.float32)[None])
    graph.constant("strides", np.concatenate(strides).astype(np.float32)[None])
    graph.nodes.append(helper.make_node(
        "Split", [rows, graph.constant("parts", np.array([2, 2, 3], np.int64))],
        ["xy", "wh", "rest"], axis=2,
    ))  # fmt: skip
    graph.add("Mul", [graph.add("Add", ["xy", "cells"], "xy_cells"), "strides"], "centres")
    graph.add("Mul", [graph.add("Exp", ["wh"], "sides_cells"), "strides"], "sides")
    return graph.add("Concat", ["centres", "sides", "rest"], "decoded", axis=2)


def write_yolox(
    path, classes=2, sides=("H", "W"), active=(8,), kind=TensorProto.FLOAT, batch=1,
    decoded=False, transposed=False, factor=1.0, opset=13,
):  # fmt: skip
    """A YOLOX that finds white cells of the active strides: boxes of 2 x 3 cells, score 0.8.

    ``decoded`` (of fixed sides and two classes only), ``transposed`` and ``factor`` (of all
    numbers) make it another network.
    """
    graph = _Graph()
    graph.constant("zero", np.float32(0))
    graph.constant("one", np.float32(1))
    graph.constant("flat", np.array([1, 5 + classes, -1], np.int64))
    graph.add("Cast", ["images"], "pixels", to=TensorProto.FLOAT)
    levels = [_level(graph, "pixels", s, classes, s in active) for s in STRIDES]
    rows = graph.add("Concat", levels, "columns_of_cells", axis=2)
    if not transposed:
        rows = graph.add("Transpose", [rows], "rows_of_cells", perm=[0, 2, 1])
    if decoded:
        rows = _decoded(graph, rows, *sides)
    graph.add("Mul", [rows, graph.constant("factor", np.float32(factor))], "scaled")
    graph.add("Cast", ["scaled"], "output", to=kind if kind != TensorProto.UINT8 else 1)
    out = TensorProto.FLOAT if kind == TensorProto.UINT8 else kind
    return save(
        path, graph.nodes, [("images", kind, [batch, 3, *sides])],
        [("output", out, [1, None, None])], graph.constants, opset,
    )  # fmt: skip


def write_constant(path, *outputs, inputs=((1, 3, 64, 96),)):
    """A network that gives the same arrays, whatever it sees."""
    nodes, infos = [], []
    for index, array in enumerate(outputs):
        value = numpy_helper.from_array(np.asarray(array, np.float32))
        nodes.append(helper.make_node("Constant", [], [f"output{index}"], value=value))
        infos.append((f"output{index}", TensorProto.FLOAT, [None] * np.ndim(array)))
    given = [(f"input{index}", TensorProto.FLOAT, shape) for index, shape in enumerate(inputs)]
    return save(path, nodes, given, infos, [])


def save(path, nodes, inputs, outputs, constants, opset=13):
    infos = [[helper.make_tensor_value_info(*each) for each in side] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, "tiny", *infos, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path
