"""Results in other people's formats: MOT, COCO and rosbag2."""

import json
import shutil
from pathlib import Path
from types import TracebackType

import numpy as np

from approx_perception.datasets.bag_writer import ResultBag
from approx_perception.files import replace_text
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.metrics.coco import coco_results, coco_truth
from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import Frame, FrameResult

__all__ = ["ResultFiles", "mot_lines"]


def mot_lines(record: RunRecord) -> str:
    """Detections as ``frame,id,x,y,w,h,score,class,-1``, frames and classes from 1, px."""
    lines = []
    for frame in np.flatnonzero(record.frames["processed"]).tolist():
        found = record.detections(frame)
        number = int(record.frames["sequence"][frame]) + 1
        for index, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            lines.append(
                f"{number},{found.track_ids[index]},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
                f"{found.scores[index]:.5f},{found.class_ids[index] + 1},-1\n"
            )
    return "".join(lines)


class ResultFiles:
    """``results_bag/`` while a run goes on; ``mot.txt`` and COCO files when it is done.

    Parameters
    ----------
    folder
        Of the run.
    enabled
        Off: nothing is written.
    """

    def __init__(self, folder: Path, enabled: bool) -> None:
        self._folder, self._enabled = folder, enabled
        self._bags: dict[str, ResultBag] = {}
        self._paths: dict[str, Path] = {}

    def __enter__(self) -> "ResultFiles":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name, bag in self._bags.items():
            bag.close()
            shutil.rmtree(self._paths[name].parent)

    def write(
        self, name: str, class_names: tuple[str, ...], frame: Frame, result: FrameResult
    ) -> None:
        """Append a frame of a system to its bag."""
        if not self._enabled:
            return
        if name not in self._bags:
            # rosbag2 names its files after the folder.
            self._paths[name] = self._folder / f".unfinished-{len(self._paths)}" / "results_bag"
            shutil.rmtree(self._paths[name].parent, ignore_errors=True)
            self._paths[name].parent.mkdir(parents=True)
            self._bags[name] = ResultBag(self._paths[name], class_names)
        timings, decision = result.timings, result.decision
        lines = status_lines(
            decision.branch, timings.processing_ms, result.sla.latency_ms, decision.run_detector
        )
        picture = annotate(frame.image, result.detections, class_names, lines)
        self._bags[name].write(result, picture)

    def finish(self, folder: Path, record: RunRecord) -> None:
        """Put a system's files beside its record."""
        if not self._enabled:
            return
        name = str(record.metadata["system"])
        if name in self._bags:
            self._bags.pop(name).close()
            self._paths[name].rename(folder / "results_bag")
            self._paths[name].parent.rmdir()
        replace_text(folder / "mot.txt", mot_lines(record))
        replace_text(folder / "coco_results.json", json.dumps(coco_results([record])))
        replace_text(folder / "coco_ground_truth.json", json.dumps(coco_truth([record])))
