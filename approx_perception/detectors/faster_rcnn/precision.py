"""Run the backbone in bfloat16 where this machine is faster at it."""

import math
import time
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FasterRCNN

from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["PRECISIONS", "set_precision"]

PRECISIONS = ("auto", "float32", "bfloat16")
#: bfloat16 is taken only where it saves at least this share of the time.
_MIN_GAIN = 0.15
_TRIAL_SIZE_PX = (320, 448)
_PREHEATS, _TRIALS = 2, 5
#: A second run that takes this many times as long needs no further ones: processors without
#: bfloat16 emulate it at a tenth of the speed.
_HOPELESS = 3.0


class _BFloat16Backbone(nn.Module):
    """A backbone that computes in bfloat16 and gives float32."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        with torch.autocast(images.device.type, torch.bfloat16):
            levels = self.backbone(images)
        return OrderedDict((name, level.float()) for name, level in levels.items())


@torch.inference_mode()
def _seconds(backbone: nn.Module, images: Tensor) -> float:
    start = time.perf_counter()
    backbone(images)
    return time.perf_counter() - start


def _median_seconds(backbone: nn.Module, images: Tensor, hopeless_s: float = math.inf) -> float:
    """Median after a preheat; less exact where a warm run takes longer than ``hopeless_s``."""
    for _ in range(_PREHEATS):
        last_s = _seconds(backbone, images)
    if last_s > hopeless_s:
        return last_s
    return sorted(_seconds(backbone, images) for _ in range(_TRIALS))[_TRIALS // 2]


def set_precision(network: FasterRCNN, precision: str, device: torch.device) -> str:
    """Make a network's backbone compute as asked; returns what was chosen.

    Proposals and heads stay in float32: they take little time, and boxes need the digits.

    Parameters
    ----------
    network
        With a ``backbone``, in evaluation mode, on its device; changed in place.
    precision
        ``auto`` tries both on this machine (CPUs with matrix units gain most; on an
        accelerator it is float32), else what to use.
    device
        Where the network is.

    Raises
    ------
    ConfigurationError
        If there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ConfigurationError(
            f"there is no precision {shown(precision)}; choose {choices(PRECISIONS)}"
        )
    original = network.backbone
    candidate = _BFloat16Backbone(original)
    if precision == "auto" and device.type == "cpu":
        images = torch.zeros(1, 3, *_TRIAL_SIZE_PX)
        images = images.contiguous(memory_format=torch.channels_last)
        original_s = _median_seconds(original, images)
        gain = 1 - _median_seconds(candidate, images, _HOPELESS * original_s) / original_s
        precision = "bfloat16" if gain >= _MIN_GAIN else "float32"
    if precision != "bfloat16":
        return "float32"
    network.backbone = candidate
    return precision
