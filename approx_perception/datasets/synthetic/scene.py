"""Where every object of a scene is at any moment: pure functions of time."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.synthetic.scenarios import Scenario
from approx_perception.datasets.synthetic.sprites import CLASS_NAMES

__all__ = ["REFERENCE_HEIGHT_PX", "Pose", "Scene", "Vector"]

#: Height in px of the image that a scenario's lengths refer to.
REFERENCE_HEIGHT_PX = 480
#: Objects may leave the image by this share of its size before they turn round.
_OVERSHOOT = 0.08

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pose:
    """How N objects stand in the image at one moment.

    Attributes
    ----------
    transforms
        ``(N, 2, 3)`` from the sprite's unit square to image px (pixel edges).
    velocities
        ``(N, 2)`` image motion, px per frame.
    """

    transforms: Vector
    velocities: Vector


def _reflect(position: Vector, low: Vector, high: Vector) -> Vector:
    """Fold a straight motion into an interval, as if it bounced off both ends."""
    span = high - low
    phase = np.mod(position - low, 2 * span)
    return low + np.where(phase > span, 2 * span - phase, phase)


class Scene:
    """Random content of one scenario.

    Parameters
    ----------
    scenario
        Ranges to draw from.
    rng
        Decides everything; the same generator state gives the same scene.
    width, height
        Image size in px.
    """

    def __init__(
        self, scenario: Scenario, rng: np.random.Generator, width: int, height: int
    ) -> None:
        self.scenario = scenario
        self._size = np.array([width, height], np.float64)
        unit = height / REFERENCE_HEIGHT_PX
        fewest, most = scenario.object_count
        count = int(rng.integers(fewest, most + 1))
        self.class_ids = rng.integers(0, len(CLASS_NAMES), count)
        self.sprite_draws = rng.random(count)
        smallest, largest = scenario.size_px
        heights = np.exp(rng.uniform(math.log(smallest), math.log(largest), count)) * unit
        aspects = rng.uniform(0.8, 1.25, count)
        self._half_sizes = np.stack([heights * aspects, heights], axis=1) / 2
        self._start = rng.uniform(0, 1, (count, 2)) * self._size
        speeds = rng.uniform(*scenario.speed_px_per_frame, count) * unit
        headings = rng.uniform(0, 2 * np.pi, count)
        self._velocity = speeds[:, None] * np.stack([np.cos(headings), np.sin(headings)], axis=1)
        self._tilt = rng.uniform(-0.35, 0.35, count)
        self._tilt_swing = rng.uniform(0, 0.15, count)
        self._scale_swing = rng.uniform(0, scenario.scale_swing, count)
        self._frequency = rng.uniform(0.01, 0.05, count)
        self._phase = rng.uniform(0, 2 * np.pi, count)
        self._pan = rng.uniform(-1, 1, 2) * scenario.camera_pan_px * unit
        self._camera_phase = rng.uniform(0, 2 * np.pi, 3)
        self._light_phase = rng.uniform(0, 2 * np.pi)
        self.light_slope = rng.uniform(-0.25, 0.25, 2)
        self.noise_sigma = rng.uniform(0, 6)
        self.background_draw = rng.random()

    @property
    def size_px(self) -> tuple[int, int]:
        """Image width and height in px."""
        return int(self._size[0]), int(self._size[1])

    def camera(self, time: float) -> tuple[Vector, float]:
        """Shift in px and zoom factor at ``time`` (frames)."""
        shift = self._pan * np.sin(0.05 * time + self._camera_phase[:2])
        zoom = 1 + self.scenario.camera_zoom * float(np.sin(0.03 * time + self._camera_phase[2]))
        return shift, zoom

    def brightness(self, time: float) -> float:
        """Factor on all light at ``time`` (frames)."""
        return 1 + self.scenario.illumination_swing * float(np.sin(0.06 * time + self._light_phase))

    def _bounds(self) -> tuple[Vector, Vector]:
        """Lower and upper ends ``(N, 2)`` of where centres may be."""
        overshoot = np.tile(self._size * _OVERSHOOT, (len(self._start), 1))
        return -overshoot, self._size + overshoot

    def _centres(self, time: float) -> Vector:
        world = _reflect(self._start + self._velocity * time, *self._bounds())
        shift, zoom = self.camera(time)
        return (world - self._size / 2) * zoom + self._size / 2 + shift

    def pose(self, time: float) -> Pose:
        """Objects at ``time`` (frames, may be fractional)."""
        swing = np.sin(self._frequency * time + self._phase)
        _, zoom = self.camera(time)
        half = self._half_sizes * (np.exp(self._scale_swing * swing) * zoom)[:, None]
        angle = self._tilt + self._tilt_swing * swing
        cosine, sine = np.cos(angle), np.sin(angle)
        rotation = np.stack([cosine, -sine, sine, cosine], axis=1).reshape(-1, 2, 2)
        transforms = np.empty((len(half), 2, 3))
        transforms[:, :, :2] = rotation * half[:, None, :]
        transforms[:, :, 2] = self._centres(time)
        velocities = self._centres(time + 0.5) - self._centres(time - 0.5)
        return Pose(transforms, velocities)
