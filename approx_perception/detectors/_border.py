"""What leaves a detector, whatever its network gave: boxes that can be true, or one clean error."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import (
    ApproxPerceptionError,
    InferenceError,
    counted,
    reason_of,
    shown,
)
from approx_perception.structures import Detections

__all__ = ["inference", "is_well_formed", "malformed_sentence", "without_malformed"]

#: A box this many times as large as the image is no object: the numbers were read wrongly.
_LARGEST_SHARE = 10.0
#: Scores above 1 by less come from rounding.
_ROUNDING = 1e-3

T = TypeVar("T")


def is_well_formed(
    found: Detections, class_count: int, image_size: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Tell which rows can be objects.

    Others are boxes and scores that are not finite, boxes without extent or ten times as large as
    the image, scores outside 0..1 and classes without a name.

    Parameters
    ----------
    found
        As the network gave them.
    class_count
        Classes that have names.
    image_size
        Width and height in px.
    """
    boxes, scores, classes = found.boxes, found.scores, found.class_ids
    with np.errstate(over="ignore", invalid="ignore"):
        sides = boxes[:, 2:] - boxes[:, :2]
        # Written so that nan is refused.
        is_sound = (
            ((sides > 0) & (sides <= _LARGEST_SHARE * max(image_size))).all(axis=1)
            & np.isfinite(boxes).all(axis=1)
            & (scores >= 0) & (scores <= 1 + _ROUNDING)
            & (classes >= 0) & (classes < class_count)
        )  # fmt: skip
    return np.asarray(is_sound)


def without_malformed(
    found: Detections, class_count: int, image_size: tuple[int, int]
) -> Detections:
    """Leave out what is not well formed; see `is_well_formed`."""
    is_sound = is_well_formed(found, class_count, image_size)
    kept = found if is_sound.all() else found.select(is_sound)
    return replace(kept, scores=np.minimum(kept.scores, np.float32(1)))


def inference(
    run: Callable[[], T], network: str, images: Sequence[npt.NDArray[np.uint8]], settings: object
) -> T:
    """Run a network; whatever its runtime raises becomes one type.

    Raises
    ------
    InferenceError
        If the runtime failed.
    """
    try:
        return run()
    except ApproxPerceptionError:
        raise
    except Exception as error:  # runtimes' errors share no base class but this
        height, width = images[0].shape[:2]
        raise InferenceError(
            f"{network} failed on {counted(len(images), 'image')} of {width}x{height} px at "
            f"{settings}: "
            f"{shown(reason_of(error))}"
        ) from error


def malformed_sentence(count: int, network: str) -> str:
    """Say how many detections were dropped, for the user."""
    return (
        f"{counted(count, 'detection')} of {network} were dropped because they cannot be objects "
        "(not finite, "
        "without extent, far larger than the image, scores outside 0 to 1, unknown classes)"
    )
