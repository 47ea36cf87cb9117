"""What is done on a frame beside the network: ours against how each is usually written."""

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from bench.deciding import Deciding, space_of_size
from bench.rows import Row, compared
from scipy.optimize import linear_sum_assignment

from approx_perception.association import Associator
from approx_perception.branches import BranchSpace
from approx_perception.clock import MonotonicClock
from approx_perception.kernels.complexity import edge_energy, small_grey
from approx_perception.kernels.content_sensor import ContentSensor
from approx_perception.structures import Detections
from approx_perception.structures.boxes import iou_matrix

__all__ = ["moving_objects", "stage_rows"]

_SIZE = (640, 480)


def moving_objects(count: int, frames: int, seed: int = 0) -> list[Detections]:
    """Objects that drift over an image, as a detector would give them; no identities."""
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, 500, (count, 2)), rng.uniform(20, 60, (count, 2))
    speeds, scores = rng.normal(0, 2, (count, 2)), rng.uniform(0.5, 1, count)
    found = []
    for index in range(frames):
        low = corners + index * speeds + rng.normal(0, 0.5, (count, 2))
        boxes = np.concatenate([low, low + sides], axis=1).astype(np.float32)
        found.append(Detections.from_arrays(boxes, scores, np.zeros(count, np.int64)))
    return found


class PlainSort:
    """SORT as usually written: a Kalman filter an object, overlaps, one assignment."""

    def __init__(self) -> None:
        self._filters: list[cv2.KalmanFilter] = []

    def update(self, boxes: np.ndarray) -> None:
        predicted = np.array([f.predict()[:4, 0] for f in self._filters], np.float32)
        if len(predicted):
            rows, columns = linear_sum_assignment(-iou_matrix(_corners(predicted), boxes))
            for row, column in zip(rows, columns, strict=True):
                self._filters[row].correct(_centred(boxes[column])[:, None])
            free = set(range(len(boxes))) - set(columns.tolist())
        else:
            free = set(range(len(boxes)))
        self._filters += [_new_filter(boxes[index]) for index in free]


def _centred(box: np.ndarray) -> np.ndarray:
    low, high = box[:2], box[2:]
    return np.concatenate([(low + high) / 2, high - low]).astype(np.float32)


def _corners(state: np.ndarray) -> np.ndarray:
    return np.concatenate([state[:, :2] - state[:, 2:] / 2, state[:, :2] + state[:, 2:] / 2], 1)


def _new_filter(box: np.ndarray) -> cv2.KalmanFilter:
    new = cv2.KalmanFilter(8, 4)
    new.transitionMatrix = np.eye(8, dtype=np.float32) + np.eye(8, k=4, dtype=np.float32)
    new.measurementMatrix = np.eye(4, 8, dtype=np.float32)
    new.processNoiseCov = np.eye(8, dtype=np.float32)
    new.statePost = np.concatenate([_centred(box), np.zeros(4, np.float32)])[:, None]
    return new


def _association(count: int, frames: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Ours and SORT on the same detections, over and over."""
    found = moving_objects(count, frames)
    ours, plain, at = Associator(), PlainSort(), [0, 0]

    def associate() -> None:
        at[0] += 1
        # There and back, so that no object leaves the image.
        index = at[0] % (2 * frames - 2)
        ours.associate(found[min(index, 2 * frames - 2 - index)], at[0] * 33_000_000, at[0])

    def sort() -> None:
        at[1] += 1
        index = at[1] % (2 * frames - 2)
        plain.update(found[min(index, 2 * frames - 2 - index)].boxes)

    return associate, sort


def _conversion() -> tuple[Callable[[], object], Callable[[], object]]:
    from sensor_msgs.msg import Image

    from approx_perception.datasets.image_messages import ImageDecoder
    from approx_perception.ros.conversion import raw_image, to_frame

    image = np.random.default_rng(0).integers(0, 256, (*_SIZE[::-1], 3), np.uint8)
    message, decoder, clock = raw_image(Image().header, image), ImageDecoder(), MonotonicClock()

    def usual() -> np.ndarray:
        flat = np.frombuffer(message.data, np.uint8).reshape(image.shape)
        return cv2.cvtColor(flat, cv2.COLOR_BGR2RGB)

    return lambda: to_frame(message, "camera", 0, clock, decoder), usual


def stage_rows(rounds: int) -> Iterator[Row]:
    """Decision, association, content and conversion."""
    for branches in (75, 2000):
        yield _decision(space_of_size(branches), rounds)
    for count in (10, 50):
        ours, sort = _association(count, 60)
        yield compared(
            "stages", f"association of {count} objects", ours, "plain SORT", sort, rounds
        )
    image = np.random.default_rng(0).integers(0, 256, (*_SIZE[::-1], 3), np.uint8)
    sensor, seen = ContentSensor(), moving_objects(50, 1)[0]
    speeds = np.ones(50, np.float32)
    grey: Callable[[], object] = lambda: cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)  # noqa: E731
    yield compared(
        "stages", "content of 50 objects", lambda: sensor.see_objects(seen, speeds, _SIZE),
        "grey copy of 640x480", grey, rounds,
    )  # fmt: skip
    yield compared(
        "stages", "complexity of 640x480", lambda: edge_energy(small_grey(image)),
        "grey copy of 640x480", grey, rounds,
    )  # fmt: skip
    yield compared(
        "stages", "image message to frame, 640x480", *_named(_conversion()), rounds
    )  # fmt: skip


def _named(
    pair: Sequence[Callable[[], object]],
) -> tuple[Callable[[], object], str, Callable[[], object]]:
    return pair[0], "copy with colours turned, as cv_bridge does", pair[1]


def _decision(space: BranchSpace, rounds: int) -> Row:
    return compared(
        "stages", f"decision and learning, {len(space)} branches", Deciding(space).group(),
        "latency alone, a branch at a time", _branch_at_a_time(space), rounds,
    )  # fmt: skip


def _branch_at_a_time(space: BranchSpace) -> Callable[[], object]:
    """Mean latency of each branch as a loop computes it: no contention, no tail, no content."""
    rng, compiled = np.random.default_rng(0), space.compiled
    terms = rng.uniform(0, 1, (len(compiled.parts), 4))
    uses = [np.flatnonzero(own).tolist() for own in compiled.uses.sum(axis=1)]

    def choose() -> int:
        features = np.array([1.0, 8.0, 30.0, 7.0])
        latencies_ms = [sum(float(terms[part] @ features) for part in parts) for parts in uses]
        return int(np.argmin(latencies_ms))

    return choose
