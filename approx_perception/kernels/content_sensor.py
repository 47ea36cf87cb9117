"""Content features: what the decisions know of the scene, for next to nothing.

They come from the last frame's detections and tracks, which are there anyway.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from approx_perception.structures import ContentFeatures, Detections
from approx_perception.structures.boxes import areas_px2

__all__ = ["ContentSensor"]

_CONFIDENT_SCORE = 0.3
#: Share of a new frame in the smoothed values.
_GAIN = 0.25

Vector = npt.NDArray[np.float32]


class ContentSensor:
    """Smooth features of a stream, frame by frame; `reset` at a new stream."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self.features = ContentFeatures(is_known=False)
        self._has_seen_objects = False
        self._has_seen_motion = False

    def see_objects(
        self, detections: Detections, speeds_px_per_frame: Vector, image_size: tuple[int, int]
    ) -> None:
        """Take in the objects of a processed frame.

        Parameters
        ----------
        detections
            Found or followed in it.
        speeds_px_per_frame
            ``(N,)`` of them; nan where a speed is not known yet.
        image_size
            Width and height in px.
        """
        old, own = self.features, ContentFeatures.of_objects(detections)
        areas = areas_px2(detections.boxes)
        confident = detections.scores >= _CONFIDENT_SCORE
        count = float(confident.sum())
        new = replace(
            old,
            is_known=True,
            object_count=own.object_count,
            total_area_px2=own.total_area_px2,
            mean_width_px=own.mean_width_px,
            mean_height_px=own.mean_height_px,
            confident_count=self._smooth(old.confident_count, count, self._has_seen_objects),
        )
        if confident.any():
            sides = np.sqrt(np.maximum(areas[confident], 1.0))
            sizes = np.sort(sides) / min(image_size)
            started, self._has_seen_objects = self._has_seen_objects, True
            small = self._smooth(old.small_size, float(sizes[len(sizes) // 4]), started)
            new = replace(new, small_size=small)
            new = self._with_speeds(new, speeds_px_per_frame[confident], sides)
        self.features = new

    def _with_speeds(
        self, features: ContentFeatures, speeds: Vector, sides: Vector
    ) -> ContentFeatures:
        known = np.isfinite(speeds)
        if not known.any():
            return features
        started, self._has_seen_motion = self._has_seen_motion, True
        speed = float(speeds[known].mean())
        relative = float((speeds[known] / sides[known]).mean())
        return replace(
            features,
            speed_px_per_frame=self._smooth(features.speed_px_per_frame, speed, started),
            relative_speed=self._smooth(features.relative_speed, relative, started),
        )

    @staticmethod
    def _smooth(old: float, new: float, started: bool) -> float:
        return old + _GAIN * (new - old) if started else new
