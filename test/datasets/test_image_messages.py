from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from approx_perception.datasets.image_messages import ENCODINGS, decode_compressed, decode_raw
from approx_perception.exceptions import InvalidFrameError

WIDTH, HEIGHT = 32, 16
#: A flat colour survives mosaics and chroma sampling exactly enough to compare.
COLOUR = np.array([200, 120, 40], np.uint8)
IMAGE = np.tile(COLOUR, (HEIGHT, WIDTH, 1))
GREY = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2GRAY)


def bayer(pattern):
    channel = {"b": 0, "g": 1, "r": 2}
    mosaic = np.zeros((HEIGHT, WIDTH), np.uint8)
    for place, letter in zip([(0, 0), (0, 1), (1, 0), (1, 1)], pattern, strict=True):
        mosaic[place[0] :: 2, place[1] :: 2] = COLOUR[channel[letter]]
    return mosaic


DATA = {
    "bgr8": IMAGE,
    "8UC3": IMAGE,
    "rgb8": IMAGE[..., ::-1],
    "mono8": GREY,
    "8UC1": GREY,
    "bgra8": cv2.cvtColor(IMAGE, cv2.COLOR_BGR2BGRA),
    "rgba8": cv2.cvtColor(IMAGE, cv2.COLOR_BGR2RGBA),
    **{f"bayer_{p}8": bayer(p) for p in ("rggb", "bggr", "gbrg", "grbg")},
    "yuv422": cv2.cvtColor(IMAGE, cv2.COLOR_BGR2YUV_UYVY),
    "uyvy": cv2.cvtColor(IMAGE, cv2.COLOR_BGR2YUV_UYVY),
    "yuv422_yuy2": cv2.cvtColor(IMAGE, cv2.COLOR_BGR2YUV_YUY2),
    "yuyv": cv2.cvtColor(IMAGE, cv2.COLOR_BGR2YUV_YUY2),
}


def message(encoding="bgr8", padding=0, **changes):
    rows = np.ascontiguousarray(DATA.get(encoding, IMAGE)).reshape(HEIGHT, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=7)
    fields = {
        "encoding": encoding, "width": WIDTH, "height": HEIGHT, "step": rows.shape[1],
        "data": rows.tobytes(),
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **changes})


def test_every_encoding_is_tested():
    assert set(DATA) == set(ENCODINGS)


@pytest.mark.parametrize("padding", [0, 12])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(encoding, padding):
    image = decode_raw(message(encoding, padding))
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.dtype == np.uint8
    grey = encoding in ("mono8", "8UC1")
    expected = np.repeat(GREY[..., None], 3, axis=2) if grey else IMAGE
    # Mosaics have nothing to interpolate from at the border.
    np.testing.assert_allclose(image[2:-2, 2:-2].astype(int), expected[2:-2, 2:-2], atol=3)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"encoding": "32FC1"}, "encoding '32FC1' is not supported; publish 'bgr8'"),
        ({"encoding": ""}, "encoding '' is not supported"),
        ({"width": 0}, "image is empty: width 0, height 16"),
        ({"height": 0}, "image is empty"),
        ({"data": b"\0" * 99}, "truncated: 99 bytes, expected 1536"),
        ({"data": b""}, "truncated: 0 bytes"),
        ({"step": 3}, "step is 3 bytes, but a row of 32 px"),
    ],
)
def test_bad_messages_are_refused_in_a_sentence(changes, text):
    with pytest.raises(InvalidFrameError, match=text):
        decode_raw(message(**changes))


def test_bayer_image_of_one_pixel_is_refused():
    tiny = SimpleNamespace(encoding="yuv422", width=1, height=1, step=2, data=b"ab")
    with pytest.raises(InvalidFrameError, match="cannot convert a 1x1 image"):
        decode_raw(tiny)


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_compressed(ending):
    data = cv2.imencode(ending, IMAGE)[1].tobytes()
    image = decode_compressed(SimpleNamespace(format=ending, data=data))
    np.testing.assert_allclose(image.astype(int), IMAGE, atol=3)


@pytest.mark.parametrize("data", [b"", b"no image", cv2.imencode(".png", IMAGE)[1].tobytes()[:40]])
def test_broken_compressed_images_are_refused(data):
    with pytest.raises(InvalidFrameError, match="cannot decode a compressed image"):
        decode_compressed(SimpleNamespace(format="jpeg", data=data))
