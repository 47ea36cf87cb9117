"""Tiny networks of every convention: rows that are known, and one score that tells the input."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: make train")

from onnx import TensorProto, helper, numpy_helper

from test.detectors.onnx_models import save

IMAGE = ("images", TensorProto.FLOAT, (1, 3, 64, 96))
SIZES = ("orig_target_sizes", TensorProto.INT64, ("N", 2))


def write_network(path, tables, slots=None, inputs=(IMAGE,), metadata=None, sized=()):
    """A network that gives tables; in a slot it adds the mean of the input's first channel.

    Parameters
    ----------
    path
        To write to.
    tables
        Arrays by the names of outputs.
    slots
        ``{output: (place, factor)}``: what is added there is ``factor`` times the mean.
    inputs
        Name, type and shape, the image first; a shape that ends in 3 has the channels last.
    metadata
        Texts of the file.
    sized
        Outputs that are multiplied with the sizes that the second input names.
    """
    nodes, constants, infos = [], [], []
    name, _, shape = inputs[0]
    axis = len(shape) - 1 if shape[-1] == 3 else len(shape) - 3
    for key, value in {"first": [0], "second": [1], "axis": [axis]}.items():
        constants.append(numpy_helper.from_array(np.array(value, np.int64), key))
    nodes += [
        helper.make_node("Cast", [name], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["numbers", "first", "second", "axis"], ["channel"]),
        helper.make_node("ReduceMean", ["channel"], ["mean"], keepdims=0),
    ]
    for output, values in tables.items():
        table = np.asarray(values)
        constants.append(numpy_helper.from_array(table, f"{output} table"))
        given = f"{output} table"
        if output in (slots or {}):
            place, factor = slots[output]
            mask = np.zeros_like(table)
            mask[place] = factor
            constants.append(numpy_helper.from_array(mask, f"{output} mask"))
            nodes.append(helper.make_node("Mul", [f"{output} mask", "mean"], [f"{output} more"]))
            nodes.append(helper.make_node("Add", [given, f"{output} more"], [f"{output} sum"]))
            given = f"{output} sum"
        if output in sized:
            nodes += [
                helper.make_node("Cast", [inputs[1][0]], ["sizes"], to=TensorProto.FLOAT),
                helper.make_node("Concat", ["sizes", "sizes"], ["corners"], axis=1),
                helper.make_node("Mul", [given, "corners"], [f"{output} px"]),
            ]
            given = f"{output} px"
        nodes.append(helper.make_node("Identity", [given], [output]))
        kind = helper.np_dtype_to_tensor_dtype(table.dtype)
        infos.append((output, kind, [None] * table.ndim))
    save(path, nodes, inputs, infos, constants)
    return with_metadata(path, metadata or {})


def with_metadata(path, metadata):
    model = onnx.load(path)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


def write_cells(path, strides, columns, sides=("H", "W"), scores=slice(0, 2), metadata=None):
    """A network of a row a cell: how white cells are stands in ``scores``, ``columns`` elsewhere.

    Parameters
    ----------
    strides
        Of the levels; only cells of the first are ever active.
    columns
        ``(columns, 3)``: each is ``a + b x + c y`` in strides, of the cell's column and row from
        1 on, times its stride.
    scores
        Which are ``clip(a * whiteness)`` instead.
    """
    nodes, constants, levels = [], [], []
    columns = np.asarray(columns, np.float32)
    count = len(columns)

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    constant("zero", np.float32(0)), constant("one", np.float32(1))
    constant("axis x", np.int64(3)), constant("axis y", np.int64(2))
    is_score = np.zeros((1, count, 1, 1), np.float32)
    is_score[0, scores] = 1
    constant("is score", is_score), constant("is other", 1 - is_score)
    constant("flat", np.array([1, count, -1], np.int64))
    for s in strides:
        # Padding makes levels of ceil(side / stride) cells.
        weights = constant(f"w{s}", np.full((1, 3, s, s), 1 / (255 * 3 * s * s), np.float32))
        nodes += [
            helper.make_node(
                "Conv", ["images", weights], [f"white{s}"], strides=[s, s], auto_pad="SAME_UPPER"
            ),
            helper.make_node("Mul", [f"white{s}", "zero"], [f"zeros{s}"]),
            helper.make_node("Add", [f"zeros{s}", "one"], [f"ones{s}"]),
            helper.make_node("CumSum", [f"ones{s}", "axis x"], [f"x{s}"]),
            helper.make_node("CumSum", [f"ones{s}", "axis y"], [f"y{s}"]),
        ]
        terms = []
        for index, source in enumerate((f"ones{s}", f"x{s}", f"y{s}")):
            factor = constant(f"f{index}{s}", columns[:, index].reshape(1, count, 1, 1) * s)
            nodes.append(helper.make_node("Mul", [source, factor], [f"t{index}{s}"]))
            terms.append(f"t{index}{s}")
        active = columns[:, 0].reshape(1, count, 1, 1) * (s == strides[0])
        nodes += [
            helper.make_node("Sum", terms, [f"other{s}"]),
            helper.make_node("Mul", [f"other{s}", "is other"], [f"boxes{s}"]),
            helper.make_node("Mul", [f"white{s}", constant(f"a{s}", active)], [f"scaled{s}"]),
            helper.make_node("Clip", [f"scaled{s}", "zero", "one"], [f"clipped{s}"]),
            helper.make_node("Mul", [f"clipped{s}", "is score"], [f"scores{s}"]),
            helper.make_node("Add", [f"boxes{s}", f"scores{s}"], [f"rows{s}"]),
            helper.make_node("Reshape", [f"rows{s}", "flat"], [f"level{s}"]),
        ]
        levels.append(f"level{s}")
    nodes.append(helper.make_node("Concat", levels, ["output"], axis=2))
    inputs = [("images", TensorProto.FLOAT, (1, 3, *sides))]
    outputs = [("output", TensorProto.FLOAT, (1, count, None))]
    save(path, nodes, inputs, outputs, constants)
    return with_metadata(path, metadata or {})
