"""Write a Faster R-CNN of torch as one ONNX file.

The file is a whole detector, which any runtime can run. Its parts are told by the names of their
nodes, so that they can be run apart, too; see `parts`.
"""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from onnx import compose
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FasterRCNN

from approx_perception.detectors.faster_rcnn.from_torch.graph import (
    Front,
    Head,
    Pooling,
    Proposals,
)
from approx_perception.detectors.faster_rcnn.from_torch.weights import LoadedNetwork
from approx_perception.detectors.faster_rcnn.metadata import Metadata
from approx_perception.exceptions import OutputError, WeightsError
from approx_perception.files import replace_bytes

__all__ = ["exported", "write_export"]

_OPSET = 17
#: The least that the opset needs, so that older runtimes read the file.
_IR_VERSION = 8
_RESULTS = ["boxes", "scores", "class_ids", "image_ids"]


def exported(network: FasterRCNN, class_names: tuple[str, ...]) -> bytes:
    """Return the content of an ONNX file.

    Parameters
    ----------
    network
        In evaluation mode.
    class_names
        Without the background.

    Raises
    ------
    WeightsError
        If the network pools in a way that cannot be exported.
    """
    pool = network.roi_heads.box_roi_pool
    if pool.sampling_ratio < 1:
        raise WeightsError(
            f"a Faster R-CNN with sampling_ratio {pool.sampling_ratio} cannot be exported; it must "
            "be 1 or more"
        )
    front = Front(network)
    levels = [str(level) for level in range(len(network.rpn.anchor_generator.cell_anchors))]
    objectness, deltas = (
        [f"{kind}_{level}" for level in levels] for kind in ("objectness", "deltas")
    )
    maps, grids = [*objectness, *deltas], objectness[: len(front.strides)]
    tracer = _Tracer()
    tracer.add("front", front, ["images"], ["features", *maps])
    tracer.add(
        "proposals", Proposals(network, front.strides[0]), ["sizes", "nprop", *maps],
        ["proposals", "proposal_images"],
    )  # fmt: skip
    tracer.add(
        "pooling", Pooling(network, front.strides),
        ["proposals", "proposal_images", "features", *grids], ["pooled"],
    )  # fmt: skip
    tracer.add("head", Head(network), ["sizes", "proposals", "proposal_images", "pooled"], _RESULTS)
    transform = network.transform
    metadata = Metadata(
        class_names=class_names,
        padding_bgr=tuple(round(value * 255) for value in reversed(transform.image_mean)),
        strides=front.strides,
        bins=tuple(pool.output_size),
        samples=pool.sampling_ratio,
        canonical_level=pool.canonical_level,
        canonical_scale_px=pool.canonical_scale,
    )
    return tracer.model(metadata.texts(), ["images", "sizes", "nprop"], _RESULTS)


def write_export(loaded: LoadedNetwork, path: Path) -> None:
    """Write what was loaded; see `exported`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    WeightsError
        If the network cannot be exported.
    """
    content = exported(loaded.network, loaded.class_names)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    replace_bytes(path, content)


class _Tracer:
    """Parts of a graph, each traced with what those before it gave."""

    def __init__(self) -> None:
        self._values: dict[str, Tensor] = {
            "images": torch.zeros(1, 128, 160, 3, dtype=torch.uint8),
            "sizes": torch.tensor([[128, 150]]),
            "nprop": torch.tensor([10]),
        }
        self._graphs: list[onnx.GraphProto] = []

    def add(self, name: str, part: nn.Module, inputs: list[str], outputs: list[str]) -> None:
        """Trace a part; its inputs and outputs are named over all parts."""
        given = tuple(self._values[each] for each in inputs)
        buffer = io.BytesIO()
        with warnings.catch_warnings(), torch.inference_mode():
            # The tracer warns of each constant, and of itself.
            warnings.simplefilter("ignore")
            found = part.eval()(*given)
            torch.onnx.export(
                part, given, buffer,  # type: ignore[arg-type]
                input_names=inputs, output_names=outputs, dynamo=False,
                opset_version=_OPSET, dynamic_axes=_free_axes([*inputs, *outputs]),
            )  # fmt: skip
        self._values.update(
            zip(outputs, found if isinstance(found, tuple) else (found,), strict=True)
        )
        model = onnx.load_from_string(buffer.getvalue())
        compose.add_prefix(
            model, f"{name}/", rename_inputs=False, rename_outputs=False, inplace=True
        )
        self._graphs.append(model.graph)

    def model(
        self, metadata: dict[str, str], inputs: Sequence[str], outputs: Sequence[str]
    ) -> bytes:
        """All parts in one model; what passes between them is noted as ``value_info``."""
        ports = {
            port.name: port for graph in self._graphs for port in (*graph.input, *graph.output)
        }
        between = [port for name, port in ports.items() if name not in {*inputs, *outputs}]
        graph = onnx.helper.make_graph(
            [node for part in self._graphs for node in part.node], "faster_rcnn",
            [ports[name] for name in inputs], [ports[name] for name in outputs],
            [value for part in self._graphs for value in part.initializer], value_info=between,
        )  # fmt: skip
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        onnx.helper.set_model_props(model, metadata)
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString()
        return content


#: Names of free dimensions.
_AXES = {
    "images": ("N", "H", "W"), "sizes": ("N",), "features": ("N", "cells"), "proposals": ("P",),
    "proposal_images": ("P",), "pooled": ("P",), **dict.fromkeys(_RESULTS, ("D",)),
}  # fmt: skip


def _free_axes(names: Sequence[str]) -> dict[str, dict[int, str]]:
    axes = {}
    for name in names:
        level = name.partition("_")[2]
        if level.isdecimal():
            axes[name] = {0: "N", 2: f"h{level}", 3: f"w{level}"}
        elif name in _AXES:
            axes[name] = dict(enumerate(_AXES[name]))
    return axes
