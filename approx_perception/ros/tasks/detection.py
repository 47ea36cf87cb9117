"""The node that detects and tracks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.time import Time
from std_msgs.msg import Header

from approx_perception.assembly import KernelOptions, Network
from approx_perception.association import Forecast
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.interface import PERCEPTION_NODE
from approx_perception.kernels.annotate import object_label
from approx_perception.msg import DetectionArray
from approx_perception.ros.tasks._base import Builder, NodeTask, Published, Recorded, Values
from approx_perception.ros.tasks.detection_messages import (
    detections_2d,
    detections_from,
    detections_message,
)
from approx_perception.ros.tasks.overlays import image_annotations, image_marker

__all__ = ["DetectionNodeTask"]

#: An image that seems older, or from the future, has the stamp of another clock.
_MAX_AGE_MS = 2000.0
_NO_FORECAST = "forecast.horizon_ms is -1.0, which turns the forecast off; 0.0 turns it on"


def _annotations(kind: Any, published: Published) -> Any:
    found, names = published.result.output, published.class_names
    labels = [object_label(found, index, names) for index in range(len(found))]
    return image_annotations(kind, published.header, found.boxes, found.track_ids, labels)


def _markers(_: Any, published: Published) -> Any:
    drawn = published.result.output.with_score(published.debug.min_score)
    return image_marker(published.header, drawn.boxes, drawn.track_ids)


def _forecast(published: Published) -> Published | None:
    """The frame as if it had been taken at the time that its forecast is for; None for no forecast.

    Where the image's stamp says nothing of its age, the time since its message came counts.
    """
    forecast: Forecast | None = published.result.forecast
    if forecast is None:
        return None
    age_ms = published.age_ms
    if not 0.0 <= age_ms <= _MAX_AGE_MS:
        age_ms = published.result.timings.processing_ms
    elapsed_ms = age_ms + forecast.horizon_ms
    stamp = Time(nanoseconds=published.frame.stamp_ns + round(1e6 * elapsed_ms)).to_msg()
    return replace(
        published,
        header=Header(stamp=stamp, frame_id=published.header.frame_id),
        result=replace(published.result, output=forecast.after(elapsed_ms)),
    )


def _of_forecast(build: Builder) -> Builder:
    def built(kind: Any, published: Published) -> Any:
        forecast = _forecast(published)
        return _NO_FORECAST if forecast is None else build(kind, forecast)

    return built


def _detections(_: Any, published: Published) -> Any:
    p = published
    return detections_message(p.header, p.result, p.class_names, p.age_ms)


def _detections_2d(kind: Any, published: Published) -> Any:
    return detections_2d(kind, published.header, published.result.output, published.class_names)


_BUILDERS: dict[str, Builder] = {
    "detections": _detections,
    "detections_2d": _detections_2d,
    "detections_forecast": _of_forecast(_detections),
    "detections_forecast_2d": _of_forecast(_detections_2d),
    "annotations": _annotations,
    "markers": _markers,
}


class DetectionNodeTask(NodeTask):
    """Objects of each image, with identities."""

    name = "detection"
    interface = PERCEPTION_NODE
    builders = _BUILDERS
    result_topic, result_type = "detections", DetectionArray
    reset_service, anew = "~/reset_tracks", "identities start anew"

    def state_options(
        self, options: KernelOptions, value: Values, class_names: Sequence[str]
    ) -> Any:
        """Also which classes are wanted, and the time of the forecast."""
        common = super().state_options(options, value, class_names)
        horizon_ms = float(value("forecast.horizon_ms"))
        return replace(
            common, class_mask=_class_mask(str(value("classes")), class_names),
            forecast_ms=horizon_ms if horizon_ms >= 0 else None,
        )  # fmt: skip

    def label_threshold(self, network: Network) -> float:
        """What the user gave at start."""
        return network.options.score_threshold

    def recorded(self, message: Any) -> Recorded:
        """Read a DetectionArray."""
        names = {d.class_index: d.class_id for d in message.detections}
        return Recorded(detections_from(message), names)

    def row(self, output: Any, class_names: Mapping[int, str]) -> dict[str, object]:
        """How many objects."""
        return {"objects": len(output)}

    def kind_of_frame(self, starts_group: bool) -> str:
        """A group begins with a detection."""
        return "detect" if starts_group else "track"


def _class_mask(text: str, names: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    if not wanted:
        return None
    if unknown := sorted(wanted - set(names)):
        raise ConfigurationError(
            f"classes names {shown(unknown[0])}, which the network does not know; choose "
            f"{choices(names)}"
        )
    return np.array([name in wanted for name in names])
