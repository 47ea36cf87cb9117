"""Objects of eight classes, drawn once as textured, shaded pictures with an alpha channel."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["CLASS_NAMES", "SPRITE_SIZE_PX", "Sprite", "half_extents", "make_sprite"]

SPRITE_SIZE_PX = 128
_MARGIN_PX = 4
_RADIUS_PX = SPRITE_SIZE_PX / 2 - _MARGIN_PX
_SMALLEST_LEVEL_PX = 16

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Sprite:
    """One object's appearance.

    Attributes
    ----------
    class_id
        Index into `CLASS_NAMES`.
    levels
        Premultiplied BGRA float32 pictures of 128, 64, 32 and 16 px side, values 0..255
        (alpha 0..1): small objects are drawn from small levels, without aliasing.
    contour
        ``(K, 2)`` float32 outline in the unit square -1..1, y down.
    """

    class_id: int
    levels: tuple[Image, ...]
    contour: npt.NDArray[np.float32]


def _polygon(points: npt.ArrayLike) -> Mask:
    """Fill a polygon given in the unit square."""
    mask = np.zeros((SPRITE_SIZE_PX, SPRITE_SIZE_PX), np.uint8)
    pixels = (np.asarray(points, np.float64) * _RADIUS_PX + SPRITE_SIZE_PX / 2 - 0.5) * 16
    cv2.fillPoly(mask, [np.round(pixels).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def _circle(radius: float) -> npt.NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _ball() -> Mask:
    return _polygon(_circle(1.0))


def _crate() -> Mask:
    return _polygon([(-1, -0.9), (1, -0.9), (1, 0.9), (-1, 0.9)])


def _cone() -> Mask:
    outline = [(-0.12, -1), (0.12, -1), (0.6, 0.75), (0.95, 0.75), (0.95, 1)]
    return _polygon(outline + [(-x, y) for x, y in reversed(outline)])


def _barrel() -> Mask:
    heights = np.linspace(-1, 1, 24)
    widths = 0.58 + 0.17 * (1 - heights**2)
    right = np.stack([widths, heights], axis=1)
    return _polygon(np.concatenate([right, right[::-1] * (-1, 1)]))


def _ring() -> Mask:
    return cv2.subtract(_polygon(_circle(1.0)), _polygon(_circle(0.52)))


def _star() -> Mask:
    angles = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return _polygon(np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1))


def _cross() -> Mask:
    arm, end = 0.34, 1.0
    quarter = np.array([(arm, -end), (arm, -arm), (end, -arm)])
    turns = [quarter @ np.array([[c, s], [-s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    return _polygon(np.concatenate(turns))


def _bottle() -> Mask:
    outline = [(0.16, -1), (0.16, -0.5), (0.42, -0.2), (0.42, 1)]
    return _polygon(outline + [(-x, y) for x, y in reversed(outline)])


_SHAPES: dict[str, Callable[[], Mask]] = {
    "ball": _ball,
    "crate": _crate,
    "cone": _cone,
    "barrel": _barrel,
    "ring": _ring,
    "star": _star,
    "cross": _cross,
    "bottle": _bottle,
}
CLASS_NAMES: tuple[str, ...] = tuple(_SHAPES)
_GRID_Y, _GRID_X = (
    np.mgrid[:SPRITE_SIZE_PX, :SPRITE_SIZE_PX].astype(np.float32) - SPRITE_SIZE_PX / 2 + 0.5
) / np.float32(_RADIUS_PX)


@cache
def _mask(class_id: int) -> Mask:
    return _SHAPES[CLASS_NAMES[class_id]]()


@cache
def _contour(class_id: int) -> npt.NDArray[np.float32]:
    """Outermost points at half opacity, as pixel edges in the unit square."""
    outlines, _ = cv2.findContours(
        (_mask(class_id) >= 128).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    pixels = cv2.convexHull(np.concatenate(outlines))[:, 0].astype(np.float32)
    corners = np.concatenate([pixels + np.array([dx, dy]) for dx in (0, 1) for dy in (0, 1)])
    hull = cv2.convexHull(corners.astype(np.float32))[:, 0]
    return ((hull - SPRITE_SIZE_PX / 2) / _RADIUS_PX).astype(np.float32)


def half_extents(class_ids: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Half of the width and height ``(N, 2)`` of the outlines of classes, in the unit square."""
    sides = np.array([np.ptp(_contour(index), axis=0) for index in range(len(CLASS_NAMES))])
    return np.asarray(sides[class_ids] / 2, np.float64)


def _random_colour(rng: np.random.Generator) -> Image:
    hue, saturation, value = rng.uniform(0, 180), rng.uniform(20, 255), rng.uniform(50, 255)
    return _colour(hue, saturation, value)


def _class_colour(class_id: int, rng: np.random.Generator) -> Image:
    """Draw a strong colour of a hue that no other class has."""
    hue = 180 * (class_id + rng.uniform(-0.2, 0.2)) / len(CLASS_NAMES) % 180
    return _colour(hue, rng.uniform(150, 255), rng.uniform(140, 255))


def _colour(hue: float, saturation: float, value: float) -> Image:
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def _texture(rng: np.random.Generator) -> Image:
    """Plain, striped, checked or blotchy two-colour surface, ``(S, S, 3)``."""
    first, second = _random_colour(rng), _random_colour(rng)
    kind = rng.integers(4)
    if kind == 0:
        blend = np.zeros_like(_GRID_X)
    elif kind == 1:
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(6, 16)
        blend = np.sin((_GRID_X * np.cos(angle) + _GRID_Y * np.sin(angle)) * pitch) > 0
    elif kind == 2:
        pitch = rng.uniform(5, 12)
        blend = np.sin(_GRID_X * pitch) * np.sin(_GRID_Y * pitch) > 0
    else:
        side = int(rng.integers(4, 16))
        blotches = rng.random((side, side), np.float32)
        blend = cv2.resize(blotches, _GRID_X.shape[::-1], interpolation=cv2.INTER_CUBIC)
    weight = np.clip(blend, 0, 1).astype(np.float32)[..., None] * rng.uniform(0.3, 1.0)
    return (first * (1 - weight) + second * weight).astype(np.float32)


def _paint_details(name: str, surface: Image, rng: np.random.Generator) -> None:
    """Add what tells a class apart beside its outline; in place."""
    accent = _random_colour(rng)
    if name == "crate":
        frame = (np.abs(_GRID_X) > 0.78) | (np.abs(_GRID_Y) > 0.7)
        brace = np.abs(np.abs(_GRID_X) - np.abs(_GRID_Y)) < 0.1
        surface[frame | brace] = accent
    elif name == "cone":
        surface[(np.abs(_GRID_Y + 0.25) < 0.16) | (np.abs(_GRID_Y - 0.4) < 0.16)] = accent
    elif name == "barrel":
        surface[np.abs(np.abs(_GRID_Y) - 0.55) < 0.09] = accent
    elif name == "bottle":
        surface[(np.abs(_GRID_Y - 0.4) < 0.3) | (_GRID_Y < -0.82)] = accent


def _shade(class_id: int, rng: np.random.Generator) -> Image:
    """Lambert shading plus highlight of a relief whose height is the distance to the outline."""
    bevel = 1.0 if CLASS_NAMES[class_id] == "ball" else rng.uniform(0.2, 0.5)
    inside = (_mask(class_id) >= 128).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / _RADIUS_PX
    share = np.clip(distance / bevel, 0, 1)
    height = cv2.GaussianBlur(bevel * np.sqrt(1 - (1 - share) ** 2).astype(np.float32), (0, 0), 2)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0) * _RADIUS_PX / 8
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1) * _RADIUS_PX / 8
    light = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.9, 0.1), 1.0])
    light /= np.linalg.norm(light)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    lambert = (-slope_x * light[0] - slope_y * light[1] + light[2]) / length
    return (0.35 + 0.75 * np.clip(lambert, 0, 1)).astype(np.float32)


def make_sprite(class_id: int, rng: np.random.Generator, own_colour: bool = False) -> Sprite:
    """Draw one random object of a class.

    Parameters
    ----------
    class_id
        Index into `CLASS_NAMES`.
    rng
        Decides colours, texture, relief and light.
    own_colour
        Without texture, in the colour of its class.
    """
    surface = _texture(rng)
    if own_colour:
        surface[:] = _class_colour(class_id, rng)
    _paint_details(CLASS_NAMES[class_id], surface, rng)
    shading = _shade(class_id, rng)[..., None]
    highlight = 160 * np.clip(shading - 1.0, 0, 1) * rng.uniform(0, 3)
    alpha = (_mask(class_id).astype(np.float32) / 255)[..., None]
    colour = np.clip(surface * shading + highlight, 0, 255)
    level = np.concatenate([colour * alpha, alpha], axis=2).astype(np.float32)
    levels = [level]
    while level.shape[0] > _SMALLEST_LEVEL_PX:
        level = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(level)
    return Sprite(class_id, tuple(levels), _contour(class_id))
