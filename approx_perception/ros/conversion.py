"""Between our structures and ROS messages."""

import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from approx_perception.clock import Clock
from approx_perception.datasets.image_messages import ImageDecoder, stamp_ns
from approx_perception.exceptions import InvalidFrameError, UnknownEncodingError, described
from approx_perception.msg import SchedulerDecision
from approx_perception.structures import Frame, FrameResult

__all__ = [
    "decision_message",
    "image_message",
    "raw_image",
    "to_frame",
]


def to_frame(
    message: Image | CompressedImage,
    source_id: str,
    sequence: int,
    clock: Clock,
    decoder: ImageDecoder,
) -> Frame:
    """Decode an image message.

    An encoding that ``decoder`` does not know goes to cv_bridge, where a distribution brings it.

    Raises
    ------
    InvalidFrameError
        If it cannot be decoded.
    """
    start_ns = clock.monotonic_ns()
    try:
        is_compressed = isinstance(message, CompressedImage)
        image = decoder.compressed(message) if is_compressed else decoder.raw(message)
    except UnknownEncodingError as error:
        image = _by_cv_bridge(message, error)
    decode_ms = (clock.monotonic_ns() - start_ns) / 1e6
    return Frame(image, stamp_ns(message.header), source_id, sequence, decode_ms)


def _by_cv_bridge(message: Image, unknown: UnknownEncodingError) -> npt.NDArray[np.uint8]:
    try:
        from cv_bridge import CvBridge
    except Exception:  # absent, or built for another NumPy
        raise unknown from None
    try:
        image = CvBridge().imgmsg_to_cv2(message, desired_encoding="bgr8")
    except Exception as error:  # its errors have no common root
        raise InvalidFrameError(f"{unknown}; cv_bridge says: {described(error)}") from error
    return np.asarray(image, np.uint8)


def image_message(image: npt.NDArray[np.uint8], stamp: Time, frame_id: str) -> Image:
    """Build a bgr8 message of a camera."""
    return raw_image(Header(stamp=stamp.to_msg(), frame_id=frame_id), image)


def raw_image(header: Header, image: npt.NDArray[np.uint8]) -> Image:
    """Build a bgr8 message."""
    message = Image(header=header, encoding="bgr8", step=3 * image.shape[1])
    message.height, message.width = image.shape[:2]
    # An array of the right type is taken as it is; bytes would be checked one by one.
    message.data = array.array("B", np.ascontiguousarray(image).tobytes())
    return message


def decision_message(
    header: Header,
    result: FrameResult,
    group_processing_ms: Sequence[float],
) -> SchedulerDecision:
    """Build the message of a frame's decision; ``header`` is the image's."""
    decision, sla = result.decision, result.sla
    return SchedulerDecision(
        header=header, sla_latency_ms=float(sla.asked_ms or sla.latency_ms),
        budget_ms=float(sla.latency_ms), sla_quantile=float(sla.quantile),
        sla_scope=sla.scope.value, branch=str(decision.branch),
        starts_group=decision.starts_group,
        run_detector=decision.starts_group, switched=decision.switched,
        expected_ms=decision.expected_ms, expected_quantile_ms=decision.expected_quantile_ms,
        expected_accuracy=decision.expected_accuracy, reason=decision.reason,
        cpu_contention=decision.contention.cpu, gpu_contention=decision.contention.gpu,
        slowdown=decision.contention.slowdown, contention_source=decision.contention.source,
        processing_ms=result.timings.processing_ms,
        group_processing_ms=list(group_processing_ms),
    )  # fmt: skip
