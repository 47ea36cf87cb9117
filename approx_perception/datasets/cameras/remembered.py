"""A camera's images as a source that shows the same each time."""

from collections.abc import Iterator
from itertools import islice

from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.notices import notice

__all__ = ["remembered"]

#: Enough to profile latency on; as BGR they take 130 MB at 1280x720 px.
_FRAME_COUNT = 48


def remembered(source: FrameSource, frame_count: int | None) -> FrameSource:
    """Return the source itself, or the next images of one that is live, kept in memory.

    Parameters
    ----------
    source
        Any.
    frame_count
        Images to keep; None for enough to profile latency.
    """
    if not source.is_live:
        return source
    count = frame_count or _FRAME_COUNT
    notice(f"{source.name}: taking {count} images, which are used again and again")
    return _Remembered(source, list(islice(source, count)))


class _Remembered(FrameSource):
    def __init__(self, source: FrameSource, frames: list[LabelledFrame]) -> None:
        self.name, self.fps, self.frame_count = source.name, source.fps, len(frames)
        self._frames = frames

    def __iter__(self) -> Iterator[LabelledFrame]:
        return iter(self._frames)
