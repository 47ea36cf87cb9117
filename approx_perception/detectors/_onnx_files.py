"""Open an ONNX file and make sure that it is a YOLOX, before a camera runs.

Many networks have an input and an output like a YOLOX's. What a file really is shows when it runs
once: how many rows it gives for how many cells, and what numbers stand in them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from approx_perception.detectors._base import DetectorOptions
from approx_perception.detectors._onnx_session import open_session
from approx_perception.detectors._yolox_rows import (
    BOX_COLUMNS,
    STRIDES,
    is_decoded,
    refusal,
    rows_of_cells,
)
from approx_perception.exceptions import WeightsError, shown

__all__ = ["YOLOXNetwork", "open_yolox"]

_INPUT_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}  # fmt: skip
#: Width and height of the trial where the file leaves them free: a letterbox as any other.
_TRIAL_SIZE = (160, 128)
#: A file of larger fixed sides would take gigabytes for each image.
_MOST_INPUT_PX = 4096 * 4096


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
    network = _with_checked_input(open_session(path, options), path)
    width, height = network.fixed_size or _TRIAL_SIZE
    if network.is_square and not network.fixed_size:
        height = width
    try:
        outputs = network.run(_trial_image(width, height))
    except Exception as error:  # onnxruntime's errors share no base class but this
        raise WeightsError(
            f"{path} fails on an image of {width}x{height} px, which its input "
            f"{network.session.get_inputs()[0].shape} allows: {shown(' '.join(str(error).split()))}"
        ) from error
    kinds = [output.type for output in network.session.get_outputs()]
    rows = rows_of_cells(outputs, kinds, path, (width, height))
    return YOLOXNetwork(
        network.session, network.dtype, network.fixed_size, network.is_square,
        rows.shape[1] - BOX_COLUMNS, is_decoded(rows, path, (width, height)),
    )  # fmt: skip


def _trial_image(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Patches of 8 px in chance colours: of a plain area, numbers are too alike to be judged."""
    size = (-(-height // 8), -(-width // 8), 3)
    patches = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    return patches.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]


def _with_checked_input(session: ort.InferenceSession, path: Path) -> YOLOXNetwork:
    """Refuse what no image can be given to."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise refusal(path, f"it takes {len(inputs)} inputs ({shown(names)})")
    shape, kind = list(inputs[0].shape), inputs[0].type
    if len(shape) != 4:
        raise refusal(path, f"its input has the shape {shown(shape)}")
    batch, channels, rows, columns = shape
    if channels != 3 and columns == 3:
        raise refusal(path, f"its input {shape} has the channels last (NHWC)")
    if isinstance(channels, int) and channels != 3:
        raise refusal(path, f"its input {shape} has {channels} channels")
    if isinstance(batch, int) and batch != 1:
        raise refusal(path, f"it was exported for batches of {batch} images")
    if kind not in _INPUT_TYPES:
        raise refusal(path, f"its input is a {kind}, not one of {', '.join(_INPUT_TYPES)}")
    numbers = [side for side in (columns, rows) if isinstance(side, int)]
    # One number stands for both.
    fixed_size = (numbers[0], numbers[-1]) if numbers else None
    if fixed_size and not _takes_images(*fixed_size):
        raise refusal(
            path, f"its input {shown(shape)} is of {fixed_size[0]}x{fixed_size[1]} px; sides must "
            f"be {max(STRIDES)} px or more, and {_MOST_INPUT_PX} px in all or less"
        )  # fmt: skip
    return YOLOXNetwork(
        session, _INPUT_TYPES[kind], fixed_size, rows is not None and rows == columns
    )


def _takes_images(width: int, height: int) -> bool:
    return min(width, height) >= max(STRIDES) and width * height <= _MOST_INPUT_PX
