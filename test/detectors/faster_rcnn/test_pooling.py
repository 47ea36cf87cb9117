"""RoIAlign as a sparse product, against torchvision's."""

import numpy as np
import pytest

from approx_perception.detectors.faster_rcnn.metadata import Metadata
from approx_perception.detectors.faster_rcnn.pooling import pool

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")
from torchvision.ops import MultiScaleRoIAlign

INPUT_PX = (96, 128)
CHANNELS = 5


def boxes_of(kind, count=40):
    rng, size = np.random.default_rng(0), np.array(INPUT_PX[::-1])
    corners = rng.uniform(0, 1, (count, 2, 2)) * size
    low, high = corners.min(axis=1), corners.max(axis=1)
    if kind == "narrow":
        high = np.minimum(low + np.array([0.01, 30]), size)
    elif kind == "at the edge":
        low, high = size - np.array([0.5, 9]) * rng.uniform(0, 1, (count, 1)), high * 0 + size
    elif kind == "whole":
        low, high = low * 0, high * 0 + size
    return np.concatenate([low, high], axis=1).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("strides", [(8,), (8, 16, 32), (4, 8)])
@pytest.mark.parametrize("kind", ["any", "narrow", "at the edge", "whole"])
def test_features_of_boxes_are_those_of_torchvision(kind, strides, samples):
    boxes, generator = boxes_of(kind), torch.Generator().manual_seed(0)
    grids = np.array([[side // stride for side in INPUT_PX] for stride in strides])
    maps = {str(i): torch.randn(2, CHANNELS, *grid, generator=generator)
            for i, grid in enumerate(grids.tolist())}  # fmt: skip
    how = Metadata(("a",), (0, 0, 0), strides, (7, 5), samples, 3, 40)
    images = np.arange(len(boxes)) % 2
    reference = MultiScaleRoIAlign(
        list(maps), (7, 5), samples, canonical_scale=40, canonical_level=3
    )
    of_images = [torch.from_numpy(boxes[images == image]) for image in (0, 1)]
    expected = reference(maps, of_images, [INPUT_PX] * 2).permute(0, 2, 3, 1).numpy()
    cells = torch.cat([level.flatten(2).transpose(1, 2) for level in maps.values()], 1).numpy()
    found = pool(np.ascontiguousarray(cells), grids, boxes, images, how)
    order = np.argsort(images, kind="stable")
    np.testing.assert_allclose(found[order], expected, atol=1e-4)


def test_no_boxes():
    how = Metadata(("a",), (0, 0, 0), (8,), (7, 7), 2, 4, 224)
    cells, grids = np.zeros((1, 6, CHANNELS), np.float32), np.array([[2, 3]])
    nothing = pool(cells, grids, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), how)
    assert nothing.shape == (0, 7, 7, CHANNELS)
