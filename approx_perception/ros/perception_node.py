"""The node: images in, detections and decisions out, under a live SLA."""

import sys
import threading
from collections.abc import Sequence
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from approx_perception.assembly import assemble
from approx_perception.clock import MonotonicClock
from approx_perception.contention import LoadInputs
from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.exceptions import ConfigurationError, choices
from approx_perception.msg import DetectionArray, SchedulerDecision
from approx_perception.pipeline import Mailbox
from approx_perception.ros import conversion, qos
from approx_perception.ros.declarations import declare_parameters
from approx_perception.ros.diagnostics import Diagnostics
from approx_perception.ros.load_topics import LoadTopics
from approx_perception.ros.parameters import (
    PERCEPTION_PARAMETERS,
    LiveParameters,
    kernel_options,
    load_topic_names,
    watch_parameters,
)
from approx_perception.ros.startup import run_node
from approx_perception.ros.transport import profile_is_set
from approx_perception.structures import ContentFeatures

__all__ = ["PerceptionNode", "main"]

_TAKE_TIMEOUT_S = 0.1
_LOG_PERIOD_S = 5.0
#: Seconds of silence of a topic that has a publisher, after which the user is told.
_SILENT_CHECKS = 3
#: Above this, Fast DDS without our profile loses images.
_LARGE_MESSAGE_BYTES = 300_000

_TRANSPORTS = {"raw": ("image", Image), "compressed": ("image/compressed", CompressedImage)}


class PerceptionNode(Node):  # type: ignore[misc]
    """Detect and track on an image topic.

    Loads the network and measures all branches before it subscribes. Images are received in
    the executor's thread, put into a slot for the newest one, and processed in a thread of
    their own.

    Raises
    ------
    ApproxPerceptionError
        If a parameter or the weights cannot be used.
    """

    def __init__(self) -> None:
        super().__init__("perception_node")
        declare_parameters(self, PERCEPTION_PARAMETERS)
        self._monotonic = MonotonicClock()
        topic, message_type = self._transport()
        options = kernel_options(self)
        load = LoadInputs(self._monotonic, float(self.get_parameter("load_timeout_s").value))
        self._load_topics = LoadTopics(self, load_topic_names(self), load, self._monotonic)
        self.get_logger().info("loading the network and preheating every branch, some seconds")
        self._kernel = assemble(options, self._monotonic, self.get_logger().debug, load.reading)
        self._image_size = options.image_size
        self._log_start()
        self._detections = self.create_publisher(DetectionArray, "detections", qos.RESULTS)
        self._decisions = self.create_publisher(SchedulerDecision, "decision", qos.RESULTS)
        self._diagnostics = Diagnostics(self, self._kernel.detector.description)
        self._mailbox: Mailbox[tuple[int, Any]] = Mailbox(self._monotonic)
        self._received = 0
        self._stopping = False
        watch_parameters(self, self._kernel.policies, self._apply)
        self._worker = threading.Thread(target=self._work, name="perception", daemon=True)
        self._worker.start()
        self._subscription = self.create_subscription(
            message_type, topic, self._receive, qos.IMAGE_INPUT
        )
        self._silent_checks = 0
        self.create_timer(1.0, self._look_after)
        self._diagnostics.start()
        self._source_id = self._subscription.topic_name
        self.get_logger().info(f"waiting for images on {self._source_id}")

    def _transport(self) -> tuple[str, Any]:
        name = self.get_parameter("image_transport").value
        if name not in _TRANSPORTS:
            raise ConfigurationError(f"image_transport is {name!r}; choose {choices(_TRANSPORTS)}")
        return _TRANSPORTS[name]

    def _log_start(self) -> None:
        kernel, log = self._kernel, self.get_logger()
        model = kernel.latency.model
        content = ContentFeatures()
        detections_ms = model.base_ms(content, self._image_size)[: model.setting_count]
        log.info(f"{kernel.detector.description}, {len(kernel.detector.class_names)} classes")
        origin = "by its profile" if model.is_profiled else "as calibrated now"
        log.info(
            f"space {kernel.space.name!r}: {len(kernel.space)} branches, a detection takes "
            f"{min(detections_ms):.1f} to {max(detections_ms):.1f} ms here, {origin}"
        )
        if not model.is_profiled:
            log.info(
                "no profile: contention is told from latencies alone; approx-perception profile "
                "makes one, in which load topics count too"
            )

    def _apply(self, live: LiveParameters) -> None:
        pipeline = self._kernel.pipeline
        if live.sla != pipeline.sla:
            self.get_logger().info(f"SLA is now {live.sla.latency_ms:g} ms")
        pipeline.sla = live.sla
        pipeline.score_threshold = live.score_threshold
        pipeline.scheduler.policy = live.policy

    def _receive(self, message: Any) -> None:
        """Take the newest image; must return at once, or everything else in the node waits."""
        age_ns = self.get_clock().now().nanoseconds - stamp_ns(message.header)
        self._mailbox.put((self._received, message), age_ns)
        self._received += 1
        if (
            self._received == 1
            and len(message.data) > _LARGE_MESSAGE_BYTES
            and not profile_is_set()
        ):
            self.get_logger().warning(
                f"images have {len(message.data)} bytes and no Fast DDS profile is set: most may "
                "be lost; set FASTRTPS_DEFAULT_PROFILES_FILE to fastdds_shared_memory.xml"
            )

    def _look_after(self) -> None:
        """Once a second: tell how things stand, and notice images that are sent but not had."""
        counts = self._mailbox.counts
        topic = self._subscription.topic_name
        is_silent = counts.received == 0 and self.count_publishers(topic) > 0
        self._silent_checks = self._silent_checks + 1 if is_silent else 0
        waiting_for = "the first image"
        if self._silent_checks >= _SILENT_CHECKS:
            waiting_for = (
                f"the first image although {topic} has a publisher: does it publish, and does its "
                "process have the Fast DDS profile fastdds_shared_memory.xml?"
            )
        if self._silent_checks == _SILENT_CHECKS:
            self.get_logger().warning(f"waiting for {waiting_for}")
        self._load_topics.look_after()
        self._diagnostics.update(
            counts, self._worker.is_alive(), waiting_for,
            self._load_topics.status(), self._load_topics.problems(),
        )  # fmt: skip

    def _work(self) -> None:
        while not self._stopping:
            item = self._mailbox.take(_TAKE_TIMEOUT_S)
            if item is None:
                continue
            sequence, message = item
            try:
                self._process(sequence, message)
            except Exception as error:
                # One bad frame must not end the stream; the reason goes to log and diagnostics.
                self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        if self._stopping:
            return
        self._diagnostics.failed(error)
        self.get_logger().error(
            f"frame refused: {type(error).__name__}: {error}",
            throttle_duration_sec=_LOG_PERIOD_S,
        )

    def _process(self, sequence: int, message: Any) -> None:
        frame = conversion.to_frame(message, self._source_id, sequence, self._monotonic)
        self._check_size(frame.image.shape[1], frame.image.shape[0])
        pipeline = self._kernel.pipeline
        result = pipeline.process(frame)
        self._diagnostics.succeeded(result)
        age_ms = (self.get_clock().now().nanoseconds - frame.stamp_ns) / 1e6
        names = self._kernel.detector.class_names
        self._detections.publish(
            conversion.detections_message(message.header, result, names, age_ms)
        )
        group_ms = pipeline.scheduler.group_processing_ms
        self._decisions.publish(conversion.decision_message(message.header, result, group_ms))

    def _check_size(self, width: int, height: int) -> None:
        if (width, height) != self._image_size:
            measured = "{}x{}".format(*self._image_size)
            self._image_size = width, height
            if self._kernel.latency.model.is_profiled:
                # A profile knows what size costs.
                return
            self.get_logger().warning(
                f"images are {width}x{height}, but latencies were measured for {measured}; set "
                "calibration.width and calibration.height for right decisions from the first frame"
            )

    def stop(self) -> None:
        """End the worker."""
        self._stopping = True
        self._mailbox.close()
        self._worker.join(timeout=2.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to end; returns the exit code."""
    return run_node(PerceptionNode, arguments)


if __name__ == "__main__":
    sys.exit(main())
