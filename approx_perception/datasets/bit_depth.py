"""Pixels of 16 bits to 8 bits."""

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import InvalidFrameError

__all__ = ["BitDepth"]

#: Of sensors; 12 bits in a container of 16 use a sixteenth of its range.
_DEPTHS_BITS = (8, 10, 12, 14, 16)
#: Of pixels that may be brighter than a depth allows: hot ones, which become white.
_MOST_HOT = 0.001
#: What sensors write where they know nothing; it tells no depth.
_SATURATED = 65535
#: An image of fewer rows, or columns, is judged by all its pixels.
_ENOUGH_ROWS = 512


class BitDepth:
    """Scales 16-bit pixels by the smallest depth of sensors that holds what was seen so far.

    That is 99.9 % of an image's pixels, without those of 0 and of 65535, and without opacity (a
    fourth channel). Brighter ones become white. The depth never shrinks, so that the brightness of
    a stream changes at most four times and does not flicker. One for each stream.
    """

    def __init__(self) -> None:
        self._bits = _DEPTHS_BITS[0]

    def to_8_bits(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        """Scale pixels ``(H, W)`` or ``(H, W, channels)``; those of 8 bits stay as they are.

        Raises
        ------
        InvalidFrameError
            If they are neither uint8 nor uint16.
        """
        if pixels.dtype == np.uint8:
            return pixels.astype(np.uint8, copy=False)
        if pixels.dtype != np.uint16:
            raise InvalidFrameError(
                f"the image has pixels of {pixels.dtype}; those of uint8 and uint16 are read"
            )
        values = pixels.astype(np.uint16, copy=False)
        self._see(values[..., :3] if values.ndim > 2 else values)
        scaled = values >> (self._bits - 8)
        return np.minimum(scaled, 255, out=scaled).astype(np.uint8)

    def _see(self, pixels: npt.NDArray[np.uint16]) -> None:
        """Take a larger depth if the pixels need one."""
        # Of large images some pixels tell enough; an odd step sees all colours of a mosaic.
        step = 1 | min(pixels.shape[:2]) // _ENOUGH_ROWS
        pixels = pixels[::step, ::step]
        saturated = np.count_nonzero(pixels == _SATURATED)
        telling = np.count_nonzero(pixels) - saturated
        for bits in _DEPTHS_BITS[_DEPTHS_BITS.index(self._bits) :]:
            self._bits = bits
            if np.count_nonzero(pixels >> bits) - saturated <= _MOST_HOT * telling:
                return
