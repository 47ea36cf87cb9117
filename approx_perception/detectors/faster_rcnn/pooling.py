"""RoIAlign on a CPU: bilinear taps as one sparse matrix, times the features of all levels.

He et al. 2017, section 3, with the corners of boxes on cells (torchvision's ``aligned=False``), as
feature pyramids were trained with. Runtimes compute it channel by channel; here all channels of a
cell lie side by side, which takes a third of the time.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from approx_perception.detectors.faster_rcnn.metadata import Metadata

__all__ = ["pool"]

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]
#: Added before a level is rounded down, as torchvision does.
_LEVEL_EPSILON = np.float32(1e-6)
#: Low and high cell of each point.
_TAPS = 2


def pool(
    features: Floats, grids: Integers, boxes: Floats, images: Integers, how: Metadata
) -> Floats:
    """Features of boxes, each from the level that fits its size.

    Parameters
    ----------
    features
        ``(N, cells, C)`` of all levels, one behind the other, by rows.
    grids
        ``(L, 2)`` rows and columns of each level.
    boxes
        ``(P, 4)`` px of the input, inside it.
    images
        ``(P,)`` number of each box's image.
    how
        Strides of the levels, bins and points.

    Returns
    -------
    ``(P, rows, columns, C)``.
    """
    level = _levels(boxes, how)
    rows, columns = grids[level].T.astype(np.int32)
    corners = boxes / np.array(how.strides, np.float32)[level][:, None]
    y, down = _taps(corners[:, 1], corners[:, 3], rows, how.bins[0], how.samples)
    x, across = _taps(corners[:, 0], corners[:, 2], columns, how.bins[1], how.samples)
    areas = grids.prod(axis=1)
    first = images * features.shape[1] + (np.cumsum(areas) - areas)[level]
    y = y * columns[:, None, None] + first.astype(np.int32)[:, None, None]
    taps = _TAPS * how.samples
    # Repeated first, so that sums run over long rows: (boxes, bins, taps down x taps across).
    index = np.repeat(y, taps, axis=2)[:, :, None] + np.tile(x, taps)[:, None]
    weights = np.repeat(down, taps, axis=2)[:, :, None] * np.tile(across, taps)[:, None]
    count = len(boxes) * how.bins[0] * how.bins[1]
    ends = np.arange(count + 1, dtype=np.int32) * taps**2
    cells = features.reshape(-1, features.shape[2])
    matrix = csr_array((weights.ravel(), index.ravel(), ends), shape=(count, len(cells)))
    pooled: Floats = (matrix @ cells).reshape(len(boxes), *how.bins, features.shape[2])
    return pooled


def _levels(boxes: Floats, how: Metadata) -> Integers:
    """Level of each box (Lin et al. 2017, eq. 1)."""
    first, last = (int(np.log2(how.strides[i])) for i in (0, -1))
    scale = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)) / np.float32(how.canonical_scale_px)
    level = np.floor(how.canonical_level + np.log2(scale) + _LEVEL_EPSILON)
    return np.asarray(np.clip(level, first, last) - first, np.int64)


def _taps(
    start: Floats, end: Floats, count: Indices, bins: int, samples: int
) -> tuple[Indices, Floats]:
    """Cells along one axis, and their weights in a bin's mean; both ``(boxes, bins, taps)``.

    Parameters
    ----------
    start, end
        Of the boxes, in cells.
    count
        Cells of their levels along the axis.
    bins, samples
        Bins of a box, and points of a bin.
    """
    last = count[:, None] - 1
    length = np.maximum(end - start, np.float32(1))
    points = (np.arange(bins * samples, dtype=np.float32) + np.float32(0.5)) / (bins * samples)
    places = start[:, None] + points * length[:, None]
    low = np.minimum(places.astype(np.int32), last)
    share = np.where(low == last, np.float32(0), places - low)
    # Points of boxes narrower than a cell can lie beyond the edge: they count nothing.
    inside = (places <= count[:, None]) / np.float32(samples)
    taps = np.stack([low, np.minimum(low + 1, last)], axis=-1)
    weights = np.stack([(1 - share) * inside, share * inside], axis=-1).astype(np.float32)
    shape = (len(start), bins, samples * _TAPS)
    return taps.reshape(shape), weights.reshape(shape)
