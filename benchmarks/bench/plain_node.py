"""A detection node as the popular packages are built: one network, every image that comes.

The callback converts the image, runs the network at one size and publishes. Images wait in a queue
of depth 1 with the quality of service of sensors, as in yolo_ros. The network and its code are
ours, so that only the node differs.
"""

import contextlib
import time

import rclpy
from approx_perception.msg import Detection, DetectionArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from approx_perception.clock import MonotonicClock
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.machine import core_count
from approx_perception.ros import qos
from approx_perception.ros.conversion import to_frame
from approx_perception.structures.boxes import centres_and_sides

_SCORE = 0.05


class PlainNode(Node):
    """See above."""

    def __init__(self) -> None:
        super().__init__("plain_node")
        value = {
            name: self.declare_parameter(name, default).value
            for name, default in
            {"detector": "faster_rcnn", "weights": "", "shape": 448, "nprop": 100}.items()
        }  # fmt: skip
        # All cores, as a runtime takes them when nobody says otherwise.
        options = DetectorOptions(weights=value["weights"], num_threads=core_count())
        self._detector = load_detector(value["detector"], options)
        nprop = value["nprop"] if self._detector.uses_proposals else None
        self._settings = DetectorSettings(value["shape"], nprop)
        self._decoder, self._monotonic, self._count = ImageDecoder(), MonotonicClock(), 0
        self._publisher = self.create_publisher(DetectionArray, "detections", qos.RESULTS)
        profile = qos_profile_sensor_data
        profile.depth = 1
        self.create_subscription(Image, "image", self._on_image, profile)

    def _on_image(self, message: Image) -> None:
        start = time.perf_counter()
        frame = to_frame(message, "camera", self._count, self._monotonic, self._decoder)
        self._count += 1
        found = self._detector.detect(frame.image, self._settings).with_score(_SCORE)
        array = DetectionArray(header=message.header)
        rows = centres_and_sides(found.boxes).tolist()
        array.detections = [
            Detection(
                track_id=-1, class_id=self._detector.class_names[found.class_ids[i]],
                class_index=int(found.class_ids[i]), score=float(found.scores[i]),
                center_x=x, center_y=y, size_x=width, size_y=height, source=Detection.DETECTED,
            )
            for i, (x, y, width, height) in enumerate(rows)
        ]  # fmt: skip
        array.processing_ms = 1e3 * (time.perf_counter() - start)
        array.age_ms = (self.get_clock().now().nanoseconds - frame.stamp_ns) / 1e6
        self._publisher.publish(array)


def main() -> None:
    rclpy.init()
    node = PlainNode()
    with contextlib.suppress(KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
