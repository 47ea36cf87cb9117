"""A part of another source."""

from collections.abc import Iterator
from dataclasses import replace

from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.exceptions import DatasetError

__all__ = ["SourceSpan"]


class SourceSpan(FrameSource):
    """Frames ``start`` to ``stop`` (not included) of a source.

    They are numbered from 0 and keep their stamps.

    Parameters
    ----------
    source
        Has the frames.
    start, stop
        Positions from 0 on; a stop of None, or beyond the last frame, is the end.

    Raises
    ------
    DatasetError
        If no frame of the source lies in the span, as far as the source knows its length.
    """

    def __init__(self, source: FrameSource, start: int, stop: int | None) -> None:
        ends = [end for end in (stop, source.frame_count or None) if end is not None]
        end = min(ends, default=None)
        if end is not None and end <= start:
            wanted = f"[{start}:{'' if stop is None else stop}]"
            has = f"; the source has {source.frame_count}" if source.frame_count else ""
            raise DatasetError(f"{source.name}{wanted} holds no frames{has}")
        self._source, self._start, self._stop = source, start, end
        self.name, self.fps = source.name, source.fps
        #: Of a source that does not know its own length, at most so many; 0 without an end.
        self.frame_count = 0 if end is None else end - start
        self.class_names, self.truth_name = source.class_names, source.truth_name
        self.frame_paths = source.frame_paths[start:end]
        self.is_live, self.stop = source.is_live, source.stop  # type: ignore[method-assign]

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield the frames of the span; see `FrameSource`."""
        is_empty = True
        for entry in self._source:
            # By their numbers: a source leaves out what it cannot read.
            sequence = entry.frame.sequence
            if self._stop is not None and sequence >= self._stop:
                break
            if sequence >= self._start:
                is_empty = False
                yield replace(entry, frame=replace(entry.frame, sequence=sequence - self._start))
        if is_empty:
            raise DatasetError(f"{self.name} ends before frame {self._start}")

    def truth_remarks(self) -> tuple[str, ...]:
        """See `FrameSource`."""
        return self._source.truth_remarks()
