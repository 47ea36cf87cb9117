"""Give detections the identities of the tracks that they continue."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from approx_perception.association.track import Track, TrackState
from approx_perception.structures import Detections
from approx_perception.structures.boxes import iou_matrix
from approx_perception.trackers import TrackerUpdate

__all__ = ["Associator", "AssociatorOptions"]

_FORBIDDEN = 1e6


@dataclass(frozen=True, slots=True)
class AssociatorOptions:
    """Life cycle of tracks.

    Attributes
    ----------
    birth_score
        Weaker detections continue a track but never start one.
    min_iou
        Overlap with the predicted box below which a detection is another object.
    confirm_after_hits
        Frames in which an object must be seen before it gets a public identity.
    max_lost_frames
        Camera frames after which a lost object's identity is given up.
    """

    birth_score: float = 0.3
    min_iou: float = 0.2
    confirm_after_hits: int = 3
    max_lost_frames: int = 30


class Associator:
    """Keep identities through detection frames, tracked frames and gaps.

    Strong detections are assigned first, weak ones to what is left (as in ByteTrack, Zhang
    et al. 2022). The order of the frames is told by their sequence numbers, so that dropped
    frames count as time passed.

    Parameters
    ----------
    options
        Life cycle of tracks.
    """

    def __init__(self, options: AssociatorOptions | None = None) -> None:
        self._options = options or AssociatorOptions()
        self._tracks: list[Track] = []
        #: Track of each row of the last output; None for detections too weak for one.
        self._rows: list[Track | None] = []
        self._next_id = 1

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All tracks alive, lost ones included."""
        return tuple(self._tracks)

    def speeds_px_per_frame(self, detections: Detections) -> npt.NDArray[np.float32]:
        """``(N,)`` speeds of the last output's objects; nan for those without a known one."""
        by_id = {t.track_id: t for t in self._rows if t is not None and t.hits > 1}
        return np.array(
            [
                float(np.hypot(*by_id[int(i)].velocity)) if int(i) in by_id else np.nan
                for i in detections.track_ids
            ],
            np.float32,
        )

    def reset(self) -> None:
        """Forget all objects; identities go on counting, so none is given twice."""
        self._tracks, self._rows = [], []

    def associate(self, detections: Detections, sequence: int) -> Detections:
        """Take in the detections of a frame, an empty one too.

        Parameters
        ----------
        detections
            Of the detector, in any order.
        sequence
            Sequence number of the frame.

        Returns
        -------
        Detections
            The same rows with the identities of confirmed tracks.
        """
        self._drop_expired(sequence)
        rows: list[Track | None] = [None] * len(detections)
        strong = detections.scores >= self._options.birth_score
        self._assign(detections, np.flatnonzero(strong), self._tracks, sequence, rows)
        seen = {id(track) for track in rows if track is not None}
        rest = [t for t in self._tracks if id(t) not in seen and t.state is TrackState.CONFIRMED]
        self._assign(detections, np.flatnonzero(~strong), rest, sequence, rows)
        self._age_unseen(rows)
        for row in np.flatnonzero(strong):
            if rows[row] is None:
                rows[row] = self._born(detections, int(row), sequence)
        self._rows = rows
        return self._identified(detections)

    def follow(self, update: TrackerUpdate, sequence: int) -> Detections:
        """Take in where the tracker moved the rows of the last `associate`.

        Returns
        -------
        Detections
            The rows that were not lost, now or before.
        """
        for row, track in enumerate(self._rows):
            if track is None or track.state is TrackState.LOST:
                continue
            if not update.lost[row]:
                box = update.detections.boxes[row]
                track.see(box, sequence, self._options.confirm_after_hits)
            else:
                self._lose(track)
        identified = self._identified(update.detections)
        return identified.select(~update.lost)

    def _assign(
        self,
        detections: Detections,
        candidates: npt.NDArray[np.intp],
        tracks: list[Track],
        sequence: int,
        rows: list[Track | None],
    ) -> None:
        """Match detections to tracks of their class by overlap; fills ``rows``."""
        if not len(candidates) or not tracks:
            return
        predicted = np.stack([track.predict(sequence) for track in tracks])
        overlap = iou_matrix(detections.boxes[candidates], predicted)
        classes = np.array([track.class_id for track in tracks])
        allowed = (overlap >= self._options.min_iou) & (
            detections.class_ids[candidates][:, None] == classes
        )
        cost = np.where(allowed, 1.0 - overlap, _FORBIDDEN)
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if allowed[row, column]:
                detection = int(candidates[row])
                track = tracks[column]
                box = detections.boxes[detection]
                track.see(box, sequence, self._options.confirm_after_hits)
                rows[detection] = track

    def _age_unseen(self, rows: list[Track | None]) -> None:
        """Lose confirmed tracks that no detection continued; drop tentative ones."""
        seen = {id(track) for track in rows if track is not None}
        for track in [track for track in self._tracks if id(track) not in seen]:
            self._lose(track)

    def _lose(self, track: Track) -> None:
        if track.state is TrackState.TENTATIVE:
            self._tracks.remove(track)
        track.state = TrackState.LOST

    def _drop_expired(self, sequence: int) -> None:
        limit = sequence - self._options.max_lost_frames
        self._tracks = [
            t for t in self._tracks if t.state is not TrackState.LOST or t.last_seen >= limit
        ]

    def _born(self, detections: Detections, row: int, sequence: int) -> Track:
        class_id = int(detections.class_ids[row])
        track = Track(self._next_id, class_id, detections.boxes[row], sequence)
        self._next_id += 1
        self._tracks.append(track)
        return track

    def _identified(self, detections: Detections) -> Detections:
        ids = [
            track.track_id if track is not None and track.state is TrackState.CONFIRMED else -1
            for track in self._rows
        ]
        return replace(detections, track_ids=np.array(ids, np.int64))
