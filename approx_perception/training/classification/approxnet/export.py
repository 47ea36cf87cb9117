"""Write a network as ONE ONNX file in which an early exit costs less.

Behind each exit stands an ``If``: either its head, or the next stage and so on. A runtime computes
only the side that is taken, so all exits share one session and one set of weights.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from approx_perception.classifiers.approxnet.metadata import Metadata
from approx_perception.files import replace_bytes
from approx_perception.training.classification.approxnet.layers import (
    Head,
    Inverted,
    MultiScale,
    MultiScaleStart,
    Residual,
)
from approx_perception.training.classification.approxnet.network import ApproxNet, normalisation

__all__ = ["export"]

_OPSET = 17
_IR_VERSION = 8


def export(network: ApproxNet, path: Path, metadata: Metadata) -> None:
    """Write weights, graph and what a classifier must know of them.

    Parameters
    ----------
    network
        Its batch norms are folded into its convolutions.
    path
        The ``.onnx`` file.
    metadata
        Goes into the file.
    """
    writer = _Writer()
    images = writer.node("Transpose", ["images"], perm=[0, 3, 1, 2])
    images = writer.node("Cast", [images], to=TensorProto.FLOAT)
    middle, spread = normalisation()
    images = writer.node("Sub", [images, writer.constant(np.float32(middle))])
    images = writer.node("Div", [images, writer.constant(np.float32(spread))])
    logits = _exits_from(writer, network, 0, images)
    writer.node("Softmax", [logits], "probabilities", axis=1)
    confidence = helper.make_tensor_value_info("confidence", TensorProto.FLOAT, [])
    graph = helper.make_graph(
        writer.nodes, "approxnet",
        [
            helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", "S", "S", 3]),
            helper.make_tensor_value_info("exit", TensorProto.INT64, []),
            *([confidence] if network.is_by_confidence else []),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", "C"])],
        writer.constants,
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    helper.set_model_props(model, metadata.texts())
    onnx.checker.check_model(model)
    replace_bytes(path, model.SerializeToString())


class _Writer:
    """Collects nodes and constants of one graph; names are unique in the whole file."""

    def __init__(self, parent: "_Writer | None" = None) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._count: list[int] = parent._count if parent else [0]

    def name(self) -> str:
        """Return a name that no other value has."""
        self._count[0] += 1
        return f"v{self._count[0]}"

    def constant(self, value: npt.ArrayLike) -> str:
        """Add an array; return its name."""
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        output = output or self.name()
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def branch(self, write: Callable[["_Writer"], str]) -> Any:
        """Write a graph of its own, for one side of an ``If``."""
        inner = _Writer(self)
        output = helper.make_tensor_value_info(write(inner), TensorProto.FLOAT, None)
        return helper.make_graph(inner.nodes, inner.name(), [], [output], inner.constants)


#: Name of a map, or names of a fine and a coarse one.
Features = str | list[str]


def _exits_from(writer: _Writer, network: ApproxNet, index: int, x: Features) -> str:
    """Write stage ``index`` and all behind it; return the logits of the exit that is taken."""
    features = _written(writer, network.stages[index], x)
    head = network.heads[index]
    if index + 1 == len(network.stages):
        return _head(writer, head, features)
    is_taken = writer.node("Equal", ["exit", writer.constant(np.int64(index + 1))])
    if not network.is_by_confidence:
        here = writer.branch(lambda w: _head(w, head, features))
    else:
        logits = _head(writer, head, features)
        best = writer.node("ReduceMax", [writer.node("Softmax", [logits], axis=1)], axes=[1])
        least = writer.node("ReduceMin", [best], keepdims=0)
        is_sure = writer.node("GreaterOrEqual", [least, "confidence"])
        is_taken = writer.node("Or", [is_taken, is_sure])
        here = writer.branch(lambda w: w.node("Identity", [logits]))
    further = writer.branch(lambda w: _exits_from(w, network, index + 1, features))
    return writer.node("If", [is_taken], then_branch=here, else_branch=further)


def _written(writer: _Writer, module: nn.Module, x: Features) -> Features:
    """Write a module of `layers`; return the names of what it gives."""
    if isinstance(module, nn.Sequential):
        return _sequence(writer, module, x)
    if isinstance(module, MultiScaleStart):
        fine = _map(writer, module.fine, x)
        return [fine, _map(writer, module.coarse, fine)]
    if isinstance(module, MultiScale):
        assert isinstance(x, list)
        fine, coarse = x
        more = [
            _map(writer, layer, each)
            for layer, each in ((module.fine, fine), (module.down, fine), (module.coarse, coarse))
        ]
        return [
            writer.node("Concat", [fine, more[0]], axis=1),
            writer.node("Concat", [coarse, *more[1:]], axis=1),
        ]
    return _map(writer, module, x)


def _map(writer: _Writer, module: nn.Module, x: Features) -> str:
    """Write a module that gives one map."""
    assert isinstance(x, str)
    if isinstance(module, nn.Sequential):
        return str(_sequence(writer, module, x))
    if isinstance(module, nn.ReLU):
        return writer.node("Relu", [x])
    if isinstance(module, nn.Identity):
        return x
    if isinstance(module, Residual):
        both = [_map(writer, module.body, x), _map(writer, module.way_round, x)]
        return writer.node("Relu", [writer.node("Add", both)])
    if isinstance(module, Inverted):
        y = _map(writer, module.body, x)
        return writer.node("Add", [y, x]) if module.is_same else y
    raise TypeError(f"{type(module).__name__} has no form in ONNX here")


def _sequence(writer: _Writer, modules: nn.Sequential, x: Features) -> Features:
    layers = list(modules)
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, nn.Conv2d):
            assert isinstance(following, nn.BatchNorm2d)
            assert isinstance(x, str)
            x = _convolution(writer, layer, following, x)
        elif not isinstance(layer, nn.BatchNorm2d):
            x = _written(writer, layer, x)
    return x


def _convolution(writer: _Writer, layer: nn.Conv2d, norm: nn.BatchNorm2d, x: str) -> str:
    """Write a convolution with its batch norm folded in."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, scale, shift, mean, variance = (
        tensor.detach().double().cpu().numpy()
        for tensor in (layer.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    factor = scale / np.sqrt(variance + norm.eps)
    kernel = (weight * factor[:, None, None, None]).astype(np.float32)
    bias = (shift - mean * factor).astype(np.float32)
    side, stride, padding = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
    return writer.node(
        "Conv", [x, writer.constant(kernel), writer.constant(bias)],
        kernel_shape=[side, side], strides=[stride, stride], pads=[padding] * 4,
        group=layer.groups,
    )  # fmt: skip


def _head(writer: _Writer, head: nn.Module, x: Features) -> str:
    assert isinstance(head, Head)
    x = _map(writer, head.block, x if isinstance(x, str) else x[-1])
    pooled = [writer.node(kind, [x]) for kind in ("GlobalAveragePool", "GlobalMaxPool")]
    flat = writer.node("Flatten", [writer.node("Concat", pooled, axis=1)], axis=1)
    weight, bias = (t.detach().cpu().numpy() for t in (head.linear.weight, head.linear.bias))
    return writer.node("Gemm", [flat, writer.constant(weight), writer.constant(bias)], transB=1)
