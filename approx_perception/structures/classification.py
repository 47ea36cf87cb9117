"""What a classifier says of an image."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Classification"]


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """The K likeliest classes of each of N regions of one image, the likeliest first.

    Attributes
    ----------
    class_ids
        ``(N, K)`` int64, positions in the network's list of classes.
    scores
        ``(N, K)`` float32, probabilities 0..1.
    regions
        ``(N, 4)`` float32, x1 y1 x2 y2 in px of the image.
    track_ids
        ``(N,)`` int64, identity of the detection that a region is; -1 for none.
    """

    class_ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    regions: npt.NDArray[np.float32]
    track_ids: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.class_ids)

    @classmethod
    def empty(cls, count: int = 1) -> "Classification":
        """Nothing, ``count`` classes wide."""
        return cls(
            np.zeros((0, count), np.int64), np.zeros((0, count), np.float32),
            np.zeros((0, 4), np.float32), np.zeros(0, np.int64),
        )  # fmt: skip

    @classmethod
    def of_probabilities(
        cls,
        probabilities: npt.NDArray[np.float32],
        regions: npt.NDArray[np.float32],
        count: int,
        track_ids: npt.NDArray[np.int64] | None = None,
    ) -> "Classification":
        """The ``count`` likeliest of ``(N, C)`` probabilities; all where there are fewer."""
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :count].astype(np.int64)
        scores = np.take_along_axis(probabilities, order, axis=1).astype(np.float32)
        if track_ids is None:
            track_ids = np.full(len(order), -1, np.int64)
        return cls(order, scores, np.asarray(regions, np.float32), track_ids)
