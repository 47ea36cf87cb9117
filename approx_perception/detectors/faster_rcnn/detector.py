"""One resident Faster R-CNN behind the detector interface."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from approx_perception.detectors._base import Detector, DetectorSettings
from approx_perception.detectors._torch_files import choose_device, refuse_not_finite, use_threads
from approx_perception.detectors.faster_rcnn.from_torch.network import (
    forward,
    fuse_batch_norm,
    padded_size,
)
from approx_perception.detectors.faster_rcnn.from_torch.weights import LoadedNetwork
from approx_perception.detectors.faster_rcnn.precision import set_precision
from approx_perception.structures import Detections

__all__ = ["FasterRCNNDetector", "resized_size"]

#: Longest side of the input as a multiple of its short side: keeps panoramas affordable.
_MAX_ASPECT = 2.0


def resized_size(height: int, width: int, shape: int) -> tuple[int, int]:
    """Height and width after the short side is brought to ``shape`` px (or less, if long)."""
    scale = min(shape / min(height, width), _MAX_ASPECT * shape / max(height, width))
    return max(round(height * scale), 1), max(round(width * scale), 1)


class FasterRCNNDetector(Detector):
    """Detect with a torchvision Faster R-CNN.

    Parameters
    ----------
    loaded
        Network in evaluation mode and its class names.
    device
        ``cpu``, ``cuda`` or ``auto``.
    num_threads
        CPU threads of one inference.
    precision
        Of the backbone; see `set_precision`.

    Raises
    ------
    ConfigurationError
        If the device or precision is not there.
    """

    uses_proposals = True

    def __init__(
        self, loaded: LoadedNetwork, device: str, num_threads: int, precision: str = "float32"
    ) -> None:
        self._device = choose_device(device)
        self._num_threads = num_threads
        self._take_turn()
        network = loaded.network
        fuse_batch_norm(network)
        self.network = network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = str(self._device)
        self.precision = set_precision(self.network, precision, self._device)
        transform = network.transform
        self._mean = torch.tensor(transform.image_mean, device=self._device).view(3, 1, 1) * 255
        self._std = torch.tensor(transform.image_std, device=self._device).view(3, 1, 1) * 255
        self.class_names = loaded.class_names
        self.weights_path = loaded.path
        self.weights_digest = loaded.digest
        self.description = f"faster_rcnn {loaded.name} on {self.device}, {self.precision} backbone"

    def input_px(self, shape: int, image_size: tuple[int, int]) -> int:
        """See `Detector.input_px`."""
        height, width = padded_size(*resized_size(image_size[1], image_size[0], shape))
        return height * width

    def _take_turn(self) -> None:
        use_threads(self._num_threads)

    def _prepare(self, image: npt.NDArray[np.uint8], shape: int) -> tuple[Tensor, tuple[int, int]]:
        """Resize, normalise and pad; ``(1, 3, H, W)`` and the size without padding."""
        size = resized_size(image.shape[0], image.shape[1], shape)
        small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
        rgb = torch.from_numpy(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)).to(self._device)
        normalised = (rgb.permute(2, 0, 1).float() - self._mean) / self._std
        height, width = padded_size(*size)
        padding = (0, width - size[1], 0, height - size[0])
        padded = torch.nn.functional.pad(normalised, padding)[None]
        return padded.contiguous(memory_format=torch.channels_last), size

    def _detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        """Find objects; see `Detector.detect`."""
        return self._detect_together([image], settings)[0]

    @torch.inference_mode()
    def _detect_together(
        self, images: Sequence[npt.NDArray[np.uint8]], settings: DetectorSettings
    ) -> list[Detections]:
        """Find objects in one batch; see `Detector.detect_together`."""
        prepared, sizes = zip(*(self._prepare(i, settings.shape) for i in images), strict=True)
        batch = prepared[0] if len(prepared) == 1 else torch.cat(prepared)
        features = self.network.backbone(batch)
        found, _ = forward(self.network, batch, sizes, settings.nprop, features=features)
        if not any(len(each["boxes"]) for each in found):
            refuse_not_finite(features.values())
        return [self._detections(*each) for each in zip(found, images, sizes, strict=True)]

    @torch.inference_mode()
    def _detect_each(
        self, image: npt.NDArray[np.uint8], settings: Sequence[DetectorSettings]
    ) -> list[Detections]:
        """Run the backbone once for each shape; see `Detector.detect_each`."""
        inputs = {shape: self._prepare(image, shape) for shape in {each.shape for each in settings}}
        features = {shape: self.network.backbone(padded) for shape, (padded, _) in inputs.items()}
        detections = []
        for each in settings:
            padded, size = inputs[each.shape]
            found, _ = forward(
                self.network, padded, [size], each.nprop, features=features[each.shape]
            )
            detections.append(self._detections(found[0], image, size))
        return detections

    @staticmethod
    def _detections(
        found: dict[str, Tensor], image: npt.NDArray[np.uint8], size: tuple[int, int]
    ) -> Detections:
        """From px of the resized image to px of the image."""
        boxes, scores, labels = (found[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
        height, width = image.shape[:2]
        boxes = boxes * np.array([width / size[1], height / size[0]] * 2, np.float32)
        return Detections.from_arrays(boxes, scores, labels - 1)
