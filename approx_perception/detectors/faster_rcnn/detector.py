"""One resident Faster R-CNN behind the detector interface."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.detectors._base import Detector, DetectorOptions, DetectorSettings
from approx_perception.detectors.faster_rcnn.file import NetworkFile
from approx_perception.detectors.faster_rcnn.network import ExportedNetwork, Features
from approx_perception.detectors.faster_rcnn.sizes import padded_size, resized_size
from approx_perception.exceptions import InferenceError
from approx_perception.structures import Detections

__all__ = ["FasterRCNNDetector"]

Image = npt.NDArray[np.uint8]


class FasterRCNNDetector(Detector):
    """Detect with a Faster R-CNN that was exported.

    Parameters
    ----------
    file
        From `open_file`.
    options
        Runtime, precision, device and threads.

    Raises
    ------
    ConfigurationError
        If the runtime, its device or its precision is not there.
    WeightsError
        If the runtime does not read the file.
    """

    uses_proposals = True

    def __init__(self, file: NetworkFile, options: DetectorOptions) -> None:
        self.network = ExportedNetwork(file, options.for_graphs)
        self._padding = file.metadata.padding_bgr
        self.class_names = file.metadata.class_names
        self.weights_path, self.weights_digest = file.weights_path, file.weights_digest
        front = self.network.front
        self.runtime, self.device, self.precision = front.runtime, front.device, front.precision
        self.runtime_reason = front.reason
        self.feature_listeners = []
        # Runtimes have its bytes.
        self._file = replace(file, content=b"")
        self.description = f"faster_rcnn {file.name} {front.words}"

    def told(self) -> dict[str, str]:
        """See `Detector.told`."""
        file = self._file
        own, padding = file.metadata, file.metadata.padding_bgr
        is_as_given = file.path == file.weights_path
        return {
            "recognised as": "faster_rcnn: front, proposals and head, as approx-perception export "
            "writes them",
            "because": "its metadata say so" if is_as_given else "it was exported when it was read",
            "image": f"BGR uint8, its shorter side as the shape says, padding {padding}",
            "sides": f"free; boxes are pooled from levels of strides {own.strides} px",
        }

    def input_px(self, shape: int, image_size: tuple[int, int]) -> int:
        """See `Detector.input_px`."""
        height, width = padded_size(*resized_size(image_size[1], image_size[0], shape))
        return height * width

    def prepare(self, image: Image, settings: DetectorSettings) -> None:
        """See `Detector.prepare`."""
        size = padded_size(*resized_size(image.shape[0], image.shape[1], settings.shape))
        self.network.front.prepare({"images": np.zeros((1, *size, 3), np.uint8)})

    def _detect(self, image: Image, settings: DetectorSettings) -> Detections:
        """Find objects; see `Detector.detect`."""
        return self._detect_together([image], settings)[0]

    def _detect_together(
        self, images: Sequence[Image], settings: DetectorSettings
    ) -> list[Detections]:
        """Find objects in one batch; see `Detector.detect_together`."""
        return self._found(self._features(images, settings.shape), images, settings)

    def _detect_each(self, image: Image, settings: Sequence[DetectorSettings]) -> list[Detections]:
        """Run the front once for each shape; see `Detector.detect_each`."""
        shapes = {each.shape for each in settings}
        features = {shape: self._features([image], shape) for shape in shapes}
        return [self._found(features[each.shape], [image], each)[0] for each in settings]

    def _features(self, images: Sequence[Image], shape: int) -> Features:
        """Resize and pad images of one size, and run the front."""
        size = resized_size(images[0].shape[0], images[0].shape[1], shape)
        batch = np.empty((len(images), *padded_size(*size), 3), np.uint8)
        batch[:, size[0] :] = batch[:, :, size[1] :] = self._padding
        for place, image in zip(batch, images, strict=True):
            cv2.resize(image, size[::-1], place[: size[0], : size[1]])
        features = self.network.features(batch, size)
        for listener in self.feature_listeners or ():
            listener(features.levels())
        return features

    def _found(
        self, features: Features, images: Sequence[Image], settings: DetectorSettings
    ) -> list[Detections]:
        """Objects of each image, from px of the input to px of the image.

        Raises
        ------
        InferenceError
            If the network computes nonsense: it would find nothing in silence.
        """
        assert settings.nprop is not None
        objects = self.network.objects(features, settings.nprop)
        if not len(objects.boxes) and not np.isfinite(features.cells).all():
            raise InferenceError(
                "the network's features are not finite: its weights are broken, or the precision "
                "is too low for them"
            )
        (height, width), (rows, columns) = images[0].shape[:2], features.sizes[0]
        boxes = objects.boxes * np.array([width / columns, height / rows] * 2, np.float32)
        ends = np.searchsorted(objects.image_ids, np.arange(len(images) + 1))
        return [
            Detections.from_arrays(boxes[own], objects.scores[own], objects.class_ids[own])
            for own in map(slice, ends[:-1], ends[1:])
        ]
