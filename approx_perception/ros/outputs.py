"""Everything that is published for one camera; extra formats only while somebody listens."""

from collections.abc import Sequence
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header

from approx_perception.clock import Clock
from approx_perception.ros import ecosystem, qos
from approx_perception.ros.misfits import refuses_subscriber
from approx_perception.ros.tasks import COMMON_BUILDERS, DebugOptions, NodeTask, Published
from approx_perception.structures import Frame, FrameResult

__all__ = ["Outputs"]

_WARNING_PERIOD_S = 30.0


class Outputs:
    """Publishers of one camera.

    Parameters
    ----------
    node
        Publishes.
    task
        Tells what is published, and how messages are made.
    prefix
        Put before the names of topics; empty for a lone camera.
    source
        Topic of the images, for the log.
    class_names
        What class ids mean.
    label_threshold
        For LabelInfo.
    clock
        For the rate of debug outputs.
    """

    def __init__(
        self,
        node: Node,
        task: NodeTask,
        prefix: str,
        source: str,
        class_names: Sequence[str],
        label_threshold: float,
        clock: Clock,
    ) -> None:
        self.debug = DebugOptions()
        #: Written on annotated images; empty for nothing.
        self.caution = ""
        self._node, self._source, self._names, self._clock = node, source, class_names, clock
        self._builders = {**task.builders, **COMMON_BUILDERS}
        self._last_debug_ns = -(10**18)
        self._publishers: dict[str, Any] = {}
        self._classes: dict[str, Any] = {}
        self._topics = {topic.name: topic for topic in task.interface.outputs}
        for topic in task.interface.outputs:
            message_type = ecosystem.message_class(topic.type)
            if message_type is None:
                continue
            name = f"{prefix}/{topic.name}" if prefix else topic.name
            profile = qos.LATCHED if topic.name == "label_info" else qos.RESULTS
            self._classes[topic.name] = message_type
            self._publishers[topic.name] = node.create_publisher(message_type, name, profile)
        if "label_info" in self._publishers:
            info = ecosystem.label_info(self._classes["label_info"], class_names, label_threshold)
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
        facts = Published(
            header, frame, result, group_ms, age_ms, self._names, self.debug, self.caution
        )
        # In the order of the interface: what matters most comes first.
        wanted = [name for name in self._topics if name in self._builders and self._is_wanted(name)]
        is_debug_due = self._is_debug_due([name for name in wanted if self._topics[name].is_debug])
        for name in wanted:
            if is_debug_due or not self._topics[name].is_debug:
                self._publish(name, facts)
        if not result.decision.fits:
            self._warn_of_no_fit(result)
        return age_ms

    def _publish(self, name: str, facts: Published) -> None:
        message = self._builders[name](self._classes[name], facts)
        if not isinstance(message, str):
            self._publishers[name].publish(message)
            return
        self._node.get_logger().warning(
            f"nothing is published on {self._publishers[name].topic_name}: {message}",
            throttle_duration_sec=_WARNING_PERIOD_S,
        )

    def _is_debug_due(self, wanted: Sequence[str]) -> bool:
        now_ns = self._clock.monotonic_ns()
        if not wanted or now_ns - self._last_debug_ns < 1e9 / self.debug.max_rate_hz:
            return False
        self._last_debug_ns = now_ns
        return True

    def _warn_of_no_fit(self, result: FrameResult) -> None:
        sla, fastest_ms = result.sla, result.decision.fastest_ms
        self._node.get_logger().warning(
            f"{self._source}: no branch fits {sla.budget_text}: the fastest takes "
            f"{fastest_ms:.3g} ms at P{100 * sla.quantile:g}",
            throttle_duration_sec=_WARNING_PERIOD_S,
        )

    def _is_wanted(self, name: str) -> bool:
        publisher = self._publishers.get(name)
        if publisher is None:
            return False
        return not self._topics[name].lazy or publisher.get_subscription_count() > 0

    def unfit(self) -> list[str]:
        """Topics to which somebody subscribes now whose quality of service does not fit."""
        return [
            publisher.topic_name
            for name, publisher in self._publishers.items()
            if refuses_subscriber(self._node, publisher.topic_name, self._topics[name].type)
        ]

    def close(self) -> None:
        """Publish no more."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
