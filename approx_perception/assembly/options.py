"""What a user may choose."""

from dataclasses import dataclass, field
from pathlib import Path

from approx_perception.detectors import DEFAULT_DETECTOR, family_for
from approx_perception.exceptions import shown
from approx_perception.kernels.candidates import CLASS_AGNOSTIC_IOU, TRACKED_SCORE
from approx_perception.structures import SLA

__all__ = ["KernelOptions"]


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """What a user may choose at start.

    Attributes
    ----------
    detector, weights, class_names_file, device
        The network; see `DetectorOptions`.
    precision
        ``auto`` (the faster one on this machine), ``float32`` or ``bfloat16``.
    num_threads
        CPU threads of one inference; 0 for one less than the cores, at least one.
    space
        A YAML file, the name of a shipped space, or empty for the detector's own.
    policy
        A name of `POLICY_NAMES`.
    branch
        For the policy ``fixed``, as ``shape=416,si=4``; knobs not named at their defaults.
    only_branch
        Whether to leave the space and keep just that branch, which need not be in it.
    sla
        In force from the first frame.
    score_threshold
        Weaker objects are followed and not told.
    class_agnostic_iou
        Of detections that overlap by more, whatever their classes, the best one is kept; 1.0: all.
    image_size
        Width and height in px of the images to expect.
    profile
        What ``approx-perception profile`` wrote; None to calibrate at start.
    """

    detector: str = DEFAULT_DETECTOR
    weights: str = ""
    class_names_file: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    num_threads: int = 0
    space: str = ""
    policy: str = "most_accurate"
    branch: str = ""
    only_branch: bool = False
    sla: SLA = field(default_factory=lambda: SLA(100.0))
    score_threshold: float = TRACKED_SCORE
    class_agnostic_iou: float = CLASS_AGNOSTIC_IOU
    image_size: tuple[int, int] = (640, 480)
    profile: Path | None = None

    @property
    def family(self) -> str:
        """Of the detector that is loaded; see `family_for`."""
        return family_for(self.detector, self.weights)

    @property
    def note(self) -> str:
        """A sentence where another family is loaded than is named, else empty."""
        if self.family == self.detector:
            return ""
        return (
            f"{shown(self.weights)} is an ONNX file, which {self.detector} cannot read: it is "
            f"taken for {self.family}"
        )
