"""SSDLite with MobileNetV3 of torchvision, as many robots run it today.

Sandler et al., MobileNetV2 (CVPR 2018), section 6.2; Howard et al., MobileNetV3 (ICCV 2019).
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.detection.image_list import ImageList

from approx_perception.detectors._base import (
    Detector,
    DetectorOptions,
    DetectorSettings,
    read_class_names,
)
from approx_perception.detectors._torch_files import (
    checked_state,
    choose_device,
    output_count,
    read_state,
    refuse_not_finite,
    state_digest,
    torchvision_state,
    use_threads,
)
from approx_perception.exceptions import (
    ConfigurationError,
    WeightsError,
    reason_of,
    shown,
)
from approx_perception.runtimes import AUTO
from approx_perception.structures import Detections

__all__ = ["SSDLiteDetector", "load"]

_BUILDER = "ssdlite320_mobilenet_v3_large"
_COCO = "SSDLite320_MobileNet_V3_Large_Weights.COCO_V1"
#: Channels of this layer: anchors at a place times classes.
_HEAD = "head.classification_head.module_list.0.1.bias"
_ANCHORS_AT_A_PLACE = 6


class SSDLiteDetector(Detector):
    """Detect with an SSDLite; the image is brought to a square, whatever its aspect.

    Parameters
    ----------
    network
        torchvision's, in evaluation mode.
    class_names
        Without the background.
    name, path
        Of the weights, for humans, and their file if they have one.
    device
        ``cpu``, ``cuda`` or ``auto``.
    num_threads
        CPU threads of one inference.
    """

    uses_proposals = False
    shape_multiple = 32

    def __init__(
        self,
        network: Any,
        class_names: tuple[str, ...],
        name: str,
        path: Path | None,
        device: str,
        num_threads: int,
    ) -> None:
        self._device = choose_device(device)
        self._num_threads = num_threads
        self._take_turn()
        self._network = network.to(self._device, memory_format=torch.channels_last).eval()
        transform = network.transform
        self._mean = torch.tensor(transform.image_mean, device=self._device).view(3, 1, 1) * 255
        self._std = torch.tensor(transform.image_std, device=self._device).view(3, 1, 1) * 255
        self.device = str(self._device)
        self.class_names = class_names
        self.weights_path = path
        self.description = f"ssdlite {name} on {self.device}"

    def _take_turn(self) -> None:
        use_threads(self._num_threads)

    @torch.inference_mode()
    def _detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        """Find objects; see `Detector.detect`."""
        side = settings.shape
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
        rgb = torch.from_numpy(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)).to(self._device)
        batch = ((rgb.permute(2, 0, 1).float() - self._mean) / self._std)[None]
        batch = batch.contiguous(memory_format=torch.channels_last)
        network = self._network
        features = list(network.backbone(batch).values())
        anchors = network.anchor_generator(ImageList(batch, [(side, side)]), features)
        found = network.postprocess_detections(network.head(features), anchors, [(side, side)])[0]
        boxes, scores, labels = (found[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
        if not len(found["boxes"]):
            refuse_not_finite(features)
        scale = np.array([image.shape[1] / side, image.shape[0] / side] * 2, np.float32)
        # Boxes beside the image are clipped to its edge: nothing is left of them.
        is_left = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Detections.from_arrays(boxes[is_left] * scale, scores[is_left], labels[is_left] - 1)


def load(options: DetectorOptions) -> SSDLiteDetector:
    """Load torchvision's COCO weights (by name, or where none are named) or a state dict.

    Raises
    ------
    ConfigurationError
        If another runtime or precision is wanted than there is.
    WeightsError
        If the weights are missing, corrupt, of another network, or without class names.
    """
    for word in ("runtime", "precision"):
        own, wanted = getattr(SSDLiteDetector, word), getattr(options, word)
        if wanted not in (AUTO, own):
            raise ConfigurationError(
                f"ssdlite has no {word} {shown(wanted)}, it runs in PyTorch in float32: leave it "
                f"at {shown(AUTO)}, or export it to ONNX"
            )
    name = options.weights or _COCO
    path, digest = None, ""
    if "_Weights." in name and not Path(name).exists():
        _, state, names = torchvision_state(name, [_BUILDER], "SSDLite")
        digest = state_digest(state)
    else:
        path, names = Path(name), ()
        content = read_state(path)
        state = checked_state(content.get("model", content), name)
    class_count = output_count(state, _HEAD, name, "SSDLite of torchvision") // _ANCHORS_AT_A_PLACE
    if options.class_names_file is not None:
        names = read_class_names(options.class_names_file, class_count - 1)
    elif not names:
        raise WeightsError(
            f"{name} brings no class names; give a file with its {class_count - 1} names"
        )
    network = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=class_count
    )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{name} does not fit the network {_BUILDER}: {reason_of(error)}"
        ) from error
    detector = SSDLiteDetector(
        network, names, path.name if path else name, path, options.device, options.num_threads
    )
    detector.weights_digest = digest
    return detector
