"""Ground truth in the messages of a bag."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.structures import GroundTruth
from approx_perception.structures.boxes import corners
from approx_perception.structures.columns import joined_in_blocks

__all__ = ["TruthByStamp", "truth_of_ours", "truth_of_vision_msgs"]


class TruthByStamp:
    """Ground truth of every image in a few long columns: as objects it would grow with the bag.

    Parameters
    ----------
    parts
        Of each message: stamp, boxes as centre and sides, classes, identities, ignored.
    adds_up
        Whether messages of one stamp are parts of one truth; else the last one counts.
    """

    def __init__(
        self,
        parts: Iterable[tuple[int, list[Any], list[int], list[int], list[bool]]],
        adds_up: bool = False,
    ) -> None:
        self._adds_up = adds_up
        rows = (
            (
                np.array([stamp]), np.array([len(boxes)]),
                np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64),
                np.array(track_ids, np.int64), np.array(ignored, bool),
            )
            for stamp, boxes, classes, track_ids, ignored in parts
        )  # fmt: skip
        no_ids = np.zeros(0, np.int64)
        stamps, counts, boxes, self.class_ids, self._track_ids, self._ignored = joined_in_blocks(
            rows, (no_ids, no_ids, np.zeros((0, 4), np.float32), no_ids, no_ids, np.zeros(0, bool))
        )
        self._boxes = corners(boxes)
        #: A message's rows are from its own on to before the next one's.
        self._first_rows = np.concatenate([[0], np.cumsum(counts)])
        self._order = np.argsort(stamps, kind="stable")
        self._stamps = stamps[self._order]

    def get(self, stamp: int) -> GroundTruth | None:
        """Of an image; None where the bag has none."""
        first, last = np.searchsorted(self._stamps, [stamp, stamp + 1])
        if first == last:
            return None
        messages = self._order[first if self._adds_up else last - 1 : last]
        rows = np.concatenate(
            [np.arange(self._first_rows[m], self._first_rows[m + 1]) for m in messages]
        )
        return GroundTruth(
            self._boxes[rows], self.class_ids[rows], self._track_ids[rows], self._ignored[rows]
        )


def truth_of_ours(messages: Iterable[Any]) -> tuple[TruthByStamp, tuple[str, ...]]:
    """Ground truth of DetectionArrays, and the class names in it."""
    names: dict[int, str] = {}

    def parts() -> Iterator[Any]:
        for array in messages:
            found = array.detections
            names.update({d.class_index: d.class_id for d in found})
            yield (
                stamp_ns(array.header),
                [(d.center_x, d.center_y, d.size_x, d.size_y) for d in found],
                [d.class_index for d in found],
                [d.track_id for d in found],
                [d.score <= 0 for d in found],
            )

    truth = TruthByStamp(parts())
    return truth, tuple(names.get(i, "") for i in range(max(names, default=-1) + 1))


def truth_of_vision_msgs(messages: Iterable[Any]) -> tuple[TruthByStamp, tuple[str, ...]]:
    """Ground truth of Detection2DArrays, and the class names in it.

    The best hypothesis of a detection is its class; one without any is ignored. Identities are
    the detections' ``id``, numbered as they come. Arrays of one stamp add up.
    """
    seen: dict[str, int] = {}
    track_ids: dict[str, int] = {}

    def parts() -> Iterator[Any]:
        for array in messages:
            boxes, classes, identities, ignored = [], [], [], []
            for detection in array.detections:
                best = max(
                    (result.hypothesis for result in detection.results), default=None,
                    key=lambda hypothesis: hypothesis.score,
                )  # fmt: skip
                box = detection.bbox
                boxes.append((box.center.position.x, box.center.position.y, box.size_x, box.size_y))
                name = "" if best is None else best.class_id
                classes.append(seen.setdefault(name, len(seen)))
                text = str(detection.id)
                identities.append(track_ids.setdefault(text, len(track_ids)) if text else -1)
                ignored.append(best is None or best.score <= 0)
            yield stamp_ns(array.header), boxes, classes, identities, ignored

    truth = TruthByStamp(parts(), adds_up=True)
    class_names = tuple(sorted(seen.keys() - {""}))
    # Numbered as they came; an ignored one without a class may have any.
    numbers = [class_names.index(name) if name else 0 for name in seen]
    truth.class_ids = np.array(numbers, np.int64)[truth.class_ids]
    return truth, class_names
