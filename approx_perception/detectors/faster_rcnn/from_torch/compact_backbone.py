"""A residual network with a feature pyramid, small enough to be trained on two CPU cores."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork

__all__ = ["CompactBackbone"]

_STAGE_CHANNELS = (32, 64, 128, 192)
_BLOCKS_PER_STAGE = (1, 2, 2, 1)
_PYRAMID_CHANNELS = 64


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation, adjacent so that they can be fused."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016, fig. 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, 3, stride)
        self.second = _conv(outputs, outputs, 3)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else _conv(inputs, outputs, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        inner = torch.relu(self.first(features))
        return torch.relu(self.second(inner) + self.shortcut(features))


class CompactBackbone(nn.Module):
    """Feature pyramid at strides 8, 16 and 32, 64 channels each.

    There is no level of stride 4: it would cost more than the rest together, and small
    objects are what the shape knob is for.
    """

    out_channels = _PYRAMID_CHANNELS

    def __init__(self) -> None:
        super().__init__()
        stem = _STAGE_CHANNELS[0]
        self.stem = nn.Sequential(_conv(3, 16, 3, 2), nn.ReLU(), _conv(16, stem, 3, 2), nn.ReLU())
        stages = []
        inputs = stem
        for position, outputs in enumerate(_STAGE_CHANNELS):
            blocks = [_ResidualBlock(inputs, outputs, 1 if position == 0 else 2)]
            blocks += [
                _ResidualBlock(outputs, outputs, 1) for _ in range(_BLOCKS_PER_STAGE[position] - 1)
            ]
            stages.append(nn.Sequential(*blocks))
            inputs = outputs
        self.stages = nn.ModuleList(stages)
        self.fpn = FeaturePyramidNetwork(list(_STAGE_CHANNELS[1:]), _PYRAMID_CHANNELS)

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """Turn ``(N, 3, H, W)`` into maps ``"0"``, ``"1"``, ``"2"`` of strides 8, 16, 32."""
        features = self.stages[0](self.stem(images))
        levels: OrderedDict[str, Tensor] = OrderedDict()
        for position, stage in enumerate(list(self.stages)[1:]):
            features = stage(features)
            levels[str(position)] = features
        pyramid: OrderedDict[str, Tensor] = self.fpn(levels)
        return pyramid
