"""Draw what a kernel found on images."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.kernels.labels import place_labels
from approx_perception.structures import Classification, Decision, Detections

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
#: Kinds of frames, in words.
_PROCESSED = {"detect": "detected", "track": "tracked", "classify": "classified"}
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


@dataclass(frozen=True, slots=True)
class _Mark:
    """A box with a label beside it; ``width_px`` is that of its line."""

    box: tuple[int, int, int, int]
    text: str
    colour: tuple[int, int, int]
    width_px: int


@singledispatch
def _marks(output: object, class_names: Sequence[str], min_score: float) -> list[_Mark]:
    """What is drawn of an output, the most certain last."""
    raise TypeError(f"nobody knows how to draw {type(output).__name__}")


@_marks.register
def _(output: Detections, class_names: Sequence[str], min_score: float) -> list[_Mark]:
    order = np.flatnonzero(output.scores >= min_score)
    order = order[np.argsort(output.scores[order], kind="stable")]
    return [
        _Mark(
            _corners(output.boxes[index]), object_label(output, index, class_names),
            track_colour(int(output.track_ids[index])),
            # A tracked box is thinner than a detected one.
            2 if output.ages[index] == 0 else 1,
        )
        for index in order.tolist()
    ]  # fmt: skip


@_marks.register
def _(output: Classification, class_names: Sequence[str], min_score: float) -> list[_Mark]:
    marks = []
    for index in np.argsort(output.scores[:, 0], kind="stable").tolist():
        track_id, scores = int(output.track_ids[index]), output.scores[index]
        # The likeliest class is told in any case.
        classes = output.class_ids[index][: max(int((scores >= min_score).sum()), 1)]
        told = (
            f"{class_names[class_id]} {100 * score:.0f} %"
            for class_id, score in zip(classes.tolist(), scores.tolist(), strict=False)
        )
        text = ("" if track_id < 0 else f"#{track_id} ") + ", ".join(told)
        box = _corners(output.regions[index])
        marks.append(_Mark(box, text, track_colour(int(classes[0])), 2))
    return marks


def _corners(box: npt.NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Whole px, not larger than OpenCV takes."""
    x1, y1, x2, y2 = np.clip(np.round(box), -_FAR_PX, _FAR_PX).astype(int).tolist()
    return x1, y1, x2, y2


def status_lines(decision: Decision, processing_ms: float, sla_ms: float) -> list[str]:
    """Lines of text that say how a frame was processed, for `annotate`."""
    how = _PROCESSED.get(decision.kind, decision.kind)
    return [str(decision.branch), f"{processing_ms:.1f} ms of {sla_ms:g} ms, {how}"]


def annotate(
    image: Image,
    output: Detections | Classification,
    class_names: Sequence[str],
    lines: Sequence[str] = (),
    min_score: float = 0.3,
) -> Image:
    """Return a copy with boxes, labels and lines of text.

    Parameters
    ----------
    image
        ``(H, W, 3)`` uint8, BGR.
    output
        Objects with an identity have its colour, others are grey; regions have that of their
        likeliest class. Labels stand apart where there is room.
    class_names
        What class ids mean.
    lines
        Written at the top, broken where they are wider than the image.
    min_score
        Weaker detections and classes are not drawn, but for the likeliest class of a region.
    """
    drawn, (height, width) = image.copy(), image.shape[:2]
    marks = _marks(output, class_names, min_score)
    for mark in marks:
        cv2.rectangle(drawn, mark.box[:2], mark.box[2:], mark.colour, mark.width_px)
    lines = [part for line in lines for part in _wrapped(line, width - 2 * _MARGIN_PX)]
    top = [
        (_MARGIN_PX, _MARGIN_PX + 17 * row, *_label_size(line)) for row, line in enumerate(lines)
    ]
    taken = [(x, y, x + width, y + height) for x, y, width, height in top]
    # The most certain has the first choice of places, and is drawn over the others.
    boxes = np.array([mark.box for mark in marks[::-1]], np.int64).reshape(-1, 4)
    sizes = [_label_size(mark.text) for mark in marks[::-1]]
    places = place_labels(boxes, sizes, (width, height), taken).tolist()
    for mark, place in zip(marks, places[::-1], strict=True):
        _put_label(drawn, mark.text, place, mark.colour)
    for line, place in zip(lines, taken, strict=True):
        _put_label(drawn, line, place, _WHITE)
    return drawn
