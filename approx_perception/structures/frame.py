"""One image of a stream."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import InvalidFrameError

__all__ = ["Frame"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera image with the identity that its source gave it.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8, BGR. Not copied; nobody may write into it.
    stamp_ns
        Capture time as the source states it, in ns; never altered.
    source_id
        Name of the stream (topic, file); a new name is a new stream.
    sequence
        Position in the stream, from 0; gaps are frames that never got here.
    decode_ms
        What it cost to turn the message or file into ``image``.
    regions
        ``(N, 4)`` float32, x1 y1 x2 y2 in px: the parts of the image to look at, for kernels that
        look at parts; None for what they look at by themselves.
    region_ids
        ``(N,)`` int64, identities of the regions, -1 for none; None where there are no regions.

    Raises
    ------
    InvalidFrameError
        If the image is empty or not ``(H, W, 3)`` uint8.
    """

    image: npt.NDArray[np.uint8]
    stamp_ns: int
    source_id: str = ""
    sequence: int = 0
    decode_ms: float = 0.0
    regions: npt.NDArray[np.float32] | None = None
    region_ids: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        image = self.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InvalidFrameError(
                f"image has shape {image.shape} and type {image.dtype}, expected (H, W, 3) uint8"
            )
        if image.size == 0:
            raise InvalidFrameError(
                f"image is empty: width {image.shape[1]}, height {image.shape[0]}"
            )
