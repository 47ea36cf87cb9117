"""What every way to a camera offers."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PATIENCE_S", "Feed", "FeedError"]

#: A camera that sends no image for so long is taken for lost.
PATIENCE_S = 10.0


class FeedError(Exception):
    """Why a camera gives no images; its text holds no address, which may be secret."""


class Feed(ABC):
    """A connection to a camera.

    One thread receives all the time, so that no image grows old in a queue; another one decodes
    those that are wanted.

    Attributes
    ----------
    fps
        Nominal rate in Hz.
    """

    fps: float = 30.0

    @abstractmethod
    def receive(self) -> Any:
        """Wait for the next image; returns what `image` takes.

        Raises
        ------
        FeedError
            If none comes any more, or none for `PATIENCE_S`.
        """

    @abstractmethod
    def image(self, received: Any) -> npt.NDArray[np.uint8]:
        """Decode to ``(H, W, 3)`` BGR.

        Raises
        ------
        InvalidFrameError
            If it is broken or too large; others may be whole.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the camera."""
