"""Give detections the identities of the tracks that they continue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from approx_perception.association.forecast import Forecast
from approx_perception.association.motion import Motion
from approx_perception.association.track import Track, TrackState
from approx_perception.structures import Detections
from approx_perception.structures.boxes import Boxes, iou_matrix
from approx_perception.trackers import TrackerUpdate

__all__ = ["Associator", "AssociatorOptions"]

_FORBIDDEN = 1e6
#: What a match across classes costs, beside 1 - IoU: networks give one object now this class, now
#: that; where several detections fit, that of the track's class is taken.
_OTHER_CLASS = 0.5
#: From one frame to the next where stamps do not rise.
_USUAL_PERIOD_S = 1 / 30


@dataclass(frozen=True, slots=True)
class AssociatorOptions:
    """Life cycle of tracks.

    Attributes
    ----------
    strong_score
        Weaker detections are assigned after all others.
    least_score
        Still weaker ones continue a track but never start one.
    sure_score
        An object that was this sure once gets its public identity on the second frame.
    sure_after_s
        One that never was, but strong once, gets it when it has been seen for so long without a
        gap; one that was always weak after twice the time.
    max_lost_s
        After this time a lost object's identity is given up.
    margin
        Strong detections and predictions are grown by this share of their sides, on each side,
        before they are compared: fast and small objects overlap then (C-BIoU, Yang et al. 2023).
    min_iou
        Overlap with the predicted box, both grown, below which a strong detection is another
        object.
    min_weak_iou
        The same of a weak detection, as they are (ByteTrack's second stage).
    """

    strong_score: float = 0.5
    least_score: float = 0.4
    sure_score: float = 0.7
    sure_after_s: float = 1.0
    max_lost_s: float = 2.0
    margin: float = 0.5
    min_iou: float = 0.1
    min_weak_iou: float = 0.5


class Associator:
    """Keep identities through detection frames, tracked frames and gaps.

    Strong detections are assigned to confirmed tracks first, then weak ones to confirmed tracks in
    sight (as in ByteTrack, Zhang et al. 2022), then what is left to tentative tracks. Time is told
    by the images' stamps.

    Parameters
    ----------
    options
        Life cycle of tracks.
    """

    def __init__(self, options: AssociatorOptions | None = None) -> None:
        self._options = options or AssociatorOptions()
        self._next_id = 1
        self.reset()

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All tracks alive, lost ones included."""
        return tuple(self._tracks)

    def speeds_px_per_frame(self, detections: Detections) -> npt.NDArray[np.float32]:
        """``(N,)`` speeds of the last output's objects; nan for those without a known one."""
        by_id = {t.track_id: t for t in self._rows if t is not None and t.hits > 1}
        return np.array(
            [
                self._period_s * by_id[i].motion.speed_px_per_s if i in by_id else nan
                for i in detections.track_ids.tolist()
            ],
            np.float32,
        )

    def forecast(
        self, detections: Detections, image_size: tuple[int, int], horizon_ms: float
    ) -> Forecast:
        """Where objects of the last output go; see `Forecast`."""
        courses = {
            t.track_id: t.motion.course
            for t in self._rows
            if t is not None and t.state is TrackState.CONFIRMED
        }
        return Forecast(detections, courses, image_size, horizon_ms)

    def reset(self) -> None:
        """Forget all objects; identities go on counting, so none is given twice."""
        self._tracks: list[Track] = []
        #: Track of each row of the last output; None for detections too weak for one.
        self._rows: list[Track | None] = []
        #: Stamp and sequence number of the last frame.
        self._last: tuple[int, int] | None = None
        #: Time that has passed since the first frame, and from one camera frame to the next.
        self._now_s, self._period_s = 0.0, _USUAL_PERIOD_S

    def associate(
        self,
        detections: Detections,
        stamp_ns: int,
        sequence: int,
        lost: npt.NDArray[np.bool_] | None = None,
    ) -> Detections:
        """Take in the detections of a frame, an empty one too.

        Parameters
        ----------
        detections
            Of the detector, in any order.
        stamp_ns, sequence
            Of the frame.
        lost
            ``(N,)`` detections of an earlier frame that a tracker could not bring forward to this
            one; None for none. They are no objects, and `follow` knows their rows.

        Returns
        -------
        Detections
            The same rows, but those lost, with the identities of confirmed tracks.
        """
        if lost is not None and lost.any():
            found = self.associate(detections.select(~lost), stamp_ns, sequence)
            rows = iter(self._rows)
            self._rows = [None if is_lost else next(rows) for is_lost in lost.tolist()]
            return found
        self._advance(stamp_ns, sequence)
        oldest_s = self._now_s - self._options.max_lost_s
        self._tracks = [
            t for t in self._tracks if t.state is not TrackState.LOST or t.seen_s >= oldest_s
        ]
        self._rows = [None] * len(detections)
        self._assign_all(detections)
        seen = set(map(id, self._rows))
        for track in [track for track in self._tracks if id(track) not in seen]:
            self._lose(track)
        for row in np.flatnonzero(detections.scores >= self._options.least_score).tolist():
            if self._rows[row] is None:
                self._rows[row] = self._born(detections, row)
        return self._identified(detections)

    def follow(self, update: TrackerUpdate, stamp_ns: int, sequence: int) -> Detections:
        """Take in where the tracker moved the rows of the last `associate`.

        Returns
        -------
        Detections
            The rows that were not lost, now or before.
        """
        self._advance(stamp_ns, sequence)
        boxes, is_lost = update.detections.boxes.tolist(), update.lost.tolist()
        for track, box, lost in zip(self._rows, boxes, is_lost, strict=True):
            if track is None or track.state is TrackState.LOST:
                continue
            if lost:
                self._lose(track)
            else:
                self._see(track, box)
        identified = self._identified(update.detections)
        return identified.select(~update.lost)

    def _advance(self, stamp_ns: int, sequence: int) -> None:
        """Let time pass; dropped frames count."""
        stamp_before, before = self._last or (stamp_ns, sequence - 1)
        frames = max(sequence - before, 1)
        elapsed_s = (stamp_ns - stamp_before) / 1e9
        self._period_s = elapsed_s / frames if elapsed_s > 0 else _USUAL_PERIOD_S
        self._now_s += frames * self._period_s
        self._last = stamp_ns, sequence

    def _assign_all(self, detections: Detections) -> None:
        options, strong = self._options, detections.scores >= self._options.strong_score
        margin, min_iou = options.margin, options.min_iou
        tentative = [t for t in self._tracks if t.state is TrackState.TENTATIVE]
        known = [t for t in self._tracks if t.state is not TrackState.TENTATIVE]
        self._assign(detections, np.flatnonzero(strong), known, min_iou, margin)
        seen = set(map(id, self._rows))
        in_sight = [t for t in known if t.state is TrackState.CONFIRMED and id(t) not in seen]
        self._assign(detections, np.flatnonzero(~strong), in_sight, options.min_weak_iou)
        is_free = np.array([track is None for track in self._rows], bool)
        startable = is_free & (detections.scores >= options.least_score)
        self._assign(detections, np.flatnonzero(startable), tentative, min_iou, margin)

    def _assign(
        self,
        detections: Detections,
        candidates: npt.NDArray[np.intp],
        tracks: list[Track],
        min_iou: float,
        margin: float = 0.0,
    ) -> None:
        """Match detections to tracks by overlap; fills the rows."""
        if not len(candidates) or not tracks:
            return
        boxes, scores = detections.boxes[candidates], detections.scores[candidates]
        predicted = np.array([track.motion.predict(self._now_s) for track in tracks], np.float32)
        overlap = iou_matrix(_grown(boxes, margin), _grown(predicted, margin))
        classes = np.array([track.class_id for track in tracks])
        is_other = detections.class_ids[candidates][:, None] != classes
        allowed = overlap >= min_iou
        cost = np.where(allowed, 1.0 - overlap + _OTHER_CLASS * is_other, _FORBIDDEN)
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if allowed[row, column]:
                track = tracks[column]
                track.best_score = max(track.best_score, float(scores[row]))
                self._see(track, boxes[row].tolist())
                self._rows[candidates[row]] = track

    def _see(self, track: Track, box: Sequence[float]) -> None:
        track.motion.see(box, self._now_s)
        track.seen_s = self._now_s
        track.hits += 1
        options = self._options
        is_weak = track.best_score < options.strong_score
        needed_s = options.sure_after_s * (2 if is_weak else 1)
        if (
            track.state is TrackState.LOST
            or track.best_score >= options.sure_score
            or self._now_s - track.born_s >= needed_s
        ):
            track.state = TrackState.CONFIRMED

    def _lose(self, track: Track) -> None:
        if track.state is TrackState.TENTATIVE:
            self._tracks.remove(track)
        track.state = TrackState.LOST

    def _born(self, detections: Detections, row: int) -> Track:
        now_s = self._now_s
        motion = Motion(detections.boxes[row].tolist(), now_s)
        score, class_id = float(detections.scores[row]), int(detections.class_ids[row])
        track = Track(self._next_id, class_id, motion, now_s, now_s, score)
        self._next_id += 1
        self._tracks.append(track)
        return track

    def _identified(self, detections: Detections) -> Detections:
        ids = [
            track.track_id if track is not None and track.state is TrackState.CONFIRMED else -1
            for track in self._rows
        ]
        return replace(detections, track_ids=np.array(ids, np.int64))


def _grown(boxes: Boxes, margin: float) -> Boxes:
    """Boxes with a margin of that share of their sides on each side."""
    if not margin:
        return boxes
    margins = np.float32(margin) * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - margins, boxes[:, 2:] + margins], axis=1)
