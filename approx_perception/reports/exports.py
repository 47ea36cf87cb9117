"""Results in other people's formats: MOT, COCO and rosbag2."""

import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from approx_perception.datasets.bag_writer import ResultBag
from approx_perception.files import replace_text
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.metrics.coco import coco_results, coco_truth
from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import Frame, FrameResult

__all__ = ["ResultFiles", "mot_lines"]


def mot_lines(record: RunRecord, identified: bool = True) -> str:
    """Objects as ``frame,id,x,y,w,h,score,class,-1``, frames and classes from 1, px.

    Parameters
    ----------
    record
        Of the run.
    identified
        Whether those that have an identity, or those that have none (id -1).
    """
    lines = []
    for frame in np.flatnonzero(record.frames["processed"]).tolist():
        found = record.output(frame)
        found = found.select((found.track_ids >= 0) == identified)
        number = int(record.frames["sequence"][frame]) + 1
        for index, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            lines.append(
                f"{number},{found.track_ids[index]},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
                f"{found.scores[index]:.5f},{found.class_ids[index] + 1},-1\n"
            )
    return "".join(lines)


class ResultFiles:
    """``results_bag/`` while a run goes on; MOTChallenge and COCO files when it is done.

    MOTChallenge's own tools refuse a frame with two rows of the id -1: objects without an identity
    are in ``mot_unidentified.txt``.

    Parameters
    ----------
    folder
        Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bags: dict[str, _Bag] = {}

    def __enter__(self) -> "ResultFiles":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for bag in self._bags.values():
            bag.discard()

    def listener(self, name: str, class_names: tuple[str, ...]) -> "_Bag":
        """What writes a system's bag, told of its frames."""
        # rosbag2 names its files after the folder.
        path = self._folder / f".unfinished-{len(self._bags)}" / "results_bag"
        return self._bags.setdefault(name, _Bag(path, class_names))

    def finish(self, folder: Path, record: RunRecord) -> None:
        """Put a system's files beside its record."""
        if bag := self._bags.pop(str(record.metadata["system"]), None):
            bag.finish(folder / "results_bag")
        replace_text(folder / "mot.txt", mot_lines(record))
        replace_text(folder / "mot_unidentified.txt", mot_lines(record, identified=False))
        replace_text(folder / "coco_results.json", json.dumps(coco_results([record])))
        replace_text(folder / "coco_ground_truth.json", json.dumps(coco_truth([record])))


class _Bag:
    """A bag of results that begins with the first of them, in a folder of its own until done."""

    def __init__(self, path: Path, class_names: tuple[str, ...]) -> None:
        self._path, self._class_names = path, class_names
        self._bag: ResultBag | None = None

    def add(self, frame: Frame, result: FrameResult | None, *_: Any) -> None:
        """Append a frame; see `Listener`."""
        if result is None:
            return
        if self._bag is None:
            shutil.rmtree(self._path.parent, ignore_errors=True)
            self._path.parent.mkdir(parents=True)
            self._bag = ResultBag(self._path, self._class_names)
        lines = status_lines(result.decision, result.timings.processing_ms, result.sla.latency_ms)
        self._bag.write(result, annotate(frame.image, result.output, self._class_names, lines))

    def finish(self, target: Path) -> None:
        """Close it and put it in its place."""
        if self._bag is not None:
            self._bag.close()
            self._path.rename(target)
            self._path.parent.rmdir()

    def discard(self) -> None:
        """Close and remove it."""
        if self._bag is not None:
            self._bag.close()
            shutil.rmtree(self._path.parent)
