"""What every source of frames offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from approx_perception.structures import Frame, GroundTruth

__all__ = ["FrameSource", "LabelledFrame"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFrame:
    """A frame and, where the source has it, what is really in it."""

    frame: Frame
    ground_truth: GroundTruth | None = None


class FrameSource(ABC):
    """A finite stream of frames that can be iterated any number of times.

    Attributes
    ----------
    name
        For humans and as the frames' ``source_id``.
    fps
        Nominal rate in Hz.
    frame_count
        Number of frames that an iteration yields; of a video, what its container says, 0 where that
        says nothing.
    class_names
        What the ground truth's class ids mean; empty where there is no ground truth.
    """

    name: str
    fps: float
    frame_count: int
    class_names: tuple[str, ...] = ()

    @abstractmethod
    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield the frames in order, decoding each when it is asked for.

        Raises
        ------
        DatasetError
            Naming the file (and line or message) that cannot be read.
        """

    def frame_name(self, index: int) -> str:
        """Name of the file of frame ``index``; empty where frames have none."""
        return ""

    def stamp_ns(self, index: int) -> int:
        """Nominal time of frame ``index``, for sources that carry no time of their own."""
        return round(index * 1e9 / self.fps)
