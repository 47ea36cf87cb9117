"""ApproxNet in PyTorch: one trunk, six exits, any input shape.

Beside it stand networks that it is compared with: the same trunk for one shape and one exit, one
like MobileNetV2, and one like MSDNet that leaves where it is sure enough.

After "ApproxNet: Content and Contention-Aware Video Object Classification System for Embedded
Clients" (Xu et al., TOSN 2021). What its public text leaves open is ours; see docs/approxnet.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from torch import Tensor, nn

from approx_perception.classifiers._base import ClassifierSettings
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.training.classification.approxnet.layers import (
    Head,
    Inverted,
    MultiScale,
    MultiScaleStart,
    Residual,
    convolution,
)

__all__ = [
    "NETWORKS",
    "SHAPES",
    "ApproxNet",
    "Architecture",
    "architecture_of",
    "normalisation",
    "valid_pairs",
]

#: Sides of the input in px, as in the paper.
SHAPES = (224, 192, 160, 128, 112, 96, 80)
#: A smaller map of features has nothing left to pool.
_LEAST_MAP_PX = 5
#: Mean and spread of grey levels that the network subtracts and divides by.
_MIDDLE, _SPREAD = 127.5, 64.0


@dataclass(frozen=True)
class Architecture:
    """Numbers of a network.

    Attributes
    ----------
    stem
        Channels of its two convolutions, each of stride 2.
    stages
        Of each: channels, stride of the first block, number of blocks.
    head_channels
        Of each exit's own convolution.
    kind
        residual, inverted or multi_scale.
    exits
        Numbers of the stages behind which one can leave; empty for all.
    shapes
        Sides of the input in px.
    """

    stem: tuple[int, int]
    stages: tuple[tuple[int, int, int], ...]
    head_channels: int
    kind: str = "residual"
    exits: tuple[int, ...] = ()
    shapes: tuple[int, ...] = SHAPES

    @property
    def is_multi_scale(self) -> bool:
        """Whether it keeps a fine and a coarse map; channels of a stage are what a block adds."""
        return self.kind == "multi_scale"

    def map_px(self, shape: int, stage: int) -> int:
        """Side of the features behind a stage, counted from 1."""
        side = -(-shape // 4)
        for _, stride, _ in self.stages[:stage]:
            side = -(-side // stride)
        return side

    @property
    def exit_stages(self) -> tuple[int, ...]:
        """Stage before each exit."""
        return self.exits or tuple(range(1, len(self.stages) + 1))


NETWORKS: MappingProxyType[str, Architecture] = MappingProxyType(
    {
        "slim": Architecture(
            (16, 32),
            ((48, 2, 1), (48, 1, 1), (96, 2, 2), (96, 1, 2), (160, 2, 2), (160, 1, 2)),
            96,
        ),
        "resnet34": Architecture(
            (64, 64),
            ((64, 1, 3), (128, 2, 4), (256, 2, 3), (256, 1, 3), (512, 2, 2), (512, 1, 1)),
            256,
        ),
        "mobilenet": Architecture(
            (16, 24), ((32, 2, 2), (64, 2, 3), (96, 1, 3), (160, 2, 3)), 160, "inverted", (4,)
        ),
        "msdnet": Architecture(
            (16, 24), ((16, 4, 2), *((16, 1, 2),) * 4), 96, "multi_scale", shapes=(224,)
        ),
    }
)


_BLOCKS = {"residual": Residual, "inverted": Inverted}


class ApproxNet(nn.Module):
    """Stages in a row, and a head behind each.

    Attributes
    ----------
    stages, heads
        As many as there are exits; the first stage holds the stem.
    """

    def __init__(self, architecture: Architecture, classes: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        heads: list[nn.Module] = []
        layers: list[nn.Module] = []
        for number, (own, channels) in enumerate(_layers(architecture), 1):
            layers += own
            if number not in architecture.exit_stages:
                continue
            stages.append(nn.Sequential(*layers))
            layers = []
            is_fine = architecture.is_multi_scale or architecture.map_px(224, number) > 14
            heads.append(Head(channels, architecture.head_channels, classes, 2 if is_fine else 1))
        self.stages, self.heads = nn.ModuleList(stages), nn.ModuleList(heads)
        #: Whether an exit is also taken where it is sure enough.
        self.is_by_confidence = architecture.is_multi_scale

    def forward(self, images: Tensor, exits: int) -> list[Tensor]:
        """Logits at the exits from the first to ``exits``.

        Parameters
        ----------
        images
            ``(N, 3, S, S)`` float, BGR, 0 to 255.
        exits
            Where to leave.

        Returns
        -------
        list of ``(N, classes)``
        """
        x = (images - _MIDDLE) / _SPREAD
        logits = []
        for stage, head in zip(self.stages[:exits], self.heads[:exits], strict=True):
            x = stage(x)
            logits.append(head(x))
        return logits


def _layers(architecture: Architecture) -> Iterator[tuple[list[nn.Module], int]]:
    """Layers of each stage, and the channels behind it; the stem stands before the first."""
    first, inputs = architecture.stem
    layers = [
        *convolution(3, first, 3, 2),
        nn.ReLU(inplace=True),
        *convolution(first, inputs, 3, 2),
        nn.ReLU(inplace=True),
    ]
    fine, coarse = inputs, 2 * inputs
    if architecture.is_multi_scale:
        layers.append(MultiScaleStart(inputs, fine))
    for channels, stride, blocks in architecture.stages:
        for index in range(blocks):
            if architecture.is_multi_scale:
                layers.append(MultiScale(fine, coarse, channels))
                fine, coarse = fine + channels, coarse + 2 * channels
            else:
                block = _BLOCKS[architecture.kind]
                layers.append(block(inputs, channels, 1 if index else stride))
                inputs = channels
        yield layers, coarse if architecture.is_multi_scale else inputs
        layers = []


def normalisation() -> tuple[float, float]:
    """Grey level that is subtracted, and what the rest is divided by."""
    return _MIDDLE, _SPREAD


def valid_pairs(architecture: Architecture) -> tuple[ClassifierSettings, ...]:
    """Pairs of shape and exit whose features are not too small, least shape and exit first."""
    return tuple(
        ClassifierSettings(shape, number)
        for shape in sorted(architecture.shapes)
        for number, stage in enumerate(architecture.exit_stages, 1)
        if architecture.map_px(shape, stage) >= _LEAST_MAP_PX
    )


def architecture_of(name: str) -> Architecture:
    """Numbers of a network by name.

    Parameters
    ----------
    name
        A name of `NETWORKS`, or for comparisons ``NETWORK:SHAPE`` for one shape alone, or
        ``NETWORK:SHAPE:EXIT`` for one shape and one exit, the stages behind it left out.

    Raises
    ------
    ConfigurationError
        If there is none of that name.
    """
    network, *numbers = name.split(":")
    whole = NETWORKS.get(network)
    if whole is None or len(numbers) > 2 or not all(number.isdecimal() for number in numbers):
        raise ConfigurationError(
            f"there is no network {shown(name)}; choose {choices(NETWORKS)}, or one of them with "
            ":SHAPE or :SHAPE:EXIT"
        )
    chosen = whole
    if numbers:
        chosen = replace(chosen, shapes=(int(numbers[0]),))
    if len(numbers) > 1:
        chosen = replace(chosen, stages=whole.stages[: int(numbers[1])], exits=(int(numbers[1]),))
    is_one = set(chosen.shapes) <= set(whole.shapes) and set(chosen.exits) <= set(whole.exit_stages)
    if not is_one or not valid_pairs(chosen):
        pairs = ", ".join(f"{pair.shape}:{pair.exit}" for pair in valid_pairs(whole))
        raise ConfigurationError(f"{shown(name)} is no pair of {network}; it has {pairs}")
    return chosen
