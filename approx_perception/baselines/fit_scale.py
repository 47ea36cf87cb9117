"""Train AdaScale's regressor: find the best scale of each image, and learn it from features."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from approx_perception.baselines.scale_regressor import ScaleRegressor
from approx_perception.datasets import LabelledFrame
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.exceptions import ConfigurationError
from approx_perception.structures import Detections, GroundTruth
from approx_perception.structures.boxes import iou_matrix

__all__ = ["best_scale", "box_losses", "fit_scale"]

Vector = npt.NDArray[np.float64]

_FOREGROUND_IOU = 0.5
#: Probability that a box of the wrong class gives to the right one.
_WRONG_CLASS_SCORE = 0.01
_PENALTY = 0.3


def box_losses(found: Detections, truth: GroundTruth) -> Vector:
    """``(N,)`` loss of each detection that covers an object: of its class and of its box.

    The negative logarithm of the score given to the object's class, and what the IoU lacks of 1.
    """
    if not len(found) or not len(truth):
        return np.zeros(0)
    overlaps = iou_matrix(found.boxes, truth.boxes)
    nearest = overlaps.argmax(axis=1)
    iou = overlaps.max(axis=1)
    is_right = truth.class_ids[nearest] == found.class_ids
    score = np.where(is_right, np.maximum(found.scores, _WRONG_CLASS_SCORE), _WRONG_CLASS_SCORE)
    losses = -np.log(score) + 1 - iou
    return np.asarray(losses[iou >= _FOREGROUND_IOU], np.float64)


def best_scale(losses: Sequence[Vector]) -> int | None:
    """Scale of the least loss (AdaScale, section 3.1); None where one sees nothing of the image.

    Scales see different numbers of objects: of each, the sum over as many of its best boxes
    counts as the scale with the fewest has.
    """
    fewest = min(len(own) for own in losses)
    if not fewest:
        seen = [len(own) for own in losses]
        # Where some see nothing, the one that sees most.
        return int(np.argmax(seen)) if max(seen) else None
    return int(np.argmin([np.sort(own)[:fewest].sum() for own in losses]))


def fit_scale(
    detector: Detector,
    features_of_last: Callable[[], Vector | None],
    settings: Sequence[DetectorSettings],
    frames: Iterable[LabelledFrame],
) -> tuple[ScaleRegressor, float]:
    """Fit on frames with ground truth.

    Parameters
    ----------
    detector
        Whose scale is to be chosen.
    features_of_last
        ``(F,)`` deep features of the image that it saw last; see `DeepFeatures`.
    settings
        The scales, smallest shape first.
    frames
        That the network need not know.

    Returns
    -------
    ScaleRegressor, float
        And the share of the variance of the best scale's logarithm that it explains.

    Raises
    ------
    ConfigurationError
        If the detector tells no features.
    """
    inputs, targets = [], []
    for entry in frames:
        truth = entry.ground_truth
        if truth is None:
            continue
        losses, features = [], []
        for scale in settings:
            losses.append(box_losses(detector.detect(entry.frame.image, scale), truth))
            own = features_of_last()
            if own is None:
                raise ConfigurationError(f"{detector.description} tells no deep features")
            features.append(own)
        best = best_scale(losses)
        if best is None:
            continue
        for scale, own in zip(settings, features, strict=True):
            inputs.append(ScaleRegressor.inputs(own, scale.shape))
            targets.append(np.log2(settings[best].shape / scale.shape))
    return _ridge(np.array(inputs), np.array(targets), settings)


def _ridge(
    inputs: Vector, targets: Vector, settings: Sequence[DetectorSettings]
) -> tuple[ScaleRegressor, float]:
    mean, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-6)
    terms = np.concatenate([(inputs - mean) / spread, np.ones((len(inputs), 1))], axis=1)
    ridge = _PENALTY * len(terms) * np.eye(terms.shape[1])
    ridge[-1, -1] = 0.0
    weights = np.linalg.solve(terms.T @ terms + ridge, terms.T @ targets)
    explained = 1 - float(np.var(targets - terms @ weights) / max(np.var(targets), 1e-9))
    shapes = np.array([settings[0].shape, settings[-1].shape], np.float64)
    return ScaleRegressor(mean, spread, weights, shapes), explained
