"""YOLOX from an ONNX file: an anchor-free one-stage detector of any input side.

Decoding after "YOLOX: Exceeding YOLO Series in 2021" (Ge et al.), section 2.2.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.detectors._base import (
    Detector,
    DetectorOptions,
    DetectorSettings,
    read_class_names,
)
from approx_perception.detectors._border import is_well_formed
from approx_perception.detectors._onnx_files import YOLOXNetwork, open_yolox
from approx_perception.detectors._yolox_rows import BOX_COLUMNS, STRIDES, grid
from approx_perception.exceptions import ConfigurationError, InferenceError, WeightsError
from approx_perception.structures import Detections

__all__ = ["YOLOXDetector", "load"]

#: Grey level beside and below an image.
_PADDING_VALUE = 114
#: Px of padding that a network with free sides gets at least, to see where the image ends: half a
#: cell of the coarsest level. With none AP50 falls by 0.012 at a side of 160 px; more is wasted.
_LEAST_PADDING = 16
#: Weaker detections are never returned; what a user sees is a threshold above it.
_SCORE_FLOOR = 0.05
_NMS_IOU = 0.5
_MAX_CANDIDATES = 1000
_ONE_NAME_MORE = "the network may have no objectness column, as YOLOv8 and later, and is no YOLOX"
_CLASS_NAME_ENDINGS = ("*.names", "*classes.txt")

Array = npt.NDArray[np.float32]


def load(options: DetectorOptions) -> "YOLOXDetector":
    """Load an ONNX file; its class names from a file, named or alone beside it."""
    if not options.weights:
        raise WeightsError("yolox needs weights: name an ONNX file")
    path = Path(options.weights)
    network = open_yolox(path, options)
    names_file = options.class_names_file or _names_beside(path, network.class_count)
    names = read_class_names(names_file, network.class_count, _ONE_NAME_MORE)
    return YOLOXDetector(network, names, path)


def _names_beside(path: Path, class_count: int) -> Path:
    """Find the class-name file in the folder of the weights, if there is just one."""
    found = [file for ending in _CLASS_NAME_ENDINGS for file in path.parent.glob(ending)]
    if len(found) != 1:
        raise WeightsError(
            f"yolox needs the names of its {class_count} classes: name a file with one a line "
            f"(beside {path.name} there are {len(found)} that could be meant)"
        )
    return found[0]


def _decode(
    output: Array, height: int, width: int, is_decoded: bool
) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Boxes (px of the network's input), scores and classes above the floor, or not finite."""
    # A score is at most the objectness, so that most cells are out before their classes are read.
    # Written so that nan is kept: it is dropped where it is counted.
    kept = np.flatnonzero(~(output[:, 4] <= _SCORE_FLOOR))
    class_scores = output[kept, BOX_COLUMNS:]
    classes = class_scores.argmax(axis=1)
    scores = output[kept, 4] * class_scores[np.arange(len(kept)), classes]
    best = np.flatnonzero(~(scores <= _SCORE_FLOOR))
    if len(best) > _MAX_CANDIDATES:
        best = best[np.argpartition(-scores[best], _MAX_CANDIDATES)[:_MAX_CANDIDATES]]
    kept, scores, classes = kept[best], scores[best], classes[best]
    if is_decoded:
        centres, halves = output[kept, :2], output[kept, 2:4] / 2
    else:
        cells, strides = (table[kept] for table in grid(height, width))
        centres = (output[kept, :2] + cells) * strides
        with np.errstate(over="ignore"):
            halves = np.exp(output[kept, 2:4]) * strides / 2
    boxes = np.concatenate([centres - halves, centres + halves], axis=1)
    return boxes, scores, classes.astype(np.int64)


class YOLOXDetector(Detector):
    """Detect with a YOLOX network.

    Parameters
    ----------
    network
        The loaded file.
    class_names
        As many as the network has classes.
    path
        File of the weights.
    """

    uses_proposals = False
    shape_multiple = 32

    def __init__(self, network: YOLOXNetwork, class_names: tuple[str, ...], path: Path) -> None:
        self._network = network
        self._fixed_size = network.fixed_size
        self.class_names = class_names
        self.weights_path = path
        self.device = network.session.get_providers()[0]
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
        output = np.asarray(self._network.run(padded)[0][0], np.float32)
        if len(output) != len(grid(rows, columns)[0]):
            raise InferenceError(
                f"{self.description} gives {len(output)} rows for {columns}x{rows} px, which have "
                f"{len(grid(rows, columns)[0])} cells; export it with dynamic height and width"
            )
        boxes, scores, classes = _decode(output, rows, columns, self._network.is_decoded)
        found = Detections.from_arrays(boxes / scale, scores, classes)
        # One box that is wrong by orders of magnitude would spoil the suppression of all others.
        is_sound = is_well_formed(found, len(self.class_names), (image.shape[1], image.shape[0]))
        kept = _class_wise_nms(found.select(is_sound))
        return kept if is_sound.all() else Detections.concatenate([kept, found.select(~is_sound)])

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
        return (side, side) if self._network.is_square else _letterbox(size, side)


def _letterbox(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height around an image of such a size, padded least."""
    coarsest = STRIDES[-1]
    columns, rows = (
        min(side, -(-(length + _LEAST_PADDING) // coarsest) * coarsest) for length in size
    )
    return columns, rows


def _class_wise_nms(found: Detections) -> Detections:
    """Suppress boxes that overlap a better one of the same class; best first."""
    if not len(found):
        return found
    boxes, scores = found.boxes, found.scores
    corners_and_sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        corners_and_sides.tolist(), scores.tolist(), found.class_ids.tolist(), 0.0, _NMS_IOU
    )
    index = np.asarray(kept, np.int64).ravel()
    return found.select(index[np.argsort(-scores[index], kind="stable")])
