"""What families on PyTorch share: devices, weights by name, state dicts in files."""

import hashlib
import io
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models import get_weight

from approx_perception.exceptions import ConfigurationError, InferenceError, WeightsError, shown
from approx_perception.files import check_file, foreign_kind, replace_bytes

__all__ = [
    "checked_state",
    "choose_device",
    "output_count",
    "read_state",
    "refuse_not_finite",
    "replace_state",
    "state_digest",
    "torchvision_state",
    "use_threads",
]

_REAL = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
}  # fmt: skip


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
        raise WeightsError(
            f"torchvision has no weights {shown(name)}: {shown(str(error))}"
        ) from error
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
    check_file(path, "weights file", WeightsError)
    if path.suffix.lower() == ".onnx":
        raise WeightsError(
            f"{shown(str(path))} is an ONNX file, expected one of PyTorch; the "
            "detector onnx runs it as it is"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch lets through whatever its parsers raise
        said = str(error).partition(". ")[0] if str(error) else type(error).__name__
        kind = foreign_kind(path, is_torch_foreign=False)
        reason = f"it is {kind}" if kind else shown(" ".join(said.split()))
        raise WeightsError(f"{path} is no readable weights file: {reason}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, expected a state dict")
    return content


def checked_state(state: object, name: str) -> dict[str, Tensor]:
    """Refuse a state dict that holds anything but tensors of finite real numbers.

    Parameters
    ----------
    state
        From a file.
    name
        Of the file, for the error.

    Raises
    ------
    WeightsError
        Naming the entry.
    """
    if not isinstance(state, dict):
        raise WeightsError(f"{name} holds a {type(state).__name__} where a state dict is expected")
    for key, tensor in state.items():
        if not isinstance(key, str) or (found := _what_is_wrong(tensor)):
            found = found if isinstance(key, str) else "named by no text"
            raise WeightsError(
                f"{name} is no state dict: its entry {shown(key)} is {found}, expected is a tensor "
                "of real numbers"
            )
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{name}: the entry {shown(key)} holds numbers that are not finite")
    return state


def _what_is_wrong(tensor: object) -> str:
    """Why something is no plain tensor whose numbers all stand in the file; else empty."""
    if not isinstance(tensor, Tensor):
        return shown(tensor)
    if tensor.dtype not in _REAL:
        return f"of {tensor.dtype}"
    if tensor.layout != torch.strided or tensor.is_nested:
        return f"of the layout {tensor.layout}"
    if tensor.is_meta:
        return "without numbers (of the device meta)"
    if tensor.numel() * tensor.itemsize > tensor.untyped_storage().nbytes():
        return f"of the shape {tuple(tensor.shape)}, but with fewer numbers than that"
    return ""


def output_count(state: Mapping[str, Tensor], key: str, name: str, network: str) -> int:
    """Outputs of a layer, by its bias.

    Raises
    ------
    WeightsError
        If there is no such entry, or it is no bias.
    """
    bias = state.get(key)
    if bias is None:
        raise WeightsError(f"{name} is no {network}: it lacks {key}")
    if bias.ndim != 1 or len(bias) < 2:
        raise WeightsError(f"{name} is no {network}: its {key} has the shape {tuple(bias.shape)}")
    return len(bias)


def state_digest(state: Mapping[str, Tensor]) -> str:
    """Hash of all entries, the same on every machine."""
    digest = hashlib.sha256()
    for key, tensor in sorted(state.items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(
            tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()


def refuse_not_finite(features: Iterable[Tensor]) -> None:
    """Say that a network computes nonsense: what finds nothing because of it would be silent.

    Parameters
    ----------
    features
        What its backbone gave for an image in which nothing was found.

    Raises
    ------
    InferenceError
        If any number is not finite.
    """
    if not all(bool(torch.isfinite(level.sum())) for level in features):
        raise InferenceError(
            "the network's features are not finite: its weights are broken, or the precision is "
            "too low for them"
        )
