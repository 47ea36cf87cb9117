"""Where an object will be: a constant-velocity Kalman filter over time."""

from collections.abc import Sequence
from math import hypot, sqrt
from typing import NamedTuple

__all__ = ["Course", "Motion"]

Four = tuple[float, float, float, float]
Covariance = tuple[float, float, float]

#: Standard deviation of a detection's centre, and of the speed of an object that was seen once;
#: spectral density of the acceleration. In sides of the object, so that one gain serves all.
_BOX_NOISE = 0.05
_FIRST_SPEED_PER_S = 3.0
_ACCELERATION = 0.1


class Course(NamedTuple):
    """How an object moves on from where it was seen.

    Attributes
    ----------
    x_px_per_s, y_px_per_s
        Velocity of the centre.
    own, shared, speed
        Covariance of position, of position with velocity, of velocity; in sides of the object.
    """

    x_px_per_s: float = 0.0
    y_px_per_s: float = 0.0
    own: float = _BOX_NOISE**2
    shared: float = 0.0
    speed: float = _FIRST_SPEED_PER_S**2

    def shift_px(self, elapsed_s: float) -> tuple[float, float]:
        """How far the centre goes in so long."""
        return elapsed_s * self.x_px_per_s, elapsed_s * self.y_px_per_s

    def spread(self, elapsed_s: float) -> float:
        """Standard deviation of the centre so long after it was seen, in sides of the object."""
        return sqrt(_after(elapsed_s, *self[2:])[0])


class Motion:
    """Centre and sides of one object, and their velocities.

    All four share one covariance, as they are measured alike. The acceleration's noise is white
    (Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation",
    section 6.2.2). Plain numbers: for four of them an array takes longer.

    Parameters
    ----------
    box
        x1 y1 x2 y2 in px, as it was seen first.
    now_s
        When.
    """

    __slots__ = ("_covariance", "_seen_s", "_state", "_velocity")

    def __init__(self, box: Sequence[float], now_s: float) -> None:
        self._state, self._velocity = _centre_and_sides(box), (0.0, 0.0, 0.0, 0.0)
        #: Of position, of position with velocity, of velocity.
        self._covariance = (_BOX_NOISE**2, 0.0, _FIRST_SPEED_PER_S**2)
        self._seen_s = now_s

    @property
    def speed_px_per_s(self) -> float:
        """Of the centre."""
        return hypot(*self._velocity[:2])

    def predict(self, now_s: float) -> Four:
        """Box, x1 y1 x2 y2, if the centre goes on as it did.

        The sides stay: those of an object that goes behind another shrink, and come back.
        """
        elapsed_s = now_s - self._seen_s
        x, y, width, height = self._state
        x, y = x + elapsed_s * self._velocity[0], y + elapsed_s * self._velocity[1]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2

    @property
    def course(self) -> Course:
        """How it moves since it was seen."""
        return Course(*self._velocity[:2], *self._covariance)

    def see(self, box: Sequence[float], now_s: float) -> None:
        """Take in where it is now."""
        elapsed_s = now_s - self._seen_s
        own, shared, speed = _after(elapsed_s, *self._covariance)
        gain, speed_gain = own / (own + _BOX_NOISE**2), shared / (own + _BOX_NOISE**2)
        self._covariance = (1 - gain) * own, (1 - gain) * shared, speed - speed_gain * shared
        x, y, width, height = _centre_and_sides(box)
        (a, b, c, d), (va, vb, vc, vd) = self._state, self._velocity
        a, b, c, d = a + elapsed_s * va, b + elapsed_s * vb, c + elapsed_s * vc, d + elapsed_s * vd
        self._velocity = (
            va + speed_gain * (x - a), vb + speed_gain * (y - b),
            vc + speed_gain * (width - c), vd + speed_gain * (height - d),
        )  # fmt: skip
        self._state = (
            a + gain * (x - a), b + gain * (y - b), c + gain * (width - c), d + gain * (height - d),
        )  # fmt: skip
        self._seen_s = now_s


def _after(elapsed_s: float, own: float, shared: float, speed: float) -> Covariance:
    """Covariance so long after it was that."""
    return (
        own + elapsed_s * (2 * shared + elapsed_s * speed) + _ACCELERATION * elapsed_s**3 / 3,
        shared + elapsed_s * speed + _ACCELERATION * elapsed_s**2 / 2,
        speed + _ACCELERATION * elapsed_s,
    )


def _centre_and_sides(box: Sequence[float]) -> Four:
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
