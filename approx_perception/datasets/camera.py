"""A camera on this machine or in the network, by OpenCV: for those without ROS."""

import time
from collections import deque
from collections.abc import Iterator
from threading import Event, Thread

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.exceptions import DatasetError, shown
from approx_perception.notices import notice
from approx_perception.structures import Frame

__all__ = ["Camera"]

_DEFAULT_FPS = 30.0


class Camera(FrameSource):
    """Newest images of a camera, until it gives none any more.

    An image that is not taken before the next one comes is dropped; the sequence numbers tell it.

    Parameters
    ----------
    device
        Number of the camera, a device file, or the address of a stream (``rtsp://...``).

    Raises
    ------
    DatasetError
        If OpenCV cannot open it.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.name = f"camera:{device}"
        self.frame_count = 0
        capture = self._open()
        self.fps = capture.get(cv2.CAP_PROP_FPS) or _DEFAULT_FPS
        capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(int(self._device) if self._device.isdigit() else self._device)
        if not capture.isOpened():
            raise DatasetError(f"there is no camera {shown(self._device)} that OpenCV can open")
        return capture

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield the newest image each time; see `FrameSource`."""
        reader = _Reader(self._open())
        reader.start()
        try:
            for image, stamp_ns, sequence in reader.newest():
                yield LabelledFrame(Frame(image, stamp_ns, self.name, sequence))
        finally:
            reader.stop()
        if not reader.count:
            raise DatasetError(f"{self.name} gives no images")
        notice(f"{self.name} gives no images any more, after {reader.count}")


class _Reader(Thread):
    """Empties the camera's queue all the time: else images would grow old in it."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._capture = capture
        self._slot: deque[tuple[npt.NDArray[np.uint8], int, int]] = deque(maxlen=1)
        self._arrived, self._stopped = Event(), Event()

    def run(self) -> None:
        """See `threading.Thread`."""
        while not self._stopped.is_set():
            is_read, image = self._capture.read()
            if not is_read:
                break
            self._slot.append((image, time.time_ns(), self.count))
            self.count += 1
            self._arrived.set()
        self._capture.release()
        self._stopped.set()
        self._arrived.set()

    def newest(self) -> Iterator[tuple[npt.NDArray[np.uint8], int, int]]:
        """Yield image, time in ns and number, until the camera ends."""
        while True:
            self._arrived.wait()
            self._arrived.clear()
            is_last = self._stopped.is_set()
            if self._slot:
                yield self._slot.pop()
            if is_last:
                return

    def stop(self) -> None:
        """Let go of the camera."""
        self._stopped.set()
        # A camera that hangs is left to its thread.
        self.join(timeout=1.0)
