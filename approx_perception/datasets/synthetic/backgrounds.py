"""Backdrops: clouds of noise, gradients, tiled floors and clutter that is no object."""

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["make_background"]

Image = npt.NDArray[np.float32]


def _clouds(height: int, width: int, rng: np.random.Generator) -> Image:
    """Sum of smooth noise at several scales, ``(H, W)`` in about 0..1."""
    total = np.zeros((height, width), np.float32)
    for octave in range(1, 7):
        side = 2**octave
        noise = rng.random((side, side), np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR) / side**0.5
    total -= total.min()
    return np.asarray(total / max(float(total.max()), 1e-6), np.float32)


def _pattern(height: int, width: int, rng: np.random.Generator) -> Image:
    """Tiles, planks or nothing, seen at an angle, ``(H, W)`` in 0..1."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(24, 120)
    along = (x * np.cos(angle) + y * np.sin(angle)) / pitch
    across = (-x * np.sin(angle) + y * np.cos(angle)) / pitch
    kind = rng.integers(3)
    if kind == 0:
        return np.asarray((np.floor(along) + np.floor(across)) % 2, np.float32)
    if kind == 1:
        return np.asarray(np.abs(along % 1 - 0.5) < 0.06, np.float32)
    return np.zeros((height, width), np.float32)


def _add_clutter(image: Image, rng: np.random.Generator) -> None:
    """Draw lines, slabs and patches that no class looks like; in place."""
    height, width = image.shape[:2]
    for _ in range(rng.integers(0, 14)):
        colour = rng.uniform(20, 235, 3).tolist()
        start = rng.uniform(-0.1, 1.1, 2) * (width, height)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.7) * width
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        thickness = int(rng.integers(1, 14))
        cv2.line(
            image, start.astype(int).tolist(), end.astype(int).tolist(), colour, thickness,
            cv2.LINE_AA,
        )  # fmt: skip
    for _ in range(rng.integers(0, 6)):
        centre = rng.uniform(0, 1, 2) * (width, height)
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        radii = rng.uniform(0.02, 0.25, len(angles))[:, None] * width
        points = centre + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(image, [points.astype(np.int32)], rng.uniform(20, 235, 3).tolist())


def _detailed(image: Image, detail: float, rng: np.random.Generator) -> Image:
    """Take detail away, below 1, or lay fine texture on top, above 1."""
    if detail < 1:
        smooth = cv2.GaussianBlur(image, (0, 0), image.shape[1] / 12)
        return np.asarray(smooth + detail * (image - smooth), np.float32)
    height, width = image.shape[:2]
    for cell in (3, 6, 12):
        noise = rng.normal(0, 24 * (detail - 1), (-(-height // cell), -(-width // cell), 3))
        image += cv2.resize(
            noise.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
        )
    return image


def make_background(
    height: int, width: int, rng: np.random.Generator, detail: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Paint one backdrop.

    Parameters
    ----------
    height, width
        In px.
    rng
        Decides everything.
    detail
        0 is plain; above 1, fine texture lies on top.

    Returns
    -------
    ``(height, width, 3)`` uint8, BGR.
    """
    dark, light = np.sort(rng.uniform(10, 240, (2, 3)), axis=0)
    dark, light = (tone.mean() + 0.4 * (tone - tone.mean()) for tone in (dark, light))
    clouds = _clouds(height, width, rng)[..., None]
    image = (dark + (light - dark) * clouds).astype(np.float32)
    pattern = _pattern(height, width, rng)[..., None]
    image += pattern * (rng.uniform(-40, 40) + rng.uniform(-12, 12, 3)).astype(np.float32)
    _add_clutter(image, rng)
    if detail != 1:
        image = _detailed(image, detail, rng)
    return np.clip(image, 0, 255).astype(np.uint8)
