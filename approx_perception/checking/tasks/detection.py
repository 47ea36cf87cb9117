"""Boxes: a file that is read by a wrong convention shows as boxes that make no sense."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.branches import BranchSpace
from approx_perception.checking.tasks._base import TaskCheck
from approx_perception.structures import Detections, Frame
from approx_perception.structures.thresholds import TRACKED_SCORE

__all__ = ["DetectionCheck"]

#: Score from which on an object is told.
_CERTAIN = 0.3
#: Fewer boxes tell nothing of their likeness; scores of a few sure objects are all near 1.
_LEAST_BOXES, _LEAST_SCORES = 3, 10
#: Scores that differ by less are alike; boxes whose corners differ by less px are one.
_ALIKE_SCORE, _ALIKE_PX = 1e-3, 1.0
#: A box with less of it inside the image is outside; one that covers more of it covers all.
_LEAST_INSIDE, _COVERS = 0.5, 0.95
#: Boxes whose sides are less, in px or as a share of the image, are shares that were read as px.
_TINY_PX, _TINY_SHARE = 3.0, 0.005
#: Share of boxes from which on it is no chance.
_MOST = 0.5


class DetectionCheck(TaskCheck):
    """See `TaskCheck`."""

    task = BranchSpace.task
    synthetic = "synthetic:mixed"

    def output(self, found: Any, frame: Frame) -> Detections:
        """See `TaskCheck`."""
        return found  # type: ignore[no-any-return]

    def words(self, output: Detections, class_names: Sequence[str]) -> str:
        """See `TaskCheck`."""
        ids = output.with_score(_CERTAIN).class_ids
        counts = Counter(class_names[index] for index in ids.tolist())
        told = [f"{count} {name}" for name, count in counts.most_common(3)]
        more = len(counts) - len(told)
        return ", ".join(told + ([f"{more} more classes"] if more else [])) or "nothing"

    def warnings(self, outputs: Sequence[Detections], frame: Frame, is_real: bool) -> list[str]:
        """See `TaskCheck`."""
        told = [sentence for output in outputs for sentence in _strange(output, frame)]
        counts = Counter(told)
        found = [
            f"{sentence} (at {count} of {len(outputs)} settings); is it read by the wrong "
            "convention or size?"
            for sentence, count in counts.items()
        ]
        best = max((float(output.scores.max(initial=0)) for output in outputs), default=0.0)
        if is_real and best < _CERTAIN:
            found.append(
                f"nothing is found with a score of {_CERTAIN:g} or more, the best has "
                f"{best:.2f}; is the image of what the network knows, and are colours and scale "
                "right?"
            )
        return found

    def least_score(self, output: Detections) -> float:
        """See `TaskCheck`: where nothing is certain, weak ones show what the network gives."""
        is_certain = bool((output.scores >= _CERTAIN).any())
        return _CERTAIN if is_certain else TRACKED_SCORE


def _strange(found: Detections, frame: Frame) -> list[str]:
    if len(found) < _LEAST_BOXES:
        return []
    height, width = frame.image.shape[:2]
    inside, covered = _shares(found, width, height)
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1)
    is_tiny = sides < max(_TINY_PX, _TINY_SHARE * max(width, height))
    boxes, is_many = found.boxes, len(found) >= _LEAST_SCORES
    looks = (
        (np.mean(inside < _LEAST_INSIDE) > _MOST, "most boxes lie outside the image"),
        (
            is_many and np.ptp(found.scores) < _ALIKE_SCORE,
            "all scores are alike",
        ),
        (np.ptp(boxes, axis=0).max() < _ALIKE_PX, "all boxes are one"),
        (np.mean(is_tiny) > _MOST, "most boxes are as good as points"),
        (np.mean(covered > _COVERS) > _MOST, "most boxes cover all of the image"),
    )
    return [sentence for is_so, sentence in looks if is_so]


def _shares(found: Detections, width: int, height: int) -> tuple[Any, Any]:
    """Of each box, the share inside the image; and the share of the image that it covers."""
    corners = np.clip(found.boxes, 0, np.array([width, height] * 2, np.float32))
    within = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    areas = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    return within / np.maximum(areas, 1e-6), within / (width * height)
