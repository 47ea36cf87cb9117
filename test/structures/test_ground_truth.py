import numpy as np

from approx_perception.structures import GroundTruth


def truth(boxes, ignored):
    count = len(boxes)
    return GroundTruth(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.arange(count) + 3,
        np.arange(count),
        np.array(ignored, bool),
    )


def test_label_is_the_class_of_the_largest_object_that_counts():
    assert truth([], []).label is None
    assert truth([[0, 0, 9, 9]], [True]).label is None
    assert truth([[0, 0, 2, 2], [0, 0, 9, 9], [0, 0, 5, 5]], [False, True, False]).label == 5
