"""Tell the boxes of a YOLOX, one for each cell, from those of other networks.

Four numbers in 0..500 are boxes in many ways. Which way it is shows beside the cells that they
belong to.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.detectors.onnx._rows import grid, scores_are_strange
from approx_perception.exceptions import WeightsError

__all__ = ["BOX_COLUMNS", "OFFSETS", "PX", "is_decoded"]

#: Centre, width, height and objectness stand before the scores of the classes.
BOX_COLUMNS = 5
#: Centres further from their cells, in cells, are numbers of another kind; a YOLOX's median is
#: below 1.
_FARTHEST_CELLS = 4.0
#: Logarithms of sides in cells are below it; in px, the sides of coarse cells are above it.
_LARGEST_LOGARITHM = 5.0
#: Times the larger side of the input.
_LARGEST_BOX = 10.0
_MOST_IMPOSSIBLE = 0.25
_EXPECTED = (
    "expected is an input (1, 3, H, W) and one output (1, cells, 5 + classes), with the cells of "
    "strides 8, 16 and 32"
)
_LEAST_CORRELATION = 0.3
#: Ways that boxes can be written in.
OFFSETS = "offsets and logarithms in cells"
PX = "centres and sides in px"
_CORNERS = "corners in px (x1, y1, x2, y2)"
_TOP_LEFT = "top left corners and sides in px (x, y, width, height)"
_SHARES = "centres and sides as shares of the input, 0 to 1"
_SHARE_CORNERS = "corners as shares of the input, 0 to 1 (x1, y1, x2, y2)"

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


def _refusal(path: Path, reason: str) -> WeightsError:
    """Make the error that names what a YOLOX is."""
    return WeightsError(f"{path} is no YOLOX that can be used: {reason}; {_EXPECTED}")


def is_decoded(rows: Array, path: Path, size: tuple[int, int]) -> bool:
    """Whether boxes are centres and sides in px; else they are offsets in cells and logarithms.

    Parameters
    ----------
    rows
        ``(cells, 5 + classes)`` of a picture of much variety.
    path
        Of the file, for the error.
    size
        Width and height of the input in px.

    Raises
    ------
    WeightsError
        If they are boxes of a third kind, or no boxes; what they look like is told.
    """
    finite = np.isfinite(rows).all(axis=1)
    if finite.mean() < 0.5:
        raise _refusal(
            path, f"{(~finite).sum()} of its {len(rows)} rows for a test picture are not finite"
        )
    if strange := scores_are_strange(rows[finite, BOX_COLUMNS - 1 :]):
        raise _refusal(path, strange)
    cells, strides = (table[finite] for table in grid(size[1], size[0]))
    boxes = rows[finite, :4]
    kind = _kind_of_boxes(boxes, cells, strides, size)
    if kind is None:
        raise _refusal(path, "its centres are neither near their cells nor offsets from them")
    if kind not in (OFFSETS, PX):
        raise _refusal(
            path, f"its boxes look like {kind}; they can be {PX}, or {OFFSETS}"
        )  # fmt: skip
    _check_sides(boxes[:, 2:], strides, kind, path, max(size))
    return kind == PX


def _kind_of_boxes(boxes: Array, cells: Array, strides: Array, size: tuple[int, int]) -> str | None:
    """Say how most boxes are near their cells; None if they are in no way."""
    first, second = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    places_px = (cells + 0.5) * strides
    # A second corner is behind the first and where its cell is; sides are nowhere.
    are_corners = (second >= first).all(axis=1).mean() > 0.95 and (
        _correlation_and_slope(second, places_px)[0] > _LEAST_CORRELATION
    )
    centres = (first + second) / 2 if are_corners else first
    # Shares are as small as offsets, but are larger further right and further down.
    correlation, slope = _correlation_and_slope(centres * size, places_px)
    if correlation > 0.7 and 0.4 < slope < 2:
        return _SHARE_CORNERS if are_corners else _SHARES
    from_offsets = float(np.median(np.abs(first - 0.5)))
    from_px = float(np.median(np.abs(centres - places_px) / strides))
    if from_px < min(from_offsets, _FARTHEST_CELLS):
        return _kind_of_px(centres, second, places_px, strides, are_corners)
    return OFFSETS if from_offsets < _FARTHEST_CELLS else None


def _kind_of_px(
    centres: Points, second: Points, places_px: Array, strides: Array, are_corners: bool
) -> str | None:
    """Tell numbers that are near their cells in px, as it seems, apart."""
    if are_corners:
        return _CORNERS
    # On few cells anything is near; px grow by one a px.
    if _correlation_and_slope(centres, places_px)[1] < 0.2:
        return None
    as_centre, as_corner = (
        np.median(np.abs(centre - places_px) / strides)
        for centre in (centres, centres + second / 2)
    )
    return _TOP_LEFT if as_corner < as_centre / 2 else PX


def _correlation_and_slope(points: Points, places_px: Array) -> tuple[float, float]:
    """Of points with where their cells are, each the smaller of the two axes'."""
    away, place = points - points.mean(axis=0), places_px - places_px.mean(axis=0)
    both = (away * place).mean(axis=0)
    spread = np.sqrt(away.var(axis=0) * place.var(axis=0))
    correlation = both / np.maximum(spread, 1e-12)
    return float(correlation.min()), float((both / np.maximum(place.var(axis=0), 1e-12)).min())


def _check_sides(sides: Array, strides: Array, kind: str, path: Path, input_px: int) -> None:
    """Refuse sides that would make most boxes impossible."""
    if kind == PX and np.quantile(np.abs(sides), 0.95) < _LARGEST_LOGARITHM:
        raise _refusal(
            path, f"its centres are in px, but its sides, from {sides.min():.3g} to "
            f"{sides.max():.3g}, are too small for px and look like logarithms"
        )  # fmt: skip
    with np.errstate(over="ignore"):
        sides_px = sides if kind == PX else np.exp(sides) * strides
    is_possible = ((sides_px > 0) & (sides_px <= _LARGEST_BOX * input_px)).all(axis=1)
    if 1 - is_possible.mean() > _MOST_IMPOSSIBLE:
        meant = "px" if kind == PX else "logarithms of sides in cells"
        raise _refusal(
            path, f"of {len(sides)} boxes for a test picture {(~is_possible).sum()} are impossible "
            f"as its sides, from {sides.min():.3g} to {sides.max():.3g}, are taken for {meant}"
        )  # fmt: skip
