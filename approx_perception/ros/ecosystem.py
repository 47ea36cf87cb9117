"""Messages of others that results of every task are published in.

vision_msgs and foxglove_msgs may be missing: functions take their classes, so that nothing here
imports them.
"""

import array
import importlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.structures import FrameResult

__all__ = [
    "annotated_image",
    "compressed_image",
    "label_info",
    "message_class",
    "message_of",
]

Pixels = npt.NDArray[np.uint8]


def message_class(type_name: str) -> Any | None:
    """Class of ``package/msg/Name``; None where the package is not installed."""
    package, _, name = type_name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except ImportError:
        return None


def message_of(package: Any, name: str) -> Any:
    """Another message class of the package that a message class is from."""
    return getattr(
        importlib.import_module(package.__module__.rpartition(".msg.")[0] + ".msg"), name
    )


def label_info(info_class: Any, class_names: Sequence[str], threshold: float) -> Any:
    """``vision_msgs/LabelInfo``: what class indices mean."""
    named = message_of(info_class, "VisionClass")
    labels = [named(class_id=index, class_name=name) for index, name in enumerate(class_names)]
    return info_class(class_map=labels, threshold=float(threshold))


def annotated_image(
    image: Pixels,
    result: FrameResult,
    class_names: Sequence[str],
    min_score: float,
    caution: str = "",
) -> Pixels:
    """A copy with what was found, the branch, what the frame took, and a caution."""
    lines = status_lines(result.decision, result.timings.processing_ms, result.sla.latency_ms)
    lines += [caution] if caution else []
    return annotate(image, result.output, class_names, lines, min_score)


def compressed_image(header: Header, image: Pixels, jpeg_quality: int) -> CompressedImage:
    """``sensor_msgs/CompressedImage`` as JPEG.

    Raises
    ------
    ConfigurationError
        If OpenCV cannot encode it.
    """
    is_done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
    if not is_done:
        raise ConfigurationError(f"cannot encode an image of {image.shape} as JPEG")
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    message.data = array.array("B", encoded.tobytes())
    return message
