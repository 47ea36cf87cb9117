"""What every source of frames offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from approx_perception.structures import Frame, GroundTruth

__all__ = ["FrameSource", "LabelledFrame"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFrame:
    """A frame and, where the source has it, what is really in it."""

    frame: Frame
    ground_truth: GroundTruth | None = None


class FrameSource(ABC):
    """A stream of frames that can be iterated any number of times.

    Attributes
    ----------
    name
        For humans and as the frames' ``source_id``.
    fps
        Nominal rate in Hz.
    frame_count
        Frames that are there, of which an iteration leaves out those that cannot be read; of a
        video, what its container says, 0 where that says nothing.
    class_names
        What the ground truth's class ids mean; empty where there is no ground truth.
    frame_paths
        Files of the frames, in their order; empty where frames have none.
    truth_name
        File or topic of the ground truth; empty where there is none, or it is known of every frame.
    truth_objects
        Objects that it holds; None where that is not known of these frames alone.
    is_live
        Whether frames come when they come, each time other ones, without an end.
    """

    name: str
    fps: float
    frame_count: int
    class_names: tuple[str, ...] = ()
    frame_paths: Sequence[Path] = ()
    truth_name: str = ""
    truth_objects: int | None = None
    is_live: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield the frames in order, decoding each when it is asked for.

        A frame that cannot be read is left out, its number with it, and the user is told at the
        end.

        Raises
        ------
        DatasetError
            If none can be read, naming the first (its file, or message) and the reason.
        """

    def stop(self) -> None:  # noqa: B027 - only a live one has something to end
        """End the iteration of a source that is live; from any thread or a signal handler."""

    def truth_remarks(self) -> tuple[str, ...]:
        """Return why parts of the ground truth belong to no frame, as far as is known by now."""
        return ()

    def stamp_ns(self, index: int) -> int:
        """Nominal time of frame ``index``, for sources that carry no time of their own."""
        return round(index * 1e9 / self.fps)
