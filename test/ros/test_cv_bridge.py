"""Our reading of image messages beside cv_bridge's."""

import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

import cv2
import numpy as np
from sensor_msgs.msg import Image

from approx_perception.clock import MonotonicClock
from approx_perception.datasets.encodings import ENCODINGS
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.exceptions import InvalidFrameError
from approx_perception.ros.conversion import to_frame

#: cv_bridge wants rows of whole pixels: a padding that pixels of every size divide.
HEIGHT, WIDTH, PADDING = 6, 8, 24


def image(encoding):
    kind = ENCODINGS[encoding]
    rows = HEIGHT * kind.rows_for_two // 2
    step = WIDTH * kind.channels * kind.bits // 8 + (0 if encoding == "nv24" else PADDING)
    data = np.random.default_rng(0).integers(0, 256, rows * step, np.uint8)
    return Image(
        encoding=encoding, height=HEIGHT, width=WIDTH, step=step, data=data.tobytes()
    )  # fmt: skip


def depth_and_channels(encoding):
    """What the compiled part of cv_bridge says of an encoding, as OpenCV's type."""
    kind = ENCODINGS[encoding]
    return (cv2.CV_16U if kind.bits == 16 else cv2.CV_8U), kind.channels


@pytest.fixture
def bridge(monkeypatch):
    module = pytest.importorskip("cv_bridge", reason="cv_bridge is not installed")
    try:
        import cv_bridge.boost.cv_bridge_boost  # noqa: F401
    except ImportError:
        # Its Python part alone, from a checkout of vision_opencv.
        compiled = SimpleNamespace(
            getCvType=depth_and_channels, CV_MAT_DEPTHWrap=lambda kind: kind[0],
            CV_MAT_CNWrap=lambda kind: kind[1],
        )  # fmt: skip
        monkeypatch.setitem(sys.modules, "cv_bridge.boost", SimpleNamespace())
        monkeypatch.setitem(sys.modules, "cv_bridge.boost.cv_bridge_boost", compiled)
    return module.CvBridge()


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if not e.startswith("nv")])
def test_pixels_lie_where_cv_bridge_finds_them(bridge, encoding):
    message, kind = image(encoding), ENCODINGS[encoding]
    theirs = bridge.imgmsg_to_cv2(message)
    if kind.bits == 16:
        theirs = (theirs >> 8).astype(np.uint8)
    np.testing.assert_array_equal(ImageDecoder().raw(message), kind.to_bgr(theirs))


def test_what_neither_knows_is_refused_with_our_sentence():
    message = Image(encoding="mystery", height=2, width=2, step=2, data=bytes(4))
    with pytest.raises(InvalidFrameError, match="encoding 'mystery' is not supported"):
        to_frame(message, "camera", 0, MonotonicClock(), ImageDecoder())
