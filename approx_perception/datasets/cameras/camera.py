"""The newest image of a camera, each time one is wanted."""

import time
from collections.abc import Iterator
from threading import Condition, Event, Thread
from typing import Any

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.cameras._base import PATIENCE_S, Feed, FeedError
from approx_perception.datasets.cameras.addresses import camera_address, is_web, public_name
from approx_perception.datasets.cameras.mjpeg import MjpegFeed
from approx_perception.datasets.cameras.opencv import OpenCvFeed
from approx_perception.datasets.image_header import MAX_IMAGE_PX
from approx_perception.exceptions import DatasetError, InvalidFrameError, counted, shown
from approx_perception.notices import notice
from approx_perception.structures import Frame

__all__ = ["Camera"]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0


class Camera(FrameSource):
    """Newest images of a camera, until somebody calls `stop`.

    An image that is not taken before the next one comes is skipped; sequence numbers tell it. A
    camera that is lost is connected to again, for ever. The stamp is the time of arrival.

    Parameters
    ----------
    name
        ``camera:0``, ``/dev/video0``, ``rtsp://...`` or ``http://...`` (MJPEG).
    max_image_px
        Larger images are refused.

    Raises
    ------
    DatasetError
        If it cannot be opened, or gives no image that can be used.
    """

    is_live = True

    def __init__(self, name: str, max_image_px: int = MAX_IMAGE_PX) -> None:
        self.name = public_name(name)
        self.frame_count = 0
        self._address, self._max_image_px = camera_address(name), max_image_px
        self._stopped = Event()
        #: Kept for the first iteration: opening a camera takes seconds.
        self._feed: Feed | None = self._connected()
        self.fps = self._feed.fps

    def _connected(self) -> Feed:
        """A connection over which an image came.

        Raises
        ------
        DatasetError
            If there is none.
        """
        feed: Feed | None = None
        try:
            feed = self._open()
            feed.image(feed.receive())
        except (FeedError, InvalidFrameError) as error:
            if feed is not None:
                feed.close()
            raise DatasetError(f"the camera {shown(self.name)} cannot be used: {error}") from None
        return feed

    def _open(self) -> Feed:
        kind = MjpegFeed if is_web(self._address) else OpenCvFeed
        return kind(self._address, self._max_image_px)

    def close(self) -> None:
        """Let go of a camera that is not iterated."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def stop(self) -> None:
        """See `FrameSource`."""
        self._stopped.set()

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield the newest image each time; see `FrameSource`."""
        # Of its own: a thread that hangs in an old one must not wake up.
        stopped = self._stopped = Event()
        feed, self._feed = self._feed or self._connected(), None
        reader = _Reader(self.name, feed, self._open, stopped)
        reader.start()
        clock, broken, first_taken, early = MonotonicClock(), _Broken(self.name), False, 0
        try:
            while (shot := reader.newest()) is not None:
                start_ns = clock.monotonic_ns()
                try:
                    image = shot.feed.image(shot.content)
                except InvalidFrameError as error:
                    broken.add(str(error))
                    continue
                decode_ms = (clock.monotonic_ns() - start_ns) / 1e6
                yield LabelledFrame(Frame(image, shot.stamp_ns, self.name, shot.number, decode_ms))
                if not first_taken:
                    # Whoever takes images may load a network first; that tells nothing of rates.
                    first_taken, early, reader.skipped = True, reader.skipped, 0
        finally:
            stopped.set()
            reader.join(timeout=1.0)
            self._tell(reader, broken, early)

    def _tell(self, reader: "_Reader", broken: "_Broken", early: int) -> None:
        parts = [f"{counted(reader.count, 'image')} came"]
        if early:
            parts.append(f"{early} of them while the first was worked on")
        if reader.skipped:
            parts.append(f"{reader.skipped} were skipped for newer ones")
        if broken.count:
            parts.append(f"{broken.count} were broken or too large, the first one: {broken.first}")
        if len(parts) > 1:
            notice(f"{self.name}: {'; '.join(parts)}")


class _Broken:
    """Counts images that cannot be used; tells at once, then each time there are twice as many."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.count = 0
        self.first = ""

    def add(self, reason: str) -> None:
        self.count += 1
        self.first = self.first or reason
        if self.count & (self.count - 1) == 0:
            notice(f"{self._name}: {counted(self.count, 'image')} left out; the last one: {reason}")


class _Shot:
    """An image as it came."""

    def __init__(self, feed: Feed, content: Any, stamp_ns: int, number: int) -> None:
        self.feed, self.content, self.stamp_ns, self.number = feed, content, stamp_ns, number


class _Reader(Thread):
    """Receives all the time, and connects again to a camera that is lost.

    Attributes
    ----------
    count, skipped
        Images that came, and those of them that a newer one replaced.
    """

    def __init__(self, name: str, feed: Feed, reopen: Any, stopped: Event) -> None:
        super().__init__(daemon=True, name=f"camera {name}")
        self._name, self._feed, self._reopen, self._stopped = name, feed, reopen, stopped
        self.count = self.skipped = 0
        self._shot: _Shot | None = None
        self._condition = Condition()
        self._trouble = ""

    def run(self) -> None:
        """See `threading.Thread`."""
        while not self._stopped.is_set():
            try:
                content = self._feed.receive()
            except FeedError as error:
                self._connect_again(str(error))
                continue
            with self._condition:
                self.skipped += self._shot is not None
                self._shot = _Shot(self._feed, content, time.time_ns(), self.count)
                self.count += 1
                self._condition.notify()
        self._feed.close()

    def _connect_again(self, reason: str) -> None:
        """Try until it is back or nobody wants it any more, with longer and longer pauses."""
        self._feed.close()
        if self._stopped.is_set():
            return
        notice(f"{self._name} is lost: {reason}; connecting again")
        start_s, pause_s = time.monotonic(), _FIRST_PAUSE_S
        while not self._stopped.wait(pause_s):
            try:
                self._feed = self._reopen()
            except FeedError as error:
                self._trouble = str(error)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            notice(f"{self._name} is back after {time.monotonic() - start_s:.1f} s")
            self._trouble = ""
            return

    def newest(self) -> _Shot | None:
        """Wait for an image; None once the camera is stopped."""
        waited_s, told_s = 0.0, PATIENCE_S
        step_s = 0.1
        with self._condition:
            while not self._stopped.is_set():
                if self._shot is not None:
                    shot, self._shot = self._shot, None
                    return shot
                self._condition.wait(step_s)
                waited_s += step_s
                if waited_s >= told_s:
                    told_s *= 2
                    why = f" ({self._trouble})" if self._trouble else ""
                    notice(f"{self._name}: no image for {waited_s:.0f} s{why}; still waiting")
        return None
