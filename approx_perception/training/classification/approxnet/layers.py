"""Layers of the networks."""

import torch
from torch import Tensor, nn

__all__ = ["Head", "Inverted", "MultiScale", "MultiScaleStart", "Residual", "convolution"]


def convolution(
    inputs: int, outputs: int, side: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Convolution and batch norm, one set of statistics for all shapes."""
    return [
        nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class Residual(nn.Module):
    """Two convolutions and a way round them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(inputs, outputs, 3, stride),
            nn.ReLU(inplace=True),
            *convolution(outputs, outputs, 3),
        )
        is_same = stride == 1 and inputs == outputs
        self.way_round = (
            nn.Identity() if is_same else nn.Sequential(*convolution(inputs, outputs, 1, stride))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Keep ``(N, C, H, W)`` or go to the next channels and stride."""
        return torch.relu(self.body(x) + self.way_round(x))


class Inverted(nn.Module):
    """MobileNetV2's block, with a linear bottleneck (Sandler et al., CVPR 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = 4 * inputs
        self.body = nn.Sequential(
            *convolution(inputs, wide, 1),
            nn.ReLU(inplace=True),
            *convolution(wide, wide, 3, stride, wide),
            nn.ReLU(inplace=True),
            *convolution(wide, outputs, 1),
        )
        self.is_same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """See `Residual.forward`."""
        return self.body(x) + x if self.is_same else self.body(x)


class MultiScaleStart(nn.Module):
    """From one map to a fine one of half its side and a coarse one of a quarter."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(*convolution(inputs, channels, 3, 2), nn.ReLU(inplace=True))
        self.coarse = nn.Sequential(
            *convolution(channels, 2 * channels, 3, 2), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Fine, then coarse."""
        fine = self.fine(x)
        return [fine, self.coarse(fine)]


class MultiScale(nn.Module):
    """Adds features to a fine and a coarse map; what is there stays.

    After "Multi-Scale Dense Networks for Resource Efficient Image Classification" (Huang et al.,
    ICLR 2018), with two scales: early exits see coarse features, too.
    """

    def __init__(self, fine: int, coarse: int, growth: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(*convolution(fine, growth, 3), nn.ReLU(inplace=True))
        self.down = nn.Sequential(*convolution(fine, growth, 3, 2), nn.ReLU(inplace=True))
        self.coarse = nn.Sequential(*convolution(coarse, growth, 3), nn.ReLU(inplace=True))

    def forward(self, scales: list[Tensor]) -> list[Tensor]:
        """Fine, then coarse, each with more channels."""
        fine, coarse = scales
        return [
            torch.cat([fine, self.fine(fine)], 1),
            torch.cat([coarse, self.down(fine), self.coarse(coarse)], 1),
        ]


class Head(nn.Module):
    """An exit: a convolution of its own, mean and maximum of its map, a linear classifier.

    The convolution keeps exits from spoiling the features of later ones (MSDNet, section 4).
    """

    def __init__(self, inputs: int, channels: int, classes: int, stride: int) -> None:
        super().__init__()
        self.block = nn.Sequential(*convolution(inputs, channels, 3, stride), nn.ReLU(inplace=True))
        self.linear = nn.Linear(2 * channels, classes)

    def forward(self, x: Tensor | list[Tensor]) -> Tensor:
        """Logits ``(N, classes)``, from the coarsest map where there are several."""
        own = self.block(x if isinstance(x, Tensor) else x[-1])
        return self.linear(torch.cat([own.mean((2, 3)), own.amax((2, 3))], 1))
