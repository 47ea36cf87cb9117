"""Tiny ONNX graphs, made here."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 0


def write_graph(path: Path, channels: int = 8) -> Path:
    """An image of free sides ``(1, 3, H, W)`` to a map ``(1, channels, H, W)`` and its mean."""
    rng = np.random.default_rng(SEED)
    kernel = rng.standard_normal((channels, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["map"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["map"], ["mean"], axes=[2, 3], keepdims=0),
    ]
    sides = ["height", "width"]
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *sides])],
        [
            helper.make_tensor_value_info("map", TensorProto.FLOAT, [1, channels, *sides]),
            helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, channels]),
        ],
        [numpy_helper.from_array(kernel, "kernel")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"names": "{0: 'thing'}"})
    onnx.save(model, str(path))
    return path


def picture(height: int = 32, width: int = 48) -> dict[str, np.ndarray]:
    """Its input."""
    rng = np.random.default_rng(SEED)
    return {"image": rng.random((1, 3, height, width), np.float32)}
