"""What the camera sees, as far as it tells what a branch costs and is worth."""

import math
from dataclasses import dataclass, field

from approx_perception.structures.boxes import areas_px2
from approx_perception.structures.detections import Detections

__all__ = ["Content", "ContentFeatures"]

#: What more of counts as: no camera shows so much.
_MOST = {"object_count": 10**6, "total_area_px2": 1e12, "confident_count": 1e6}
_NAN_IF_UNKNOWN = (
    "small_size", "relative_speed", "speed_px_per_frame", "mean_width_px", "mean_height_px",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Content:
    """What a kernel knows of the scene: a vector of numbers with names, its own fields.

    Attributes
    ----------
    is_known
        Whether a frame of the stream was processed; before, the other fields may say nothing.
    """

    is_known: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class ContentFeatures(Content):
    """Objects in the frames just before a decision.

    Lengths and speeds are of the objects that are confidently there; they keep their last values
    while there are none; before the first size or motion was seen, they are nan. Whatever is given,
    counts and areas are finite and not below 0, and all else is so or nan: decisions rely on that.

    Attributes
    ----------
    object_count
        Objects that a tracker must follow now, weak ones included.
    total_area_px2
        Sum of their areas, in px² of the image.
    confident_count
        Objects of a score of at least 0.3, smoothed over the last frames.
    small_size
        Square root of an object's area, as a share of the image's short side: the first
        quartile, for it is the small ones that a shape loses.
    relative_speed
        Mean motion in a frame, as a share of the square root of the object's area.
    speed_px_per_frame
        The same motion in px.
    mean_width_px, mean_height_px
        Of the objects that a tracker must follow now, in px of the image; nan without any.
    """

    object_count: int = 0
    total_area_px2: float = 0.0
    confident_count: float = 0.0
    small_size: float = float("nan")
    relative_speed: float = float("nan")
    speed_px_per_frame: float = float("nan")
    mean_width_px: float = float("nan")
    mean_height_px: float = float("nan")

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                object.__setattr__(self, name, most if value > most else 0)
        for name in _NAN_IF_UNKNOWN:
            if not 0 <= getattr(self, name) < math.inf:
                object.__setattr__(self, name, math.nan)

    @classmethod
    def of_objects(cls, detections: Detections) -> "ContentFeatures":
        """What a tracker's cost depends on, of the objects that it is given."""
        boxes = detections.boxes
        width_px, height_px = math.nan, math.nan
        if len(boxes):
            width_px, height_px = (boxes[:, 2:] - boxes[:, :2]).mean(axis=0).tolist()
        return cls(
            object_count=len(boxes), total_area_px2=float(areas_px2(boxes).sum()),
            mean_width_px=width_px, mean_height_px=height_px,
        )  # fmt: skip
