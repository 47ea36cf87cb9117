"""What was found in one image, for users of Python."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.structures import SLA, Decision, Detections, StageTimings

__all__ = ["Image", "Result"]

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was found in one image, and how.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8, BGR, as it was fed.
    stamp_ns
        As it was fed, or the time at which the image came.
    sequence
        Position in the source; gaps are images that could not be processed.
    output
        `Detections`, or a `Classification`.
    class_names
        What class ids mean.
    decision
        What the scheduler chose for this image, what it expected and why.
    timings
        Where the time went, in ms.
    sla
        In force for this image.
    """

    image: Image
    stamp_ns: int
    sequence: int
    output: Any
    class_names: tuple[str, ...]
    decision: Decision
    timings: StageTimings
    sla: SLA

    @property
    def detections(self) -> Detections:
        """N objects.

        ``boxes (N, 4)`` float32 x1 y1 x2 y2 in px, ``scores (N,)``, ``class_ids (N,)`` and
        ``track_ids (N,)``, -1 for an object that was not seen often enough yet.

        Raises
        ------
        ConfigurationError
            If the network classifies.
        """
        if not isinstance(self.output, Detections):
            raise ConfigurationError(
                "there are no detections in a classification; read names and scores"
            )
        return self.output

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """Class id of each object, or ``(K,)`` of the likeliest classes, the likeliest first."""
        ids = self.output.class_ids
        return np.asarray(ids if isinstance(self.output, Detections) else ids[0])

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """Score 0..1 of each of `classes`."""
        scores = self.output.scores
        return np.asarray(scores if isinstance(self.output, Detections) else scores[0])

    @property
    def names(self) -> list[str]:
        """Name of each of `classes`."""
        return [self.class_names[class_id] for class_id in self.classes]

    @property
    def branch(self) -> Any:
        """Branch that processed the image."""
        return self.decision.branch

    @property
    def processing_ms(self) -> float:
        """What the SLA is about."""
        return self.timings.processing_ms

    @property
    def is_late(self) -> bool:
        """Whether this image took longer than the budget."""
        return self.processing_ms > self.sla.latency_ms

    def annotated(self) -> Image:
        """Return a copy of the image with what was found, and the branch."""
        lines = status_lines(self.decision, self.processing_ms, self.sla.latency_ms)
        return annotate(self.image, self.output, self.class_names, lines)
