"""What every detector's result is held against, whatever its family."""

import numpy as np
import pytest

from approx_perception.detectors import DetectorSettings
from approx_perception.exceptions import ApproxPerceptionError, InferenceError
from approx_perception.structures import Detections
from approx_perception.testing.fakes import FakeDetector

IMAGE, SETTINGS = np.zeros((48, 64, 3), np.uint8), DetectorSettings(160)
SOUND = ([1.0, 2.0, 30.0, 40.0], 0.9, 1)
NAN, INF = float("nan"), float("inf")

MALFORMED = {
    "box of nan": ([NAN, 2, 30, 40], 0.9, 0),
    "box of inf": ([1, 2, INF, 40], 0.9, 0),
    "box of -inf": ([-INF, 2, 30, 40], 0.9, 0),
    "sides beyond float32": ([-3e38, -3e38, 3e38, 3e38], 0.9, 0),
    "a thousand times the image": ([0, 0, 64000, 48000], 0.9, 0),
    "inside out": ([30, 2, 1, 40], 0.9, 0),
    "no width": ([30, 2, 30, 40], 0.9, 0),
    "no height": ([1, 40, 30, 40], 0.9, 0),
    "score of nan": ([1, 2, 30, 40], NAN, 0),
    "score of inf": ([1, 2, 30, 40], INF, 0),
    "score above 1": ([1, 2, 30, 40], 1.5, 0),
    "score below 0": ([1, 2, 30, 40], -0.1, 0),
    "class after the names": ([1, 2, 30, 40], 0.9, 2),
    "class before the names": ([1, 2, 30, 40], 0.9, -1),
}


def detector_of(*rows):
    boxes, scores, classes = zip(*rows, strict=True)
    return FakeDetector(lambda *_: Detections.from_arrays(boxes, scores, classes))


@pytest.mark.parametrize("row", MALFORMED.values(), ids=MALFORMED)
def test_malformed_is_dropped_and_counted(row):
    detector = detector_of(row, SOUND, row)
    for found in (
        detector.detect(IMAGE, SETTINGS),
        detector.detect_together([IMAGE], SETTINGS)[0],
        detector.detect_each(IMAGE, [SETTINGS])[0],
    ):
        np.testing.assert_array_equal(found.boxes, [SOUND[0]])
        assert found.class_ids.tolist() == [1]
    assert detector.malformed_count == 6


def test_sound_rows_are_left_as_they_are():
    """Also those that leave the image, and a score that rounding put above 1."""
    detector = detector_of(SOUND, ([-20, -10, 90, 70], 1.0000002, 0), ([3, 3, 3.5, 4], 0.0, 0))
    found = detector.detect(IMAGE, SETTINGS)
    assert len(found) == 3
    assert found.scores.max() == 1.0
    assert detector.malformed_count == 0


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA out of memory\nTried"), MemoryError(), ValueError("x" * 10_000)]
)
def test_errors_of_runtimes_are_one_type(error):
    def fail(*_):
        raise error

    with pytest.raises(InferenceError, match=r"fake detector failed on 1 image.*64x48") as raised:
        FakeDetector(fail).detect(IMAGE, SETTINGS)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_errors_of_ours_stay_what_they_are():
    def fail(*_):
        raise ApproxPerceptionError("one sentence")

    with pytest.raises(ApproxPerceptionError, match=r"^one sentence$"):
        FakeDetector(fail).detect(IMAGE, SETTINGS)
