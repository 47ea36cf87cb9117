"""Bring detections to the class list of the ground truth."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from approx_perception.structures import Detections

__all__ = ["in_classes_of_truth"]


def in_classes_of_truth(
    detections: Detections,
    detector_names: Sequence[str],
    truth_names: Sequence[str],
) -> Detections:
    """Detections in the ground truth's classes.

    Classes are matched by name; detections of classes that the ground truth does not know are
    left out.

    Parameters
    ----------
    detections
        Of one frame.
    detector_names, truth_names
        What their class ids mean.
    """
    index = {name: position for position, name in enumerate(truth_names)}
    lookup = np.array([index.get(name, -1) for name in detector_names] or [-1])
    mapped = lookup[detections.class_ids]
    kept = detections.select(mapped >= 0)
    return replace(kept, class_ids=mapped[mapped >= 0])
