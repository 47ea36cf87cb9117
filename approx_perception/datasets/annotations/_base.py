"""What every annotation file offers, and sources with the ground truth of one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.structures import GroundTruth

__all__ = ["AnnotatedSource", "Annotations", "ground_truth_from_rows"]


class Annotations(ABC):
    """Ground truth of a sequence of frames.

    Attributes
    ----------
    class_names
        What class ids mean.
    """

    class_names: tuple[str, ...]

    @abstractmethod
    def ground_truth(self, index: int, frame_name: str) -> GroundTruth | None:
        """Return what is in a frame; None where the file does not say.

        Parameters
        ----------
        index
            Position of the frame in its source, from 0.
        frame_name
            Name of its file, where it has one.
        """
        ...


def ground_truth_from_rows(
    rows: Sequence[tuple[tuple[float, float, float, float], int, int, bool]],
) -> GroundTruth:
    """Objects as (x1 y1 x2 y2 in px, class id, track id, ignored)."""
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) if rows else [()] * 4
    return GroundTruth(
        np.array(columns[0], np.float32).reshape(-1, 4),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], bool),
    )


class AnnotatedSource(FrameSource):
    """A source with the ground truth of a file in place of its own.

    Parameters
    ----------
    source
        Gives the frames.
    annotations
        Give what is in them.
    """

    def __init__(self, source: FrameSource, annotations: Annotations) -> None:
        self._source, self._annotations = source, annotations
        self.name, self.fps, self.frame_count = source.name, source.fps, source.frame_count
        self.class_names = annotations.class_names

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all frames; see `FrameSource`."""
        for entry in self._source:
            index = entry.frame.sequence
            truth = self._annotations.ground_truth(index, self.frame_name(index))
            yield replace(entry, ground_truth=truth)

    def frame_name(self, index: int) -> str:
        """See `FrameSource`."""
        return self._source.frame_name(index)
