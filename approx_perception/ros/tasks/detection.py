"""The node that detects and tracks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.assembly import KernelOptions, Network
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


def _annotations(kind: Any, published: Published) -> Any:
    found, names = published.result.output, published.class_names
    labels = [object_label(found, index, names) for index in range(len(found))]
    return image_annotations(kind, published.header, found.boxes, found.track_ids, labels)


def _markers(_: Any, published: Published) -> Any:
    drawn = published.result.output.with_score(published.debug.min_score)
    return image_marker(published.header, drawn.boxes, drawn.track_ids)


_BUILDERS: dict[str, Builder] = {
    "detections": lambda _, p: detections_message(p.header, p.result, p.class_names, p.age_ms),
    "detections_2d": lambda kind, p: detections_2d(kind, p.header, p.result.output, p.class_names),
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
        """Also which classes are wanted."""
        common = super().state_options(options, value, class_names)
        return replace(common, class_mask=_class_mask(str(value("classes")), class_names))

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
