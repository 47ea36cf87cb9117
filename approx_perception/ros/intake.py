"""Where the images of one camera come in: from the topic to a frame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from approx_perception.clock import Clock
from approx_perception.datasets.image_messages import ImageDecoder, stamp_ns
from approx_perception.pipeline import Mailbox, MailboxCounts
from approx_perception.ros import qos
from approx_perception.ros.conversion import to_frame
from approx_perception.ros.regions import Regions, inside_image
from approx_perception.ros.regions_input import RegionsInput
from approx_perception.ros.silence import has_unfit_publisher, reason_for_silence
from approx_perception.ros.stream_time import StreamTime
from approx_perception.ros.topic_names import CameraTopic
from approx_perception.ros.transport import profile_problem
from approx_perception.structures import Frame

__all__ = ["Intake", "WaitingImage"]

#: Above this, Fast DDS without our profile loses images.
_LARGE_MESSAGE_BYTES = 300_000
#: Looks of a second at a topic that brings nothing, for one reason, before the user is told.
_SILENT_LOOKS = 3


@dataclass(frozen=True, slots=True, eq=False)
class WaitingImage:
    """A message, with its number and when it was in hand."""

    message: Any
    sequence: int
    arrival_ns: int
    #: What to look at in it; None for the whole image.
    regions: Regions | None = None


class Intake:
    """Receives in the executor's thread, into a slot that holds the newest image.

    Parameters
    ----------
    node
        Subscribes.
    place
        Topic and name.
    transport
        ``raw`` or ``compressed``.
    decoder
        Of this camera's images.
    clock
        Monotonic.
    regions
        Where the regions of each image come from; None: images are taken as they come.
    received, wake
        Called for each image that comes, before it can be taken and after; in the executor's
        thread.
    """

    def __init__(
        self,
        node: Node,
        place: CameraTopic,
        transport: str,
        decoder: ImageDecoder,
        clock: Clock,
        regions: RegionsInput | None,
        received: Callable[[], None],
        wake: Callable[[], None],
    ) -> None:
        self._node, self._clock, self._tell, self._wake = node, clock, received, wake
        self._decoder, self._transport, self.regions = decoder, transport, regions
        self._subscribed = place.subscribed(transport)
        self.topic = node.resolve_topic_name(self._subscribed)
        #: Whether images are kept.
        self.is_enabled = True
        self._mailbox: Mailbox[WaitingImage] = Mailbox(clock)
        self._subscription: Any = None
        self._received = 0
        self._time = StreamTime()
        self._forget_silence()

    @property
    def counts(self) -> MailboxCounts:
        """What became of the images since `listen`."""
        return self._mailbox.counts

    def listen(self) -> None:
        """Subscribe; nothing from before is left over."""
        self._mailbox = Mailbox(self._clock)
        self._received, self._time = 0, StreamTime()
        self._forget_silence()
        if self.regions is not None:
            self.regions.listen(self._put)
        self._subscription = self._node.create_subscription(
            CompressedImage if self._transport == "compressed" else Image,
            self._subscribed, self._receive, qos.image_input(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )  # fmt: skip

    def leave(self) -> None:
        """Subscribe no more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        if self.regions is not None:
            self.regions.leave()
        self._mailbox.close()

    def _receive(self, message: Any) -> None:
        """Take the newest image; must return at once, or everything else in the node waits."""
        self._tell()
        if self._received == 0:
            self._warn_of_transport(len(message.data))
        self._received += 1
        if not self.is_enabled:
            return
        image = (message, self._received - 1)
        if self.regions is None:
            self._put(image)
        else:
            self.regions.put_image(stamp_ns(message.header), image)

    def _put(self, image: tuple[Any, int], regions: Regions | None = None) -> None:
        """Have a numbered message processed."""
        message, sequence = image
        age_ns = self._node.get_clock().now().nanoseconds - stamp_ns(message.header)
        now_ns = self._clock.monotonic_ns()
        self._mailbox.put(WaitingImage(message, sequence, now_ns, regions), age_ns)
        self._wake()

    def _warn_of_transport(self, size_bytes: int) -> None:
        problem = profile_problem()
        if size_bytes > _LARGE_MESSAGE_BYTES and problem:
            self._node.get_logger().warning(
                f"images on {self.topic} have {size_bytes} bytes and {problem}: most may be lost; "
                "set FASTRTPS_DEFAULT_PROFILES_FILE to fastdds_shared_memory.xml"
            )

    def take(self) -> WaitingImage | None:
        """The image that waits, if one does."""
        return self._mailbox.take(0.0)

    def decode(self, image: WaitingImage) -> tuple[Frame, bool]:
        """Turn a message into a frame; tells too whether a stream began anew with it.

        Raises
        ------
        InvalidFrameError
            If it cannot be decoded.
        """
        frame = to_frame(image.message, self.topic, image.sequence, self._clock, self._decoder)
        if image.regions is not None:
            frame = inside_image(frame, image.regions)
            if self.regions is not None and frame.regions is not None:
                self.regions.leave_outside(len(image.regions.boxes) - len(frame.regions))
        return frame, self._time.began_anew(frame.stamp_ns)

    def look_after(self, is_active: bool) -> None:
        """Once a second: notice images that are sent but not had."""
        if self._subscription is None:
            return
        if self.regions is not None:
            self.regions.look_after()
        if is_active:
            self._forget_silence()
        else:
            self._look_for_reason()

    def _forget_silence(self) -> None:
        self._silent_looks = 0
        #: Why no image comes, as far as the graph tells; and what of it the log has.
        self._reason = self._told = ""

    def _look_for_reason(self) -> None:
        before, wanted = _cause(self._reason), self._subscription.qos_profile
        self._reason = reason_for_silence(self._node, self.topic, self._transport, wanted)
        cause = _cause(self._reason)
        self._silent_looks = self._silent_looks + 1 if cause == before else 1
        if self.silence and cause != self._told:
            self._told = cause
            doing = "no more images" if self._received else "waiting for the first image"
            self._node.get_logger().warning(f"{doing}: {self.silence}")

    @property
    def silence(self) -> str:
        """Why no image comes; empty while they do, and for the first moments."""
        return self._reason if self._silent_looks >= _SILENT_LOOKS else ""

    def unfit(self) -> list[str]:
        """Its topic, where somebody publishes there whose quality of service does not fit."""
        wanted = self._subscription.qos_profile if self._subscription is not None else None
        if wanted and has_unfit_publisher(self._node, self.topic, self._transport, wanted):
            return [self.topic]
        return []


def _cause(reason: str) -> str:
    """A reason without the topics of others, which may come and go all the time."""
    return reason.partition(";")[0]
