"""Ground truth in the messages of a bag."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.exceptions import DatasetError
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
        is_box = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1)
        if not is_box.all():
            row = int(np.argmin(is_box))
            stamp = stamps[np.searchsorted(np.cumsum(counts), row, "right")]
            raise DatasetError(
                f"at the stamp {stamp} ns, the ground truth has the box {boxes[row].tolist()} "
                "(centre and sides in px)"
            )
        self._boxes = corners(boxes)
        #: A message's rows are from its own on to before the next one's.
        self._first_rows = np.concatenate([[0], np.cumsum(counts)])
        self._order = np.argsort(stamps, kind="stable")
        self._stamps = stamps[self._order]
        is_last = np.diff(self._stamps, append=-1) != 0
        #: Objects that some stamp may ask for.
        self.object_count = int(counts.sum() if adds_up else counts[self._order][is_last].sum())
        #: From the closest of the stamps that were asked for in vain; None if there was none.
        self.missed_by_ns: int | None = None

    def get(self, stamp: int) -> GroundTruth | None:
        """Of an image; None where the bag has none."""
        first, last = np.searchsorted(self._stamps, [stamp, stamp + 1])
        if first == last:
            around = self._stamps[max(first - 1, 0) : first + 1]
            misses = [abs(int(other) - stamp) for other in around]
            self.missed_by_ns = min([*misses, *filter(None, [self.missed_by_ns])], default=None)
            return None
        messages = self._order[first if self._adds_up else last - 1 : last]
        rows = np.concatenate(
            [np.arange(self._first_rows[m], self._first_rows[m + 1]) for m in messages]
        )
        return GroundTruth(
            self._boxes[rows], self.class_ids[rows], self._track_ids[rows], self._ignored[rows]
        )


def truth_of_ours(messages: Iterable[Any]) -> tuple[TruthByStamp, tuple[str, ...]]:
    """Ground truth of DetectionArrays, and the class names in it.

    Classes are told apart by name, or by number where they have none.
    """
    seen: dict[tuple[int, str], int] = {}

    def parts() -> Iterator[Any]:
        for array in messages:
            found = array.detections
            yield (
                stamp_ns(array.header),
                [(d.center_x, d.center_y, d.size_x, d.size_y) for d in found],
                [seen.setdefault((d.class_index, d.class_id), len(seen)) for d in found],
                [d.track_id for d in found],
                [d.score <= 0 for d in found],
            )

    truth = TruthByStamp(parts())
    # In the order of their numbers, so that what was written with all classes comes back as it was.
    named = [name or str(number) for number, name in sorted(seen)]
    class_names = tuple(dict.fromkeys(named))
    numbers = [class_names.index(name or str(number)) for number, name in seen]
    truth.class_ids = np.array(numbers, np.int64)[truth.class_ids]
    return truth, class_names


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
