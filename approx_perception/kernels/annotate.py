"""Draw detections on images."""

import re
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.kernels.labels import place_labels
from approx_perception.structures import Detections

__all__ = ["annotate", "object_label", "status_lines", "track_colour"]

Image = npt.NDArray[np.uint8]

_GREY = (170, 170, 170)
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)
#: RGB, well apart from each other, from grey and from white.
_PALETTE = (
    "e6194b", "3cb44b", "ffe119", "4363d8", "f58231", "911eb4", "42d4f4", "f032e6",
    "bfef45", "fabed4", "469990", "dcbeff", "9a6324", "800000", "aaffc3", "808000",
)  # fmt: skip
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
_FAR_PX = 30_000
#: Around the lines at the top.
_MARGIN_PX = 4
#: Above this brightness, 0..255, text is black.
_BRIGHT = 130


def track_colour(track_id: int) -> tuple[int, int, int]:
    """BGR colour of an identity: 16 that differ well, in turns; grey for none."""
    if track_id < 0:
        return _GREY
    red, green, blue = bytes.fromhex(_PALETTE[track_id % len(_PALETTE)])
    return blue, green, red


def object_label(detections: Detections, index: int, class_names: Sequence[str]) -> str:
    """Identity where there is one, class, and score of an object: ``#45 car 64 %``."""
    track_id = int(detections.track_ids[index])
    identity = f"#{track_id} " if track_id >= 0 else ""
    name = class_names[detections.class_ids[index]]
    return f"{identity}{name} {100 * detections.scores[index]:.0f} %"


def _label_size(text: str) -> tuple[int, int]:
    (width, height), _ = cv2.getTextSize(text, _FONT, _SCALE, 1)
    return width + 3, height + 5


def _put_label(image: Image, text: str, place: Sequence[int], colour: Sequence[int]) -> None:
    """Write text on a slab of colour, black or white, whichever can be read on it."""
    x1, y1, x2, y2 = place
    cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), colour, -1)
    blue, green, red = colour
    brightness = 0.114 * blue + 0.587 * green + 0.299 * red
    ink = _BLACK if brightness > _BRIGHT else _WHITE
    cv2.putText(image, text, (x1 + 1, y2 - 3), _FONT, _SCALE, ink, 1, cv2.LINE_AA)


def _wrapped(line: str, width: int) -> list[str]:
    """Break a line after spaces and commas, so that its label is no wider, as far as that goes."""
    lines, rest = [], ""
    for word in re.split(r"(?<=[ ,])", line):
        if rest and _label_size(f"{rest}{word}".rstrip())[0] > width:
            lines.append(rest.rstrip())
            rest = ""
        rest += word
    return [*lines, rest.rstrip()]


def status_lines(
    branch: object, processing_ms: float, sla_ms: float, starts_group: bool
) -> list[str]:
    """Lines of text that say how a frame was processed, for `annotate`."""
    how = "detected" if starts_group else "tracked"
    return [str(branch), f"{processing_ms:.1f} ms of {sla_ms:g} ms, {how}"]


def annotate(
    image: Image,
    detections: Detections,
    class_names: Sequence[str],
    lines: Sequence[str] = (),
    min_score: float = 0.3,
) -> Image:
    """Return a copy with boxes, identities and lines of text.

    Parameters
    ----------
    image
        ``(H, W, 3)`` uint8, BGR.
    detections
        Boxes with an identity have its colour; others are grey. Labels stand apart where there is
        room.
    class_names
        What class ids mean.
    lines
        Written at the top, broken where they are wider than the image.
    min_score
        Weaker detections are not drawn.
    """
    drawn = image.copy()
    # The most certain last, over the others, and with the first choice of places.
    order = np.flatnonzero(detections.scores >= min_score)
    order = order[np.argsort(detections.scores[order], kind="stable")]
    # OpenCV takes only so large numbers.
    boxes = np.clip(np.round(detections.boxes[order]), -_FAR_PX, _FAR_PX).astype(np.int64)
    ids = detections.track_ids[order].tolist()
    ages = detections.ages[order].tolist()
    for (x1, y1, x2, y2), track_id, age in zip(boxes.tolist(), ids, ages, strict=True):
        # A tracked box is thinner than a detected one.
        cv2.rectangle(drawn, (x1, y1), (x2, y2), track_colour(track_id), 2 if age == 0 else 1)
    height, width = image.shape[:2]
    lines = [part for line in lines for part in _wrapped(line, width - 2 * _MARGIN_PX)]
    top = [
        (_MARGIN_PX, _MARGIN_PX + 17 * row, *_label_size(line)) for row, line in enumerate(lines)
    ]
    taken = [(x, y, x + width, y + height) for x, y, width, height in top]
    texts = [object_label(detections, index, class_names) for index in order[::-1].tolist()]
    sizes = [_label_size(text) for text in texts]
    places = place_labels(boxes[::-1], sizes, (width, height), taken).tolist()
    for text, place, track_id in zip(texts[::-1], places[::-1], ids, strict=True):
        _put_label(drawn, text, place, track_colour(track_id))
    for line, place in zip(lines, taken, strict=True):
        _put_label(drawn, line, place, _WHITE)
    return drawn
