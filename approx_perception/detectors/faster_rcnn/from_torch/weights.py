"""Find and check the weights of a Faster R-CNN; never unpickles anything but tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection._utils import overwrite_eps
from torchvision.models.detection.faster_rcnn import FasterRCNN

from approx_perception.detectors._base import read_class_names
from approx_perception.detectors._shipped import shipped_weights_path
from approx_perception.detectors._torch_files import (
    checked_state,
    output_count,
    read_state,
    replace_state,
    state_digest,
    torchvision_state,
)
from approx_perception.detectors.faster_rcnn.from_torch.network import BACKBONES, build_network
from approx_perception.exceptions import WeightsError, choices, counted, reason_of, shown

__all__ = ["LoadedNetwork", "load_weights", "save_weights"]

_FORMAT = "approx_perception.faster_rcnn/1"
_COUNTER = ".num_batches_tracked"
_LAST_BIAS = "roi_heads.box_predictor.cls_score.bias"
_KIND = f"Faster R-CNN with one of the backbones {', '.join(BACKBONES)}"


@dataclass(frozen=True, eq=False)
class LoadedNetwork:
    """A network with its weights, its backbone's name and what its classes are called.

    ``class_names`` leaves out the background: class id 0 is the network's label 1. ``path`` is
    None where the weights come by name; ``digest`` is their hash then.
    """

    network: FasterRCNN
    class_names: tuple[str, ...]
    name: str
    backbone: str
    path: Path | None = None
    digest: str = ""


def save_weights(
    path: Path, network_state: Mapping[str, Tensor], backbone: str, class_names: tuple[str, ...]
) -> None:
    """Write a file that `load_weights` reads: state dict in half precision, names, backbone."""
    state = {
        key: tensor.half() if tensor.dtype == torch.float32 else tensor
        for key, tensor in network_state.items()
    }
    content = {"format": _FORMAT, "backbone": backbone, "class_names": list(class_names)}
    replace_state(path, {**content, "state": state})


def load_weights(name: str, class_names_file: Path | None) -> LoadedNetwork:
    """Load weights by name.

    Parameters
    ----------
    name
        Empty for the shipped file; ``FasterRCNN_..._Weights.COCO_V1`` or the like for
        torchvision's (downloaded once by torchvision); else a file: ours or a state dict of
        any of `BACKBONES`, which is recognised by its keys.
    class_names_file
        Needed for a bare state dict; overrides the names of others.

    Raises
    ------
    WeightsError
        If the weights are missing, corrupt, of another network, or the names do not fit.
    """
    if not name:
        return _from_file(shipped_weights_path().with_suffix(".pt"), class_names_file)
    if "_Weights." in name and not Path(name).exists():
        return _from_torchvision(name, class_names_file)
    return _from_file(Path(name), class_names_file)


def _from_torchvision(name: str, class_names_file: Path | None) -> LoadedNetwork:
    builder, state, names = torchvision_state(name, BACKBONES, "Faster R-CNN")
    if class_names_file is not None:
        names = read_class_names(class_names_file, len(names))
    network = _filled(builder, state, name)
    return LoadedNetwork(network, names, name, builder, digest=state_digest(state))


def _from_file(path: Path, class_names_file: Path | None) -> LoadedNetwork:
    content = read_state(path)
    is_ours = content.get("format") == _FORMAT
    names: tuple[str, ...] = ()
    if is_ours:
        names = _names_in(content, path)
    given = content.get("state") if is_ours else content.get("model", content)
    state = checked_state(given, str(path))
    class_count = output_count(state, _LAST_BIAS, str(path), _KIND)
    backbone = _backbone_in(content, path) if is_ours else _recognise(state, path)
    if class_names_file is not None:
        names = read_class_names(class_names_file, class_count - 1)
    elif not is_ours:
        raise WeightsError(
            f"{path} brings no class names; give a file with its {class_count - 1} names"
        )
    elif len(names) != class_count - 1:
        raise WeightsError(
            f"{path} names {counted(len(names), 'class')}, but its network has {class_count - 1}"
        )
    network = _filled(backbone, state, str(path))
    return LoadedNetwork(network, names, path.name, backbone, path)


def _names_in(content: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Class names of a file of ours."""
    names = content.get("class_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise WeightsError(f"{path}: its class names are {shown(names)}, expected a list of texts")
    return tuple(names)


def _backbone_in(content: Mapping[str, Any], path: Path) -> str:
    """Backbone of a file of ours."""
    backbone = content.get("backbone")
    if backbone not in BACKBONES:
        raise WeightsError(
            f"{path}: its backbone is {shown(backbone)}; choose {choices(BACKBONES)}"
        )
    return str(backbone)


def _recognise(state: Mapping[str, Tensor], path: Path) -> str:
    """Name the backbone whose parameters have the same names and shapes."""
    shapes = _shapes(state)
    for backbone in BACKBONES:
        with torch.device("meta"):
            candidate = build_network(backbone, len(state[_LAST_BIAS])).state_dict()
        if _shapes(candidate) == shapes:
            return backbone
    raise WeightsError(f"{path} is no {_KIND}")


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Of all entries but those that batch norm has only where it was trained."""
    return {key: tensor.shape for key, tensor in state.items() if not key.endswith(_COUNTER)}


def _filled(backbone: str, state: Mapping[str, Tensor], name: str) -> FasterRCNN:
    network = build_network(backbone, len(state[_LAST_BIAS]))
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{name} does not fit the network {backbone}: {reason_of(error)}"
        ) from error
    # Its batch norms were frozen, and had no epsilon in the framework that they come from.
    if backbone == "fasterrcnn_resnet50_fpn" and not any(key.endswith(_COUNTER) for key in state):
        overwrite_eps(network, 0.0)
    return network.eval()
