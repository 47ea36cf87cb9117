import math

import numpy as np
import pytest

from approx_perception.exceptions import ConfigurationError, InvalidFrameError, choices
from approx_perception.structures import SLA, Detections, Frame, SlaScope
from approx_perception.structures.boxes import iou_matrix


@pytest.mark.parametrize("latency_ms", [0.0, -1.0, math.nan, math.inf])
def test_sla_must_be_above_zero(latency_ms):
    with pytest.raises(ConfigurationError, match="must be a finite number"):
        SLA(latency_ms)


def test_sla_quantile_and_scope_are_checked():
    with pytest.raises(ConfigurationError, match=r"quantile is 1\.0"):
        SLA(10.0, 1.0)
    with pytest.raises(ConfigurationError, match="scope is 'week'; choose 'frame' or 'gof'"):
        SLA(10.0, 0.9, "week")
    assert SLA(10.0, 0.9, "gof").scope is SlaScope.GOF


@pytest.mark.parametrize("shape", [(0, 0, 3), (4, 0, 3), (4, 4), (4, 4, 4)])
def test_frames_without_pixels_or_colour_are_refused(shape):
    with pytest.raises(InvalidFrameError):
        Frame(np.zeros(shape, np.uint8), 0)


def test_frames_of_another_type_are_refused():
    with pytest.raises(InvalidFrameError, match="float32"):
        Frame(np.zeros((4, 4, 3), np.float32), 0)


def test_detections_name_the_array_that_does_not_fit():
    with pytest.raises(ValueError, match=r"boxes have shape \(2, 3\), expected \(N, 4\)"):
        Detections.from_arrays(np.zeros((2, 3)), [1, 1], [0, 0])
    with pytest.raises(ValueError, match=r"scores has shape \(1,\), expected \(2,\)"):
        Detections.from_arrays(np.zeros((2, 4)), [1], [0, 0])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_detections_select_and_concatenate(count):
    found = Detections.from_arrays(np.ones((count, 4)), np.ones(count), np.zeros(count))
    assert len(Detections.concatenate([found, Detections.empty(), found])) == 2 * count
    assert len(found.select(np.ones(count, bool))) == count
    assert len(Detections.concatenate([])) == 0


def test_iou_by_hand():
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 5, 5]], np.float32)
    overlap = iou_matrix(boxes, boxes)
    np.testing.assert_allclose(overlap[0], [1, 1 / 7, 0], rtol=1e-6)
    assert overlap[2, 2] == 0


@pytest.mark.parametrize(
    ("names", "text"), [([], "nothing"), (["a"], "'a'"), (["a", "b", "c"], "'a', 'b' or 'c'")]
)
def test_choices(names, text):
    assert choices(names) == text
