"""One camera of the node: what receives, what processes, what publishes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from approx_perception.assembly import Kernel
from approx_perception.clock import Clock
from approx_perception.datasets.image_messages import ImageDecoder, stamp_ns
from approx_perception.interface import SYNTHETIC_FRAME_ID
from approx_perception.pipeline import Mailbox
from approx_perception.ros import qos
from approx_perception.ros.conversion import to_frame
from approx_perception.ros.health import CameraHealth, Level
from approx_perception.ros.outputs import Outputs
from approx_perception.ros.silence import has_unfit_publisher, reason_for_silence
from approx_perception.ros.stream_time import StreamTime
from approx_perception.ros.topic_names import CameraTopic
from approx_perception.ros.transport import profile_problem
from approx_perception.structures import SLA, Frame, FrameResult

__all__ = ["Camera", "WaitingImage"]

#: Above this, Fast DDS without our profile loses images.
_LARGE_MESSAGE_BYTES = 300_000
#: Looks of a second at a topic that brings nothing, for one reason, before the user is told.
_SILENT_LOOKS = 3
_LOG_PERIOD_S = 5.0
#: Looks of a second between two verdicts in the log.
_LOOKS_A_MINUTE = 60
_NO_FIT_PERIOD_S = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class WaitingImage:
    """A message, with its number and when it was in hand."""

    message: Any
    sequence: int
    arrival_ns: int


class Camera:
    """Receives in the executor's thread, into a slot that holds the newest image.

    Parameters
    ----------
    node
        Subscribes and publishes.
    place
        Topic and name.
    is_compressed
        Which of the two kinds of images to take.
    kernel
        Its own trackers, identities, SLA and scheduler over the shared network.
    decoder
        Of this camera's images.
    clock
        Monotonic.
    on_image
        Called after each image.
    """

    def __init__(
        self,
        node: Node,
        place: CameraTopic,
        is_compressed: bool,
        kernel: Kernel,
        decoder: ImageDecoder,
        clock: Clock,
        on_image: Callable[[], None],
    ) -> None:
        self.name, self.kernel = place.name, kernel
        self._node, self._clock, self._on_image = node, clock, on_image
        self._decoder = decoder
        self._transport = "compressed" if is_compressed else "raw"
        self._topic = place.subscribed(self._transport)
        self._type = CompressedImage if is_compressed else Image
        self.topic = node.resolve_topic_name(self._topic)
        self.health = CameraHealth(clock)
        self.mailbox: Mailbox[WaitingImage] = Mailbox(clock)
        self.outputs = Outputs(
            node, self.name, kernel.detector.class_names,
            kernel.pipeline.state.options.score_threshold, clock,
        )  # fmt: skip
        #: What the user asks for; the pipeline has this camera's share of it.
        self.sla: SLA = kernel.pipeline.sla
        self.is_enabled = True
        self._subscription: Any = None
        self._received = self._looks = 0
        self._forget_silence()
        self._time = StreamTime()
        #: Width and height for which latencies are known.
        self._size = kernel.image_size

    def take_share(self, share: SLA) -> None:
        """Honour this share of what the user asks for, from the next frame on."""
        self.kernel.pipeline.sla = share

    def listen(self) -> None:
        """Subscribe; nothing from before is left over."""
        self.health = CameraHealth(self._clock)
        self.mailbox = Mailbox(self._clock)
        self.kernel.pipeline.reset()
        self._received = 0
        self._forget_silence()
        self._time = StreamTime()
        self._subscription = self._node.create_subscription(
            self._type, self._topic, self._receive, qos.image_input(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )  # fmt: skip

    def leave(self) -> None:
        """Subscribe no more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self.mailbox.close()

    def close(self) -> None:
        """Let go of all topics."""
        self.leave()
        self.outputs.close()

    def _receive(self, message: Any) -> None:
        """Take the newest image; must return at once, or everything else in the node waits."""
        now_ns = self._clock.monotonic_ns()
        self.health.received()
        if self._received == 0:
            self._warn_of_transport(len(message.data))
        self._received += 1
        if not self.is_enabled:
            return
        age_ns = self._node.get_clock().now().nanoseconds - stamp_ns(message.header)
        self.mailbox.put(WaitingImage(message, self._received - 1, now_ns), age_ns)
        self._on_image()

    def _warn_of_transport(self, size_bytes: int) -> None:
        problem = profile_problem()
        if size_bytes > _LARGE_MESSAGE_BYTES and problem:
            self._node.get_logger().warning(
                f"images on {self.topic} have {size_bytes} bytes and {problem}: most may be lost; "
                "set FASTRTPS_DEFAULT_PROFILES_FILE to fastdds_shared_memory.xml"
            )

    def decode(self, image: WaitingImage) -> Frame:
        """Turn a message into a frame, and notice a stream that began anew.

        Raises
        ------
        InvalidFrameError
            If it cannot be decoded.
        """
        frame = to_frame(image.message, self.topic, image.sequence, self._clock, self._decoder)
        if self._time.began_anew(frame.stamp_ns):
            self._node.get_logger().info(
                f"time on {self.topic} went back: identities start anew",
                throttle_duration_sec=_LOG_PERIOD_S,
            )
            self.kernel.pipeline.reset()
        self._note_size(frame.image.shape[1], frame.image.shape[0])
        self._note_caution(image.message.header.frame_id)
        return frame

    def _note_caution(self, frame_id: str) -> None:
        """Whether these images are something that the network knows."""
        caution = self.kernel.detector.caution
        if frame_id == SYNTHETIC_FRAME_ID:
            caution = ""
        if caution and not self.outputs.caution:
            self._node.get_logger().warning(
                f"{self.topic}: {caution}", throttle_duration_sec=_NO_FIT_PERIOD_S
            )
        self.outputs.caution = caution

    def _note_size(self, width: int, height: int) -> None:
        if (width, height) == self._size:
            return
        measured, self._size = self._size, (width, height)
        if self.kernel.latency.model.is_profiled:
            # A profile knows what size costs.
            return
        self._node.get_logger().warning(
            f"images on {self.topic} are {width}x{height}, but latencies were measured for "
            f"{measured[0]}x{measured[1]}: set calibration.width and calibration.height for right "
            "decisions from the first image on",
            throttle_duration_sec=_LOG_PERIOD_S,
        )

    def publish(self, image: WaitingImage, frame: Frame, result: FrameResult) -> float:
        """Publish a result; returns the age in ms, nan where the stamp says nothing."""
        now_ns = self._node.get_clock().now().nanoseconds
        age_ms = (now_ns - frame.stamp_ns) / 1e6 if frame.stamp_ns > 0 else float("nan")
        scheduler = self.kernel.pipeline.scheduler
        self.outputs.publish(
            image.message.header, frame, result, age_ms, scheduler.groups.processing_ms,
        )  # fmt: skip
        if not result.decision.fits:
            sla, fastest_ms = result.sla, result.decision.fastest_ms
            self._node.get_logger().warning(
                f"{self.topic}: no branch fits {sla.budget_text}: the fastest takes "
                f"{fastest_ms:.3g} ms at P{100 * sla.quantile:g}",
                throttle_duration_sec=_NO_FIT_PERIOD_S,
            )
        return age_ms

    def look_after(self) -> None:
        """Once a second: notice images that are sent but not had; once a minute: the verdict."""
        self._looks += 1
        if self._looks % _LOOKS_A_MINUTE == 0:
            self._log_verdict()
        if self._subscription is None:
            return
        if self.health.is_active:
            self._forget_silence()
        else:
            self._look_for_reason(self._subscription.qos_profile)

    def _forget_silence(self) -> None:
        self._silent_looks = 0
        #: Why no image comes, as far as the graph tells; and what of it the log has.
        self._reason = self._told = ""

    def _look_for_reason(self, wanted: QoSProfile) -> None:
        before = _cause(self._reason)
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

    def _log_verdict(self) -> None:
        judgement = self.health.judgement_since_last()
        if judgement is None:
            return
        log = self._node.get_logger()
        # Two calls, for rclpy refuses two severities at one place.
        if judgement.level is Level.WARN:
            log.warning(f"{self.topic}: {judgement.message}")
        else:
            log.info(f"{self.topic}: {judgement.message}")

    def problems(self) -> list[str]:
        """What is wrong now with its topics and branches, a sentence each."""
        topics = self.outputs.unfit()
        wanted = self._subscription.qos_profile if self._subscription is not None else None
        if wanted and has_unfit_publisher(self._node, self.topic, self._transport, wanted):
            topics.append(self.topic)
        unfit = [
            f"{topic}: the other side's quality of service does not fit (reliability or durability)"
            for topic in sorted(topics)
        ]
        return [*unfit, *self.kernel.pipeline.scheduler.left_out()]


def _cause(reason: str) -> str:
    """A reason without the topics of others, which may come and go all the time."""
    return reason.partition(";")[0]
