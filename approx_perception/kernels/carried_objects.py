"""Objects that a tracker carries while the detector runs beside."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from approx_perception.association import Associator
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.structures import Detections, Frame
from approx_perception.trackers import Tracker

__all__ = ["CarriedObjects"]


class CarriedObjects:
    """Knows which tracker has the objects; another one takes them over with a detection.

    Parameters
    ----------
    space
        Tells the positions of the trackers' parts.
    trackers, associator
        Of one camera.
    """

    def __init__(
        self,
        space: BranchSpace,
        trackers: Mapping[TrackerSettings, Tracker],
        associator: Associator,
    ) -> None:
        self._trackers, self._associator = trackers, associator
        first, count = len(space.detector_settings), len(space.trackers)
        #: Positions of the start and the step of each tracker.
        self._parts = {
            settings: (first + index, first + count + index)
            for index, settings in enumerate(space.trackers)
        }
        self.forget()

    def forget(self) -> None:
        """Know nothing, as at first."""
        self._carrier: TrackerSettings | None = None
        #: Image and objects of the last frame, where no tracker was started on them.
        self._untracked: tuple[npt.NDArray[np.uint8], Detections] | None = None

    def detected(self, frame: Frame, objects: Detections, tracker: TrackerSettings | None) -> None:
        """Take in the objects of a frame, on which that tracker was started; None for none."""
        self._carrier = tracker
        self._untracked = None if tracker else (frame.image, objects)

    def carry(self, frame: Frame, tracker: TrackerSettings, timer: StageTimer) -> Detections | None:
        """Objects in the next frame; None before there was a detection.

        ``tracker`` starts where none has the objects.
        """
        with self._letting_go():
            if self._untracked is not None:
                image, objects = self._untracked
                with timer.part(self._parts[tracker][0], "initialize"):
                    self._trackers[tracker].initialize(image, objects)
                self._carrier, self._untracked = tracker, None
            if self._carrier is None:
                return None
            with timer.part(self._parts[self._carrier][1], "track"):
                update = self._trackers[self._carrier].update(frame.image)
        with timer.stage("associate"):
            return self._associator.follow(update, frame.stamp_ns, frame.sequence)

    def bring_forward(
        self,
        found: Detections,
        frames: Sequence[Frame],
        tracker: TrackerSettings,
        timer: StageTimer,
    ) -> Detections:
        """Objects in the last frame, by what was detected in the first; see `RunsBeside`.

        What the tracker loses on the way is not there, as in the frames after any detection.
        """
        origin, *later = frames
        start, step = self._parts[tracker]
        # A step counts one frame, and may be over several.
        skipped = max(later[-1].sequence - origin.sequence - len(later), 0)
        found = replace(found, ages=np.full(len(found), skipped, np.int64))
        with self._letting_go():
            with timer.part(start, "initialize"):
                self._trackers[tracker].initialize(origin.image, found)
            for frame in later:
                with timer.part(step, "track"):
                    update = self._trackers[tracker].update(frame.image)
        self._carrier, self._untracked = tracker, None
        with timer.stage("associate"):
            last = later[-1]
            return self._associator.associate(
                update.detections, last.stamp_ns, last.sequence, update.lost
            )

    @contextmanager
    def _letting_go(self) -> Iterator[None]:
        """A tracker that fails has no objects any more: the next detection begins anew."""
        try:
            yield
        except Exception:
            self.forget()
            raise
