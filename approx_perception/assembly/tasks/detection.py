"""Detection and tracking, assembled."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import AccuracyPredictor
from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.accuracy.table import AccuracyTable, accuracy_of_space
from approx_perception.assembly.options import KernelOptions
from approx_perception.assembly.tasks._base import Task
from approx_perception.branches import BranchSpace
from approx_perception.detectors import (
    Detector,
    DetectorOptions,
    check_detector,
    family_for,
    load_detector,
)
from approx_perception.detectors._shipped import SHIPPED_CAUTION, is_shipped
from approx_perception.detectors._tiers import TieredDetector, tiers
from approx_perception.exceptions import shown
from approx_perception.kernels.detection import DetectionKernel, DetectionOptions
from approx_perception.weights.cache import Report, fetch, is_named

__all__ = ["DetectionTask"]


class DetectionTask(Task):
    """See `Task`."""

    name = "detection"
    family_word = "detector"

    def family(self, options: KernelOptions) -> str:
        """See `Task` and `family_for`."""
        family = family_for(options.detector, options.weights)
        check_detector(family)
        return family

    def note(self, options: KernelOptions) -> str:
        """See `Task`."""
        family = self.family(options)
        if family == family_for(options.detector, "") or not os.path.lexists(options.weights):
            return ""
        return f"{shown(options.weights)} is an ONNX file: the detector {family} reads it"

    def caution(self, options: KernelOptions) -> str:
        """See `Task`."""
        is_default = not options.weights or is_shipped(Path(options.weights))
        return SHIPPED_CAUTION if is_default and self.family(options) == "faster_rcnn" else ""

    def fetch(self, options: KernelOptions, report: Report) -> None:
        """See `Task`."""
        for name in tiers(options.weights):
            if is_named(name):
                fetch(name, report)

    def load(self, options: KernelOptions, num_threads: int) -> Detector:
        """See `Task`."""
        own = DetectorOptions(
            options.weights, options.class_names_file, options.device, num_threads,
            options.precision, options.runtime,
        )  # fmt: skip
        family, names = self.family(options), tiers(options.weights)
        if len(names) < 2:
            return load_detector(family, own)
        return TieredDetector([load_detector(family, replace(own, weights=n)) for n in names])

    def fitted(self, space: BranchSpace, network: Detector) -> BranchSpace:
        """See `Task`; shapes that the network takes."""
        if isinstance(network, TieredDetector):
            return space.with_models([own.own_shapes(space.shapes) for own in network.tiers])
        return space.with_shapes(network.own_shapes(space.shapes))

    def kernel(self, network: Detector, space: BranchSpace) -> DetectionKernel:
        """See `Task`."""
        return DetectionKernel(network, space)

    def state_options(self, options: KernelOptions) -> DetectionOptions:
        """See `Task`."""
        return DetectionOptions(options.score_threshold, options.class_agnostic_iou)

    def table_accuracy(
        self, space: BranchSpace, table: Path | None
    ) -> tuple[AccuracyPredictor, npt.NDArray[np.float64]]:
        """See `Task`; without a table, ranks by a rule of thumb."""
        agnostic = accuracy_of_space(space, AccuracyTable.from_json(table) if table else None)
        return ConstantAccuracy(agnostic), agnostic
