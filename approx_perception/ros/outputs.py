"""Everything that is published for one camera; extra formats only while somebody listens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header

from approx_perception.clock import Clock
from approx_perception.interface import TOPICS
from approx_perception.ros import ecosystem, qos
from approx_perception.ros.conversion import decision_message, detections_message, raw_image
from approx_perception.ros.misfits import refuses_subscriber
from approx_perception.structures import Frame, FrameResult

__all__ = ["DebugOptions", "Outputs"]

_NO_FIT_PERIOD_S = 30.0


@dataclass(frozen=True, slots=True)
class DebugOptions:
    """Of annotated images and markers.

    Attributes
    ----------
    max_rate_hz
        They are made at most so often.
    min_score
        Weaker objects are not drawn.
    jpeg_quality
        1..100.
    """

    max_rate_hz: float = 10.0
    min_score: float = 0.3
    jpeg_quality: int = 80


class Outputs:
    """Publishers of one camera.

    Parameters
    ----------
    node
        Publishes.
    prefix
        Put before the names of topics; empty for a lone camera.
    source
        Topic of the images, for the log.
    class_names
        What class ids mean.
    score_threshold
        For LabelInfo.
    clock
        For the rate of debug outputs.
    """

    def __init__(
        self,
        node: Node,
        prefix: str,
        source: str,
        class_names: Sequence[str],
        score_threshold: float,
        clock: Clock,
    ) -> None:
        self.debug = DebugOptions()
        #: Written on annotated images; empty for nothing.
        self.caution = ""
        self._node, self._source, self._names, self._clock = node, source, class_names, clock
        self._last_debug_ns = -(10**18)
        self._publishers: dict[str, Any] = {}
        self._classes: dict[str, Any] = {}
        self._types = {topic.name: topic.type for topic in TOPICS}
        for topic in TOPICS:
            message_type = ecosystem.message_class(topic.type)
            if topic.direction != "out" or topic.name.startswith("/") or message_type is None:
                continue
            name = f"{prefix}/{topic.name}" if prefix else topic.name
            profile = qos.LATCHED if topic.name == "label_info" else qos.RESULTS
            self._classes[topic.name] = message_type
            self._publishers[topic.name] = node.create_publisher(message_type, name, profile)
        if "label_info" in self._publishers:
            info = ecosystem.label_info(self._classes["label_info"], class_names, score_threshold)
            info.header.stamp = node.get_clock().now().to_msg()
            self._publishers["label_info"].publish(info)

    def publish(
        self,
        header: Header,
        frame: Frame,
        result: FrameResult,
        group_ms: Sequence[float],
    ) -> float:
        """Publish what came of a frame, ``header`` untouched.

        Returns
        -------
        float
            Age of the image in ms; nan where its stamp says nothing.
        """
        now_ns = self._node.get_clock().now().nanoseconds
        age_ms = (now_ns - frame.stamp_ns) / 1e6 if frame.stamp_ns > 0 else float("nan")
        found, names = result.detections, self._names
        self._publishers["detections"].publish(detections_message(header, result, names, age_ms))
        self._publishers["decision"].publish(decision_message(header, result, group_ms))
        if self._is_wanted("detections_2d"):
            message = ecosystem.detections_2d(self._classes["detections_2d"], header, found, names)
            self._publishers["detections_2d"].publish(message)
        if self._is_wanted("annotations"):
            message = ecosystem.image_annotations(
                self._classes["annotations"], header, found, names
            )
            self._publishers["annotations"].publish(message)
        self._publish_debug(header, frame, result)
        if not result.decision.fits:
            self._warn_of_no_fit(result)
        return age_ms

    def _warn_of_no_fit(self, result: FrameResult) -> None:
        sla, fastest_ms = result.sla, result.decision.fastest_ms
        self._node.get_logger().warning(
            f"{self._source}: no branch fits {sla.budget_text}: the fastest takes "
            f"{fastest_ms:.3g} ms at P{100 * sla.quantile:g}",
            throttle_duration_sec=_NO_FIT_PERIOD_S,
        )

    def _publish_debug(self, header: Header, frame: Frame, result: FrameResult) -> None:
        wanted = [
            name
            for name in ("markers", "debug_image", "debug_image/compressed")
            if self._is_wanted(name)
        ]
        now_ns, debug = self._clock.monotonic_ns(), self.debug
        if not wanted or now_ns - self._last_debug_ns < 1e9 / debug.max_rate_hz:
            return
        self._last_debug_ns = now_ns
        if "markers" in wanted:
            drawn = result.detections.with_score(debug.min_score)
            self._publishers["markers"].publish(ecosystem.image_marker(header, drawn))
            wanted.remove("markers")
        if not wanted:
            return
        image = ecosystem.annotated_image(
            frame.image, result, self._names, debug.min_score, self.caution
        )
        if "debug_image" in wanted:
            self._publishers["debug_image"].publish(raw_image(header, image))
        if "debug_image/compressed" in wanted:
            message = ecosystem.compressed_image(header, image, debug.jpeg_quality)
            self._publishers["debug_image/compressed"].publish(message)

    def _is_wanted(self, name: str) -> bool:
        publisher = self._publishers.get(name)
        return publisher is not None and publisher.get_subscription_count() > 0

    def unfit(self) -> list[str]:
        """Topics to which somebody subscribes now whose quality of service does not fit."""
        return [
            publisher.topic_name
            for name, publisher in self._publishers.items()
            if refuses_subscriber(self._node, publisher.topic_name, self._types[name])
        ]

    def close(self) -> None:
        """Publish no more."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
