"""Detect with a network from an ONNX file, at any side that it takes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from approx_perception.detectors._base import Detector, DetectorSettings
from approx_perception.detectors._border import is_well_formed
from approx_perception.detectors.onnx._preparation import Placement, Size, place
from approx_perception.detectors.onnx._recognition import RecognisedNetwork
from approx_perception.detectors.onnx._rows import class_wise_nms
from approx_perception.detectors.onnx._told import told_of
from approx_perception.exceptions import ConfigurationError, InferenceError
from approx_perception.structures import Detections

__all__ = ["ONNXDetector"]


class ONNXDetector(Detector):
    """Detect with an ONNX file; ``shape`` is the long side of the input.

    Parameters
    ----------
    network
        The loaded file and how it is used.
    class_names
        In the order of class ids.
    """

    uses_proposals = False

    def __init__(self, network: RecognisedNetwork, class_names: tuple[str, ...]) -> None:
        self.network = network
        self._file, self._convention = network.file, network.convention
        self._fixed_size = network.file.fixed_size
        self.class_names = class_names
        self.weights_path = network.file.path
        self.shape_multiple = 1 if self._fixed_size else self._convention.multiple
        graph = network.file.graph
        self.runtime, self.device, self.precision = graph.runtime, graph.device, graph.precision
        self.runtime_reason = graph.reason
        self.description = f"{self._convention.name} {self.weights_path.name} {graph.words}"

    def told(self) -> dict[str, str]:
        """See `Detector.told`."""
        return told_of(self.network)

    def own_shapes(self, shapes: Sequence[int]) -> tuple[int, ...]:
        """See `Detector.own_shapes`."""
        return (max(self._fixed_size),) if self._fixed_size else super().own_shapes(shapes)

    def check_settings(self, settings: DetectorSettings) -> None:
        """Refuse shapes that the file cannot take; see `Detector.check_settings`."""
        super().check_settings(settings)
        if self._fixed_size and settings.shape != max(self._fixed_size):
            columns, rows = self._fixed_size
            why = self.network.why_one_shape
            raise ConfigurationError(
                f"shape {settings.shape} does not fit {self.description}: the file was exported "
                f"for {columns}x{rows} px only{why and f' ({why})'}; use shape "
                f"{max(columns, rows)}, or export it with dynamic height and width"
            )

    def prepare(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> None:
        """See `Detector.prepare`."""
        where, how = self._placement(settings.shape, image.shape[1::-1]), self.network.preparation
        self._file.graph.prepare(self._file.inputs(where.canvas(image, how.padding), how))

    def _detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        """Find objects; see `Detector.detect`.

        Rows and columns that would hold nothing but padding are left out, where the file allows
        it.
        """
        image_size = (image.shape[1], image.shape[0])
        where, how = self._placement(settings.shape, image_size), self.network.preparation
        outputs = self._file.run(where.canvas(image, how.padding), how)
        if mismatch := self._convention.mismatch(outputs, where.input_size):
            raise InferenceError(
                f"{self.description}: {mismatch}; export it with dynamic height and width"
            )
        found = self._convention.decode(outputs, where.input_size)
        boxes = where.to_image(found.boxes)
        return self._suppressed(
            Detections.from_arrays(boxes, found.scores, found.classes), image_size
        )

    def _suppressed(self, found: Detections, image_size: Size) -> Detections:
        if not self._convention.has_overlaps:
            return found.select(np.argsort(-found.scores, kind="stable"))
        # One box that is wrong by orders of magnitude would spoil the suppression of all others.
        is_sound = is_well_formed(found, len(self.class_names), image_size)
        kept = class_wise_nms(found.select(is_sound))
        return kept if is_sound.all() else Detections.concatenate([kept, found.select(~is_sound)])

    def input_px(self, shape: int, image_size: tuple[int, int]) -> int:
        """See `Detector.input_px`."""
        columns, rows = self._placement(shape, image_size).input_size
        return columns * rows

    def _placement(self, shape: int, image_size: Size) -> Placement:
        return place(
            image_size, shape, self._fixed_size, self.network.preparation,
            self._convention.multiple, self._file.is_square,
        )  # fmt: skip
