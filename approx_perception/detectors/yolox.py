"""YOLOX from an ONNX file: an anchor-free one-stage detector of any input side.

Decoding after "YOLOX: Exceeding YOLO Series in 2021" (Ge et al.), section 2.2.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from approx_perception.detectors._base import (
    Detector,
    DetectorOptions,
    DetectorSettings,
    read_class_names,
)
from approx_perception.exceptions import ConfigurationError, WeightsError, shown
from approx_perception.structures import Detections

__all__ = ["YOLOXDetector", "load"]

_STRIDES = (8, 16, 32)
_PADDING_VALUE = 114
#: Px of padding that a network with free sides gets at least, to see where the image ends: half a
#: cell of the coarsest level. With none AP50 falls by 0.012 at a side of 160 px; more is wasted.
_LEAST_PADDING = 16
_BOX_COLUMNS = 5
#: Weaker detections are never returned; what a user sees is a threshold above it.
_SCORE_FLOOR = 0.05
_NMS_IOU = 0.5
_MAX_CANDIDATES = 1000
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_CLASS_NAME_ENDINGS = ("*.names", "*classes.txt")

Array = npt.NDArray[np.float32]


def load(options: DetectorOptions) -> "YOLOXDetector":
    """Load an ONNX file; its class names from a file, named or alone beside it."""
    if not options.weights:
        raise WeightsError("yolox needs weights: name an ONNX file")
    path = Path(options.weights)
    session = _open(path, options)
    class_count = _class_count(session, path)
    names_file = options.class_names_file or _names_beside(path, class_count)
    names = read_class_names(names_file, class_count)
    return YOLOXDetector(session, names, path)


def _open(path: Path, options: DetectorOptions) -> ort.InferenceSession:
    if not path.is_file():
        raise WeightsError(f"there is no weights file {shown(str(path))}")
    session_options = ort.SessionOptions()
    session_options.intra_op_num_threads = options.num_threads
    session_options.log_severity_level = 3
    # Threads that spin between two detections would take the cores of trackers and ROS.
    session_options.add_session_config_entry("session.force_spinning_stop", "1")
    providers = _providers(options.device)
    try:
        return ort.InferenceSession(str(path), session_options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class but this
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path} is no ONNX file that onnxruntime reads: {reason}") from error


def _providers(device: str) -> list[str]:
    available = ort.get_available_providers()
    if device == "auto":
        return [p for p in (_PROVIDERS["cuda"], _PROVIDERS["cpu"]) if p in available]
    provider = _PROVIDERS.get(device.split(":", maxsplit=1)[0], device)
    if provider not in available:
        raise ConfigurationError(
            f"onnxruntime cannot use the device {shown(device)}; it has {', '.join(available)}"
        )
    return [provider]


def _class_count(session: ort.InferenceSession, path: Path) -> int:
    """Check inputs and outputs of the network and return its number of classes."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    columns = outputs[0].shape[-1] if outputs and len(outputs[0].shape) == 3 else None
    image_like = len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].shape[1] == 3
    if not image_like or not isinstance(columns, int) or columns <= _BOX_COLUMNS:
        raise WeightsError(
            f"{path} is no YOLOX: it takes {[i.shape for i in inputs]} and gives "
            f"{[o.shape for o in outputs]}, expected (1, 3, H, W) and (1, N, 5 + classes)"
        )
    return columns - _BOX_COLUMNS


def _names_beside(path: Path, class_count: int) -> Path:
    """Find the class-name file in the folder of the weights, if there is just one."""
    found = [file for ending in _CLASS_NAME_ENDINGS for file in path.parent.glob(ending)]
    if len(found) != 1:
        raise WeightsError(
            f"yolox needs the names of its {class_count} classes: name a file with one a line "
            f"(beside {path.name} there are {len(found)} that could be meant)"
        )
    return found[0]


@lru_cache(maxsize=32)
def _grid(height: int, width: int) -> tuple[Array, Array]:
    """Column and row of each cell, ``(N, 2)``, and its stride, ``(N, 1)``."""
    cells, strides = [], []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        level = np.stack([columns.ravel(), rows.ravel()], axis=1)
        cells.append(level)
        strides.append(np.full((len(level), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _decode(output: Array, height: int, width: int) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Boxes (px of the network's input), scores and classes above the floor."""
    # A score is at most the objectness, so that most cells are out before their classes are read.
    kept = np.flatnonzero(output[:, 4] > _SCORE_FLOOR)
    class_scores = output[kept, _BOX_COLUMNS:]
    classes = class_scores.argmax(axis=1)
    scores = output[kept, 4] * class_scores[np.arange(len(kept)), classes]
    best = np.flatnonzero(scores > _SCORE_FLOOR)
    if len(best) > _MAX_CANDIDATES:
        best = best[np.argpartition(-scores[best], _MAX_CANDIDATES)[:_MAX_CANDIDATES]]
    kept, scores, classes = kept[best], scores[best], classes[best]
    cells, strides = (table[kept] for table in _grid(height, width))
    centres = (output[kept, :2] + cells) * strides
    halves = np.exp(output[kept, 2:4]) * strides / 2
    boxes = np.concatenate([centres - halves, centres + halves], axis=1)
    return boxes, scores, classes.astype(np.int64)


class YOLOXDetector(Detector):
    """Detect with a YOLOX network.

    Parameters
    ----------
    session
        The loaded network.
    class_names
        As many as the network has classes.
    path
        File of the weights.
    """

    uses_proposals = False
    shape_multiple = 32

    def __init__(
        self, session: ort.InferenceSession, class_names: tuple[str, ...], path: Path
    ) -> None:
        self._session = session
        self._input_name = session.get_inputs()[0].name
        rows, columns = session.get_inputs()[0].shape[2:]
        numbers = [side for side in (columns, rows) if isinstance(side, int)]
        #: Width and height that the file was exported for; one number stands for both.
        self._fixed_size = (numbers[0], numbers[-1]) if numbers else None
        #: Whether the sides are free but one symbol.
        self._is_square = rows is not None and rows == columns
        self.class_names = class_names
        self.weights_path = path
        self.device = session.get_providers()[0]
        self.description = f"yolox {path.name} on {self.device}"

    def check_settings(self, settings: DetectorSettings) -> None:
        """Refuse shapes that the file cannot take; see `Detector.check_settings`."""
        super().check_settings(settings)
        if self._fixed_size and settings.shape != max(self._fixed_size):
            columns, rows = self._fixed_size
            raise ConfigurationError(
                f"shape {settings.shape} does not fit {self.description}: the file was exported "
                f"for {columns}x{rows} px only; use shape {max(columns, rows)}, or export it with "
                "dynamic height and width"
            )

    def _detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        """Find objects in a letterbox, the long side ``shape`` px; see `Detector.detect`.

        Rows and columns that would hold nothing but padding are left out, where the file allows
        it.
        """
        size, scale = self._resized_size(image.shape[1], image.shape[0], settings.shape)
        columns, rows = self._input_size(size, settings.shape)
        padded = np.full((rows, columns, 3), _PADDING_VALUE, np.uint8)
        padded[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        blob = padded.transpose(2, 0, 1)[None].astype(np.float32)
        output = self._session.run(None, {self._input_name: blob})[0][0]
        boxes, scores, classes = _decode(output, rows, columns)
        return _class_wise_nms(boxes / scale, scores, classes)

    def input_px(self, shape: int, image_size: tuple[int, int]) -> int:
        """See `Detector.input_px`."""
        size, _ = self._resized_size(*image_size, shape)
        columns, rows = self._input_size(size, shape)
        return columns * rows

    def _resized_size(self, width: int, height: int, side: int) -> tuple[tuple[int, int], float]:
        """Width and height of an image as large as it fits into the input, and its scale."""
        columns, rows = self._fixed_size or (side, side)
        scale = min(rows / height, columns / width)
        return (max(int(width * scale), 1), max(int(height * scale), 1)), scale

    def _input_size(self, size: tuple[int, int], side: int) -> tuple[int, int]:
        """Width and height of the network's input for an image of such a size in it."""
        if self._fixed_size:
            return self._fixed_size
        return (side, side) if self._is_square else _letterbox(size, side)


def _letterbox(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height around an image of such a size, padded least."""
    coarsest = _STRIDES[-1]
    columns, rows = (
        min(side, -(-(length + _LEAST_PADDING) // coarsest) * coarsest) for length in size
    )
    return columns, rows


def _class_wise_nms(boxes: Array, scores: Array, classes: npt.NDArray[np.int64]) -> Detections:
    """Suppress boxes that overlap a better one of the same class; best first."""
    if not len(boxes):
        return Detections.empty()
    corners_and_sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        corners_and_sides.tolist(), scores.tolist(), classes.tolist(), 0.0, _NMS_IOU
    )
    index = np.asarray(kept, np.int64).ravel()
    index = index[np.argsort(-scores[index], kind="stable")]
    return Detections.from_arrays(boxes[index], scores[index], classes[index])
