"""Pixels of 16 bits to 8 bits."""

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import InvalidFrameError

__all__ = ["BitDepth"]

#: Of sensors; 12 bits in a container of 16 use a sixteenth of its range.
_DEPTHS_BITS = (8, 10, 12, 14, 16)


class BitDepth:
    """Scales 16-bit pixels by the smallest depth of sensors that holds all pixels seen so far.

    The depth never shrinks, so that the brightness of a stream changes at most four times and
    does not flicker. One for each stream.
    """

    def __init__(self) -> None:
        self._bits = _DEPTHS_BITS[0]

    def to_8_bits(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        """Scale pixels of any shape; those of 8 bits stay as they are.

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
        brightest = int(pixels.max())
        self._bits = next(b for b in _DEPTHS_BITS if b >= self._bits and brightest < 1 << b)
        return (pixels.astype(np.uint16, copy=False) >> (self._bits - 8)).astype(np.uint8)
