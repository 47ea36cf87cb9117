"""From a scene and a moment to an image and its exact ground truth."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.datasets.synthetic.scene import Scene
from approx_perception.datasets.synthetic.sprites import SPRITE_SIZE_PX, Sprite
from approx_perception.structures import GroundTruth

__all__ = ["RenderedFrame", "render"]

#: Objects of which less than this share is in view are neither hits nor misses.
MIN_VISIBLE_SHARE = 0.3
_MIN_SIDE_PX = 5.0
_RADIUS_SHARE = (SPRITE_SIZE_PX / 2 - 4) / (SPRITE_SIZE_PX / 2)

Image = npt.NDArray[np.float32]
Affine = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """An ``(H, W, 3)`` uint8 BGR image and what is in it."""

    image: npt.NDArray[np.uint8]
    ground_truth: GroundTruth


def _blur_along(patch: Image, motion: npt.NDArray[np.float64]) -> Image:
    """Smear a patch along a motion of at least one px."""
    length = float(np.hypot(*motion))
    if length < 1.0:
        return patch
    side = int(np.ceil(length)) | 1
    kernel = np.zeros((side, side), np.float32)
    middle = np.array([side // 2, side // 2])
    half = motion / 2
    start, end = np.round((middle - half) * 16), np.round((middle + half) * 16)
    cv2.line(kernel, start.astype(int).tolist(), end.astype(int).tolist(), 1.0, 1, cv2.LINE_AA, 4)
    return cv2.filter2D(patch, -1, kernel / kernel.sum(), borderType=cv2.BORDER_CONSTANT)


def _sprite_to_image(level: Image, transform: Affine) -> Affine:
    """Map pixel centres of a sprite level to pixel centres of the image."""
    side = level.shape[0]
    to_unit = np.array([[2 / side, 0, 1 / side - 1], [0, 2 / side, 1 / side - 1], [0, 0, 1]])
    to_unit[:2] /= _RADIUS_SHARE
    matrix = np.vstack([transform, [0, 0, 1]]) @ to_unit
    matrix[:2, 2] -= 0.5
    return matrix[:2]


def _draw(
    canvas: Image,
    owner: npt.NDArray[np.int16],
    index: int,
    sprite: Sprite,
    transform: Affine,
    motion: npt.NDArray[np.float64],
) -> float:
    """Blend one object into the canvas; return its whole area in px, hidden parts included."""
    height, width = canvas.shape[:2]
    extent = np.abs(transform[:, :2]).sum(axis=1) / _RADIUS_SHARE + np.abs(motion) / 2 + 2
    low = np.floor(transform[:, 2] - extent).astype(int)
    high = np.ceil(transform[:, 2] + extent).astype(int)
    size = high - low
    side = 2 * float(np.abs(transform[:, :2]).max())
    level = next((x for x in reversed(sprite.levels) if x.shape[0] >= side), sprite.levels[0])
    matrix = _sprite_to_image(level, transform)
    matrix[:, 2] -= low
    patch = cv2.warpAffine(level, matrix, size.tolist(), flags=cv2.INTER_LINEAR)
    solid = patch[..., 3] > 0.5
    patch = _blur_along(patch, motion)
    inside_low, inside_high = np.maximum(low, 0), np.minimum(high, (width, height))
    if (inside_high <= inside_low).any():
        return float(solid.sum())
    rows, columns = (slice(inside_low[i], inside_high[i]) for i in (1, 0))
    part = tuple(slice(inside_low[i] - low[i], inside_high[i] - low[i]) for i in (1, 0))
    view = patch[part]
    target = canvas[rows, columns]
    target *= 1 - view[..., 3:]
    target += view[..., :3]
    owner[rows, columns][solid[part]] = index
    return float(solid.sum())


def _ground_truth(
    scene: Scene,
    sprites: list[Sprite],
    transforms: Affine,
    areas: npt.NDArray[np.float64],
    owner: npt.NDArray[np.int16],
) -> GroundTruth:
    """Boxes of the outlines, clipped to the image; objects wholly out of view are left out."""
    height, width = owner.shape
    count = len(sprites)
    boxes = np.zeros((count, 4), np.float32)
    for index, sprite in enumerate(sprites):
        outline = sprite.contour @ transforms[index, :, :2].T + transforms[index, :, 2]
        boxes[index] = np.concatenate([outline.min(axis=0), outline.max(axis=0)])
    boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    visible = np.bincount(owner[owner >= 0], minlength=count) / np.maximum(areas, 1)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (sides > 1).all(axis=1) & (visible > 0.02)
    ignored = (visible < MIN_VISIBLE_SHARE) | (sides.min(axis=1, initial=np.inf) < _MIN_SIDE_PX)
    return GroundTruth(
        boxes[kept],
        scene.class_ids[kept].astype(np.int64),
        np.flatnonzero(kept).astype(np.int64),
        ignored[kept],
    )


def _lit(canvas: Image, scene: Scene, time: float, rng: np.random.Generator) -> Image:
    """Apply brightness, uneven light and sensor noise."""
    height, width = canvas.shape[:2]
    slope_x, slope_y = scene.light_slope
    across = np.linspace(-slope_x, slope_x, width, dtype=np.float32)
    down = np.linspace(-slope_y, slope_y, height, dtype=np.float32)
    light = (scene.brightness(time) + across[None, :] + down[:, None]).astype(np.float32)
    canvas *= light[..., None]
    # One noisy strip, rolled: as random to the eye as fresh noise, at a fraction of the cost.
    noise = rng.normal(0, scene.noise_sigma, (height, width // 8, 1)).astype(np.float32)
    return canvas + np.tile(noise, (1, 9, 1))[:, :width]


def render(
    scene: Scene,
    sprites: list[Sprite],
    backdrop: npt.NDArray[np.uint8],
    time: float,
    rng: np.random.Generator,
) -> RenderedFrame:
    """Draw a scene at a moment.

    Parameters
    ----------
    scene
        Positions, light and camera.
    sprites
        Appearance of each object of the scene, later ones in front.
    backdrop
        ``(Hb, Wb, 3)`` uint8, larger than the image.
    time
        In frames.
    rng
        Sensor noise only.
    """
    width, height = scene.size_px
    shift, zoom = scene.camera(time)
    backdrop_height, backdrop_width = backdrop.shape[:2]
    offset = np.array([width, height]) / 2 + shift
    offset -= zoom * np.array([backdrop_width, backdrop_height]) / 2
    view = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]]])
    canvas = cv2.warpAffine(
        backdrop, view, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    ).astype(np.float32)
    owner = np.full((height, width), -1, np.int16)
    pose = scene.pose(time)
    motions = pose.velocities * scene.scenario.exposure
    areas = np.array(
        [
            _draw(canvas, owner, index, sprite, pose.transforms[index], motions[index])
            for index, sprite in enumerate(sprites)
        ]
    )
    image = _lit(canvas, scene, time, rng)
    return RenderedFrame(
        np.clip(image, 0, 255).astype(np.uint8),
        _ground_truth(scene, sprites, pose.transforms, areas, owner),
    )
