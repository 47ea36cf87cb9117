"""Open an ONNX file and make sure that it is a YOLOX, before a camera runs.

Many networks have an input and an output like a YOLOX's. What a file really is shows when it runs
once: how many rows it gives for how many cells, and what numbers stand in them.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from approx_perception.detectors._base import DetectorOptions
from approx_perception.exceptions import ConfigurationError, WeightsError, shown

__all__ = ["BOX_COLUMNS", "PADDING_VALUE", "STRIDES", "YOLOXNetwork", "grid", "open_yolox"]

STRIDES = (8, 16, 32)
PADDING_VALUE = 114
#: Centre, width, height and objectness stand before the scores of the classes.
BOX_COLUMNS = 5
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_INPUT_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}  # fmt: skip
#: Width and height of the trial where the file leaves them free: a letterbox as any other.
_TRIAL_SIZE = (160, 128)
#: Centres further from their cells, in cells, are numbers of another kind.
_FARTHEST_CELLS = 8.0
_ROUNDING = 1e-2
_EXPECTED = (
    "expected is an input (1, 3, H, W) and one output (1, cells, 5 + classes), with the cells of "
    "strides 8, 16 and 32"
)

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class YOLOXNetwork:
    """A loaded file.

    Attributes
    ----------
    session
        Of the runtime.
    dtype
        What the input takes.
    fixed_size
        Width and height that the file was exported for; None where they are free.
    is_square
        Whether the sides are free but one symbol.
    class_count
        Columns behind `BOX_COLUMNS`.
    is_decoded
        Whether centres and sides are px of the input; else offsets in cells and logarithms.
    """

    session: ort.InferenceSession
    dtype: Any
    fixed_size: tuple[int, int] | None
    is_square: bool
    class_count: int = 0
    is_decoded: bool = False

    def run(self, padded: npt.NDArray[np.uint8]) -> list[Any]:
        """Outputs for an image ``(H, W, 3)``."""
        blob = padded.transpose(2, 0, 1)[None].astype(self.dtype)
        outputs: list[Any] = self.session.run(None, {self.session.get_inputs()[0].name: blob})
        return outputs


@lru_cache(maxsize=32)
def grid(height: int, width: int) -> tuple[Array, Array]:
    """Column and row of each cell, ``(N, 2)``, and its stride, ``(N, 1)``."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        level = np.stack([columns.ravel(), rows.ravel()], axis=1)
        cells.append(level)
        strides.append(np.full((len(level), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def open_yolox(path: Path, options: DetectorOptions) -> YOLOXNetwork:
    """Load a file and run it once.

    Raises
    ------
    ConfigurationError
        If the device is not there.
    WeightsError
        If the file is missing, corrupt, or gives anything but what a YOLOX gives; what it looks
        like is told.
    """
    network = _with_checked_input(_session(path, options), path)
    width, height = network.fixed_size or _TRIAL_SIZE
    if network.is_square and not network.fixed_size:
        height = width
    image = np.full((height, width, 3), PADDING_VALUE, np.uint8)
    try:
        outputs = network.run(image)
    except Exception as error:  # onnxruntime's errors share no base class but this
        raise WeightsError(
            f"{path} fails on an image of {width}x{height} px, which its input "
            f"{network.session.get_inputs()[0].shape} allows: {shown(' '.join(str(error).split()))}"
        ) from error
    rows = _rows_of_cells(outputs, path, height, width)
    is_decoded = _is_decoded(rows, path, height, width)
    return YOLOXNetwork(
        network.session, network.dtype, network.fixed_size, network.is_square,
        rows.shape[1] - BOX_COLUMNS, is_decoded,
    )  # fmt: skip


def _session(path: Path, options: DetectorOptions) -> ort.InferenceSession:
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
        reason = shown(" ".join(str(error).split()))
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


def _refusal(path: Path, reason: str) -> WeightsError:
    return WeightsError(f"{path} is no YOLOX that can be used: {reason}; {_EXPECTED}")


def _with_checked_input(session: ort.InferenceSession, path: Path) -> YOLOXNetwork:
    """Refuse what no image can be given to."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise _refusal(path, f"it takes {len(inputs)} inputs ({shown(names)})")
    shape, kind = list(inputs[0].shape), inputs[0].type
    if len(shape) != 4:
        raise _refusal(path, f"its input has the shape {shown(shape)}")
    batch, channels, rows, columns = shape
    if channels != 3 and columns == 3:
        raise _refusal(path, f"its input {shape} has the channels last (NHWC)")
    if isinstance(channels, int) and channels != 3:
        raise _refusal(path, f"its input {shape} has {channels} channels")
    if isinstance(batch, int) and batch != 1:
        raise _refusal(path, f"it was exported for batches of {batch} images")
    if kind not in _INPUT_TYPES:
        raise _refusal(path, f"its input is a {kind}, not one of {', '.join(_INPUT_TYPES)}")
    numbers = [side for side in (columns, rows) if isinstance(side, int)]
    # One number stands for both.
    fixed_size = (numbers[0], numbers[-1]) if numbers else None
    return YOLOXNetwork(
        session, _INPUT_TYPES[kind], fixed_size, rows is not None and rows == columns
    )


def _rows_of_cells(outputs: list[Any], path: Path, height: int, width: int) -> Array:
    """``(cells, 5 + classes)`` of the only output."""
    shapes = [getattr(output, "shape", type(output).__name__) for output in outputs]
    if len(outputs) != 1:
        raise _refusal(path, f"it gives {len(outputs)} outputs {shown(shapes)}")
    output, cells = outputs[0], len(grid(height, width)[0])
    if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
        raise _refusal(path, f"its output is no tensor of numbers but {shown(output)}")
    is_table = output.ndim == 3 and len(output) == 1
    if not is_table or output.shape[1] != cells or output.shape[2] <= BOX_COLUMNS:
        looks = _looks_like(output.shape, cells, height, width)
        raise _refusal(
            path, f"of {width}x{height} px, {cells} cells, it makes {output.shape}, which {looks}"
        )
    return np.asarray(output[0], np.float32)


def _looks_like(shape: tuple[int, ...], cells: int, height: int, width: int) -> str:
    """Say which other networks give such a shape."""
    sides = shape[1:] if len(shape) == 3 and shape[0] == 1 else ()
    cells_with_64 = cells + (height // 64) * (width // 64)
    if sides and sides[1] == cells and sides[0] > 4:
        return f"looks like a YOLOv8 or later of {sides[0] - 4} classes (1, 4 + classes, cells)"
    if 3 * cells in sides:
        return "looks like a YOLOv5 or YOLOv7 (three anchors in each cell)"
    if sides and cells_with_64 in sides:
        return "looks like a network of four strides, 8 to 64 (P6)"
    if shape[-1:] in ((6,), (7,)) and len(shape) in (2, 3):
        return "looks like an end-to-end export (NMS inside: box, score and class in a row)"
    if len(shape) in (4, 5):
        return "looks like one head before it was decoded (a grid of cells)"
    return "is of no kind that is known here"


def _is_decoded(rows: Array, path: Path, height: int, width: int) -> bool:
    """Whether centres are px of the input; else they are offsets from their cells, in cells."""
    finite = np.isfinite(rows).all(axis=1)
    if finite.mean() < 0.5:
        raise _refusal(
            path, f"{(~finite).sum()} of its {len(rows)} rows for a grey image are not finite"
        )
    scores = rows[finite, BOX_COLUMNS - 1 :]
    if scores.min() < -_ROUNDING or scores.max() > 1 + _ROUNDING:
        raise _refusal(
            path, f"its scores for a grey image are from {scores.min():.3g} to "
            f"{scores.max():.3g} and not from 0 to 1 (was the sigmoid left out?)"
        )  # fmt: skip
    cells, strides = (table[finite] for table in grid(height, width))
    centres = rows[finite, :2]
    from_offsets = float(np.median(np.abs(centres - 0.5)))
    from_px = float(np.median(np.abs(centres / strides - cells - 0.5)))
    if min(from_offsets, from_px) > _FARTHEST_CELLS:
        raise _refusal(path, "its centres are neither near their cells nor offsets from them")
    return from_px < from_offsets
