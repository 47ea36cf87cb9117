"""Where labels stand on an image, so that they can be read in a crowd."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["place_labels"]

#: Labels, the first ones, for which the whole image is searched: each search takes longer.
_MOST_SEARCHES = 100

Rectangles = npt.NDArray[np.int64]


def place_labels(
    boxes: Rectangles,
    sizes: Sequence[tuple[int, int]],
    image_size: tuple[int, int],
    taken: Sequence[tuple[int, int, int, int]] = (),
) -> Rectangles:
    """Find a place for each label beside its box, over no other label where there is room.

    For one box after the other, the first free place beside it is taken, else, of the first
    hundred, the nearest one that is free, else one that hides least.

    Parameters
    ----------
    boxes
        ``(N, 4)`` x1, y1, x2, y2 in px.
    sizes
        Width and height of each label in px.
    image_size
        Width and height in px; labels stay inside.
    taken
        Rectangles that other text has already.

    Returns
    -------
    numpy.ndarray
        ``(N, 4)`` int64 rectangles of the labels.
    """
    placed = np.zeros((len(taken) + len(boxes), 4), np.int64)
    placed[: len(taken)] = np.array(taken, np.int64).reshape(-1, 4)
    limit = np.array(image_size, np.int64)
    for index, ((x1, y1, x2, y2), (width, height)) in enumerate(
        zip(boxes.tolist(), sizes, strict=True)
    ):
        size = np.array((width, height), np.int64)
        corners = np.array(_corners((x1, y1, x2, y2), width, height), np.int64)
        others = placed[: len(taken) + index]
        best, hidden = _least_hidden(corners, size, limit, others)
        if hidden and index < _MOST_SEARCHES:
            best, _ = _least_hidden(_nearest_corners((x1, y1), size, limit), size, limit, others)
        placed[len(taken) + index] = best
    return placed[len(taken) :]


def _corners(box: tuple[int, int, int, int], width: int, height: int) -> list[tuple[int, int]]:
    """Upper left corners of a label, the best place first."""
    x1, y1, x2, y2 = box
    rows = (y1 - height, y2, y1, y2 - height, y1 - 2 * height, y2 + height)
    beside = [(x, y) for y in rows for x in (x1, x2 - width)]
    return [*beside, (x2, y1), (x1 - width, y1), (x2, y2 - height), (x1 - width, y2 - height)]


def _nearest_corners(at: tuple[int, int], size: Rectangles, limit: Rectangles) -> Rectangles:
    """Corners of a grid over the whole image, the nearest to a point first."""
    columns, rows = (
        np.arange(0, max(int(end - part), 0) + 1, max(int(step), 1))
        for end, part, step in zip(limit, size, (size[0] // 2, size[1]), strict=True)
    )
    corners = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    distances = ((corners - np.array(at)) ** 2).sum(axis=1)
    return np.asarray(corners[np.argsort(distances, kind="stable")])


def _least_hidden(
    corners: Rectangles, size: Rectangles, limit: Rectangles, others: Rectangles
) -> tuple[Rectangles, int]:
    """First of the rectangles that hides least of others, and the px that it hides."""
    corners = np.maximum(np.minimum(corners, limit - size), 0)
    options = np.concatenate([corners, corners + size], axis=1)
    low = np.maximum(options[:, None, :2], others[None, :, :2])
    high = np.minimum(options[:, None, 2:], others[None, :, 2:])
    hidden = np.prod(np.maximum(high - low, 0), axis=2).sum(axis=1)
    return options[int(hidden.argmin())], int(hidden.min())
