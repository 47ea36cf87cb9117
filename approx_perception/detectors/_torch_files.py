"""What families on PyTorch share: devices, weights by name, state dicts in files."""

import io
import pickle
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models import get_weight

from approx_perception.exceptions import ConfigurationError, WeightsError, shown
from approx_perception.files import replace_bytes

__all__ = ["choose_device", "read_state", "replace_state", "torchvision_state", "use_threads"]


def choose_device(name: str) -> torch.device:
    """Find a device by name; ``auto`` takes an accelerator where there is one.

    Raises
    ------
    ConfigurationError
        If it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"cannot use the device {shown(name)}: {reason}") from error
    return device


def replace_state(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values with `torch.save`; see `replace_bytes`."""
    # Not straight to the file: PyTorch hides why the disk took no more.
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    replace_bytes(path, buffer.getvalue())


def use_threads(count: int) -> None:
    """Set torch's threads, which all networks of a process share, where they differ."""
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def torchvision_state(
    name: str, builders: Collection[str], family: str
) -> tuple[str, Mapping[str, Tensor], tuple[str, ...]]:
    """Find torchvision's weights by name; it downloads them once.

    Parameters
    ----------
    name
        As ``FasterRCNN_ResNet50_FPN_Weights.COCO_V1``.
    builders
        Functions of torchvision whose networks would do.
    family
        What they are, for the error.

    Returns
    -------
    builder, state, class_names
        Class names without the background.

    Raises
    ------
    WeightsError
        If there are no such weights, or they cannot be had.
    """
    try:
        weights = get_weight(name)
    except (ValueError, KeyError, AttributeError) as error:
        raise WeightsError(f"torchvision has no weights {shown(name)}: {error!r}") from error
    builder = type(weights).__name__.removesuffix("_Weights").lower()
    if builder not in builders:
        raise WeightsError(f"{shown(name)} are weights of {builder}, which is no {family}")
    try:
        state = weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"cannot download {name}: {error}") from error
    return builder, state, tuple(weights.meta["categories"][1:])


def read_state(path: Path) -> dict[str, Any]:
    """Read a file of tensors; nothing in it is run.

    Raises
    ------
    WeightsError
        If it is missing or holds anything else.
    """
    if not path.is_file():
        raise WeightsError(f"there is no weights file {shown(str(path))}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is no readable weights file: {reason}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, expected a state dict")
    return content
