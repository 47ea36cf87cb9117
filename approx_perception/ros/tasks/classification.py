"""The node that classifies images, or what another node detected in them."""

from collections.abc import Mapping
from typing import Any

from rclpy.node import Node

from approx_perception.assembly import Network
from approx_perception.interface import CLASSIFICATION_NODE
from approx_perception.msg import Classification
from approx_perception.ros.regions_input import RegionsInput
from approx_perception.ros.tasks._base import Builder, NodeTask, Published, Recorded
from approx_perception.ros.tasks.classification_messages import (
    classification_2d,
    classification_from,
    classification_message,
    region_label,
)
from approx_perception.ros.tasks.overlays import image_annotations, image_marker
from approx_perception.ros.topic_names import CameraTopic, detections_topic
from approx_perception.structures import ImageComplexity

__all__ = ["ClassificationNodeTask"]


def _annotations(kind: Any, published: Published) -> Any:
    found, names = published.result.output, published.class_names
    labels = [region_label(found, row, names) for row in range(len(found))]
    return image_annotations(kind, published.header, found.regions, found.track_ids, labels)


_BUILDERS: dict[str, Builder] = {
    "classification": lambda _, p: classification_message(
        p.header, p.result, p.class_names, p.age_ms
    ),
    "classification_2d": lambda kind, p: classification_2d(
        kind, p.header, p.result.output, p.class_names
    ),
    "annotations": _annotations,
    "markers": lambda _, p: image_marker(
        p.header, p.result.output.regions, p.result.output.track_ids
    ),
}


class ClassificationNodeTask(NodeTask):
    """Classes of each image, or of each object that another node detected in it."""

    name = "classification"
    interface = CLASSIFICATION_NODE
    builders = _BUILDERS
    result_topic, result_type = "classification", Classification
    reset_service, anew = "~/reset", "smoothing and complexity start anew"

    def regions(self, node: Node, place: CameraTopic) -> RegionsInput | None:
        """Detections on the topic that the user names."""
        topic = str(node.get_parameter("detections_topic").value)
        if not topic:
            return None
        resolved = detections_topic(node, topic, place)
        return RegionsInput(node, resolved, int(node.get_parameter("max_regions").value))

    def label_threshold(self, network: Network) -> float:
        """The likeliest classes are published however unlikely they are."""
        return 0.0

    def recorded(self, message: Any) -> Recorded:
        """Read a Classification."""
        names = {
            index: name
            for region in message.regions
            for index, name in zip(region.class_indices, region.class_ids, strict=True)
        }
        content = ImageComplexity(message.complexity)
        return Recorded(classification_from(message), names, content)

    def row(self, output: Any, class_names: Mapping[int, str]) -> dict[str, object]:
        """How many regions, and the likeliest class of the first."""
        if not len(output):
            return {"regions": 0, "class": "", "score": ""}
        name = class_names[int(output.class_ids[0, 0])]
        return {"regions": len(output), "class": name, "score": f"{output.scores[0, 0]:.3f}"}

    def kind_of_frame(self, starts_group: bool) -> str:
        """All frames are alike."""
        return "classify"
