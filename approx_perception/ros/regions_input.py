"""Detections of another node, each to be classified in the image that it is of."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.exceptions import choices
from approx_perception.ros import qos
from approx_perception.ros.ecosystem import message_class
from approx_perception.ros.image_pairs import ImagePairs
from approx_perception.ros.regions import REGION_READERS, Regions, read_regions

__all__ = ["RegionsInput"]

#: Between two lines of the log on what is wrong.
_LOG_PERIOD_S = 30.0
#: Looks of a second at images without detections before that is told.
_SILENT_LOOKS = 3


class RegionsInput:
    """Subscribes to detections of whichever type is published, and joins them with images.

    All but `listen` and `leave_outside` runs in the executor's thread.

    Parameters
    ----------
    node
        Subscribes and logs.
    topic
        Of the detections, resolved.
    most
        Regions of one image that are classified; the most certain ones.
    """

    def __init__(self, node: Node, topic: str, most: int) -> None:
        self._node, self.topic, self._most = node, topic, most
        self._offer: Callable[[Any, Regions], None] = lambda *_: None
        self._subscription: Any = None
        self._type = ""
        self._begin()

    def _begin(self) -> None:
        self._pairs = ImagePairs()
        self._images = self._received = self._malformed = self._left_out = 0
        #: Detections that have no part in the image that they are joined with.
        self._outside = 0
        #: Of images, joined ones and detections of each ill, what the last look saw.
        self._seen = (0, 0, 0, 0, 0)
        #: Looks in a row at images none of which was joined.
        self._silent_looks = 0
        self._problems: list[str] = []

    def listen(self, offer: Callable[[Any, Regions], None]) -> None:
        """Hand over each image with its regions from now on; nothing from before is left over."""
        self._begin()
        self._offer = offer
        self._subscribe()

    def leave(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._subscription, self._type = None, ""
        self._pairs = ImagePairs()

    def _types(self) -> list[str]:
        """Types of what others publish on the topic."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        return sorted({publisher.topic_type for publisher in publishers} - {""})

    def _subscribe(self) -> None:
        """Take the type that is published, once somebody publishes one that is known."""
        known = [kind for kind in REGION_READERS if kind in self._types()]
        if not known or self._type in known:
            return
        message_type = message_class(known[0])
        if message_type is None:
            return
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._type = known[0]
        self._subscription = self._node.create_subscription(
            message_type, self.topic, self._on_detections, qos.DETECTIONS_INPUT
        )

    def put_image(self, stamp: int, image: Any) -> None:
        """Take an image of a stamp in ns; it is handed over once its detections are there."""
        self._images += 1
        if stamp > 0:
            self._hand_over(self._pairs.put_image(stamp, image))
        else:
            self._pairs.counts.images_alone += 1

    def _on_detections(self, message: Any) -> None:
        self._received += 1
        regions = read_regions(REGION_READERS[self._type](message), self._most)
        self._malformed += regions.malformed
        self._left_out += regions.left_out
        self._hand_over(self._pairs.put_result(stamp_ns(message.header), regions))

    def leave_outside(self, count: int) -> None:
        """Count detections that lie outside the image."""
        self._outside += count

    def _hand_over(self, pair: tuple[Any, Regions] | None) -> None:
        if pair is not None:
            self._offer(*pair)

    # Watching

    def look_after(self) -> None:
        """Once a second: subscribe where that has become possible; notice what is wrong."""
        self._subscribe()
        joined_all = self._pairs.counts.joined
        now = (self._images, joined_all, self._malformed, self._left_out, self._outside)
        images, joined, malformed, left_out, outside = (
            a - b for a, b in zip(now, self._seen, strict=True)
        )
        self._seen = now
        self._silent_looks = self._silent_looks + 1 if images and not joined else 0
        told = (
            (self._silent_looks >= _SILENT_LOOKS, self._silence()),
            (malformed > 0, f"{malformed} detections on {self.topic} cannot be regions (not finite "
             "or without extent); they were dropped"),
            (left_out > 0, f"{left_out} detections on {self.topic} were not classified: "
             f"max_regions is {self._most}"),
            (outside > 0, f"{outside} detections on {self.topic} lie outside their image (are they "
             "of images of another size?); they were dropped"),
        )  # fmt: skip
        self._problems = [words for holds, words in told if holds]
        if self._problems:
            self._node.get_logger().warning(
                "; ".join(self._problems), throttle_duration_sec=_LOG_PERIOD_S
            )

    def _silence(self) -> str:
        """Why no image is joined."""
        types = self._types()
        if not types:
            return f"nobody publishes {self.topic}, whose detections are to be classified"
        if self._subscription is None:
            known = [kind for kind in types if kind in REGION_READERS]
            if known:
                return f"{self.topic} carries {known[0]}, whose package is not installed"
            return f"{self.topic} carries {types[0]}, expected {choices(REGION_READERS)}"
        if not self._received:
            return f"{self.topic} has a publisher, but no detections came yet"
        return f"no detections on {self.topic} come that have the stamp of an image"

    def problems(self) -> list[str]:
        """What is wrong, a sentence each."""
        return self._problems

    def values(self) -> dict[str, str]:
        """Counts, for diagnostics."""
        counts = self._pairs.counts
        return {
            "images joined with detections": str(counts.joined),
            "images without detections": str(counts.images_alone),
            "detections without an image": str(counts.results_alone),
            "malformed detections": str(self._malformed),
            "detections beyond max_regions": str(self._left_out),
            "detections outside the image": str(self._outside),
        }
