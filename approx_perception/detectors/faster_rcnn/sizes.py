"""Sizes of the network's input."""

__all__ = ["padded_size", "resized_size"]

#: Sides of the network's input are padded to a multiple of this.
_STRIDE = 32
#: Longest side of the input as a multiple of its short side: keeps panoramas affordable.
_MAX_ASPECT = 2.0


def resized_size(height: int, width: int, shape: int) -> tuple[int, int]:
    """Height and width after the short side is brought to ``shape`` px (or less, if long)."""
    scale = min(shape / min(height, width), _MAX_ASPECT * shape / max(height, width))
    return max(round(height * scale), 1), max(round(width * scale), 1)


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Round both sides up to the stride of the coarsest feature map."""
    return -(-height // _STRIDE) * _STRIDE, -(-width // _STRIDE) * _STRIDE
