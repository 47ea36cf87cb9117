"""Draw detections on images."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.structures import Detections

__all__ = ["annotate", "object_label", "status_lines", "track_colour"]

Image = npt.NDArray[np.uint8]

_GREY = (170, 170, 170)
_GOLDEN_RATIO = 0.618034


def track_colour(track_id: int) -> tuple[int, int, int]:
    """BGR colour of an identity: neighbours differ well; grey for none."""
    if track_id < 0:
        return _GREY
    red, green, blue = colorsys.hsv_to_rgb(track_id * _GOLDEN_RATIO % 1, 0.75, 1.0)
    return int(blue * 255), int(green * 255), int(red * 255)


def object_label(detections: Detections, index: int, class_names: Sequence[str]) -> str:
    """Class, identity where there is one, and score of an object, for people."""
    track_id = int(detections.track_ids[index])
    identity = f" {track_id}" if track_id >= 0 else ""
    name = class_names[detections.class_ids[index]]
    return f"{name}{identity} {detections.scores[index]:.2f}"


def _put_label(image: Image, text: str, left: int, bottom: int, colour: Sequence[int]) -> None:
    """Write black text on a slab of colour."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    bottom = max(bottom, height + 4)
    cv2.rectangle(image, (left, bottom - height - 4), (left + width + 2, bottom), colour, -1)
    cv2.putText(
        image, text, (left + 1, bottom - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1,
        cv2.LINE_AA,
    )  # fmt: skip


def status_lines(
    branch: object, processing_ms: float, sla_ms: float, run_detector: bool
) -> list[str]:
    """Lines of text that say how a frame was processed, for `annotate`."""
    how = "detected" if run_detector else "tracked"
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
        Boxes with an identity have its colour; others are grey.
    class_names
        What class ids mean.
    lines
        Written at the top.
    min_score
        Weaker detections are not drawn.
    """
    drawn = image.copy()
    for index in np.flatnonzero(detections.scores >= min_score):
        x1, y1, x2, y2 = np.round(detections.boxes[index]).astype(int).tolist()
        track_id = int(detections.track_ids[index])
        colour = track_colour(track_id)
        # A tracked box is thinner than a detected one.
        cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, 2 if detections.ages[index] == 0 else 1)
        _put_label(drawn, object_label(detections, int(index), class_names), x1, y1, colour)
    for row, line in enumerate(lines):
        _put_label(drawn, line, 4, 20 + 17 * row, (255, 255, 255))
    return drawn
