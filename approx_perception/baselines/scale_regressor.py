"""AdaScale's regressor: which scale the next frame wants, from a detector's deep features."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.detectors import Detector
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import read_columns, write_columns

__all__ = ["ScaleRegressor"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ScaleRegressor:
    """Linear in the features' deviations from their means (Chin et al., SysML 2019, section 3.2).

    There it is a 1x1 convolution, pooling and a linear layer; here pooling and the linear layer,
    and the target is the logarithm of the ratio of two scales in place of the ratio.

    Attributes
    ----------
    mean, spread
        ``(F + 1,)`` of the features and, last, of the logarithm of the present shape.
    weights
        ``(F + 2,)``: of the deviations, and a constant.
    shapes
        ``(2,)`` least and greatest shape in px that it was trained for.
    """

    mean: Vector
    spread: Vector
    weights: Vector
    shapes: Vector

    @staticmethod
    def inputs(features: Vector, shape: float | Vector) -> Vector:
        """``(..., F + 1)`` of ``(..., F)`` features seen at a shape in px."""
        return np.concatenate([features, np.log2(np.asarray(shape, np.float64))[..., None]], -1)

    def shape(self, features: Vector, shape_px: int) -> float:
        """Shape in px that the next frame wants, from ``(F,)`` features seen at ``shape_px``."""
        deviations = (self.inputs(features, shape_px) - self.mean) / self.spread
        ratio = float(deviations @ self.weights[:-1] + self.weights[-1])
        return float(np.clip(shape_px * 2.0**ratio, *self.shapes))

    def save(self, path: Path, fingerprint: str) -> None:
        """Write an npz file for the network of that fingerprint."""
        write_columns(
            path,
            {
                "mean": self.mean, "spread": self.spread, "weights": self.weights,
                "shapes": self.shapes, "network": np.array(fingerprint),
            },
        )  # fmt: skip

    @classmethod
    def beside_weights(cls, detector: Detector) -> "ScaleRegressor | None":
        """Read the one that ships with a network, if there is one."""
        if detector.weights_path is None:
            return None
        path = detector.weights_path.with_suffix(".scale.npz")
        return cls.load(path, detector.fingerprint) if path.is_file() else None

    @classmethod
    def load(cls, path: Path, fingerprint: str) -> "ScaleRegressor":
        """Read what `save` wrote.

        Raises
        ------
        ConfigurationError
            If the file is broken, or of another network.
        """
        columns = read_columns(path)
        try:
            network = str(columns.pop("network"))
            regressor = cls(**columns)
        except (KeyError, TypeError) as error:
            raise ConfigurationError(f"{path} holds no scale regressor: {error}") from error
        if network != fingerprint:
            raise ConfigurationError(
                f"the scale regressor {path} is of the network {network}, not of {fingerprint}; "
                "train another with benchmarks/train_scale.py"
            )
        return regressor
