"""Image messages with everything wrong that can be, through the decoders of nodes and bags."""

import contextlib
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from approx_perception.datasets.encodings import ENCODINGS
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.exceptions import InvalidFrameError
from test.torture.report import Findings

WHAT = "random and damaged image messages through the decoders"
RAW, COMPRESSED = 20_000, 6_000
LONGEST_S = 2.0
SIDES = (0, 1, 2, 3, 7, 8, 15, 16, 33, 64, 2**16, 2**31, 2**32 - 1)
ODD_ENCODINGS = ("", "bgr", "BGR8", "16UC", "32FC1", "64FC4", "x" * 5_000_000, "\0", "8UC999", "é")
FORMATS = (
    "jpeg", "png", "", "bgr8; jpeg compressed bgr8", "rgb8; png compressed rgb8",
    "bayer_rggb8; jpeg compressed", "16UC1; png compressed ", "16UC1; compressedDepth",
    "mono16; png compressed", "tiff", "webp", "h264", "x" * 1_000_000,
)  # fmt: skip


def _raw(rng: np.random.Generator) -> SimpleNamespace:
    names = tuple(ENCODINGS) if rng.random() < 0.8 else ODD_ENCODINGS
    encoding = names[int(rng.integers(len(names)))]
    width, height = (int(rng.choice(SIDES)) for _ in range(2))
    step = int(rng.choice([0, 1, width, 2 * width, 3 * width, 4 * width, 8 * width]))
    size = int(min(max(step * height + int(rng.integers(-9, 9)), 0), 200_000))
    return SimpleNamespace(
        encoding=encoding, width=width, height=height, step=step,
        is_bigendian=int(rng.integers(0, 3)), data=rng.bytes(size),
    )  # fmt: skip


def _compressed(rng: np.random.Generator, originals: list[bytes]) -> SimpleNamespace:
    data = bytearray(originals[int(rng.integers(len(originals)))])
    for _ in range(int(rng.integers(0, 30))):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    cut = len(data) if rng.random() < 0.5 else int(rng.integers(0, len(data)))
    return SimpleNamespace(format=FORMATS[int(rng.integers(len(FORMATS)))], data=bytes(data[:cut]))


def _originals(rng: np.random.Generator) -> list[bytes]:
    images = [
        rng.integers(0, 255, shape).astype(kind)
        for shape in ((9, 7, 3), (40, 60), (33, 31, 4))
        for kind in (np.uint8, np.uint16)
    ]
    coded = []
    for image in images:
        for ending in (".png", ".jpg", ".tiff", ".bmp", ".webp", ".ppm"):
            # Not every format takes every kind.
            with contextlib.suppress(cv2.error):
                is_coded, data = cv2.imencode(ending, image)
                coded += [data.tobytes()] if is_coded else []
    return coded


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """Every message is decoded, or refused with one short sentence, in time."""
    rng = np.random.default_rng(seed)
    originals, decoder = _originals(rng), ImageDecoder()
    for number in range(RAW + COMPRESSED):
        is_raw = number < RAW
        message = _raw(rng) if is_raw else _compressed(rng, originals)
        start_s = time.monotonic()
        try:
            image = decoder.raw(message) if is_raw else decoder.compressed(message)
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                findings.fault(f"{message} gave {image.shape} {image.dtype}")
            findings.count("decoded")
        except InvalidFrameError as error:
            findings.count("refused")
            if len(str(error)) > 1000 or "\n" in str(error):
                findings.fault(f"message {number}: a refusal of {len(str(error))} characters")
        except Exception as error:
            findings.fault(f"message {number}: {type(error).__name__}: {error}")
        if (took_s := time.monotonic() - start_s) > LONGEST_S:
            findings.fault(f"message {number} took {took_s:.1f} s")
