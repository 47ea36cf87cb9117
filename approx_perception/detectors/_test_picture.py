"""A picture to try networks with."""

import numpy as np
import numpy.typing as npt

__all__ = ["test_picture"]


def test_picture(size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Patches of 8 px in chance colours: of a plain area, numbers are too alike to be judged.

    Parameters
    ----------
    size
        Width and height in px.
    """
    width, height = size
    patches = np.random.default_rng(0).integers(
        0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8
    )
    return patches.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
