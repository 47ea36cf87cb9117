"""Results in other people's formats."""

import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from approx_perception.datasets.bag_writer import ResultBag
from approx_perception.files import replace_text
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.metrics.run_record import RunRecord
from approx_perception.notices import notice
from approx_perception.pipeline.driver import Listener
from approx_perception.reports.tasks.by_task import report_of
from approx_perception.structures import Frame, FrameResult

__all__ = ["ResultFiles"]


class ResultFiles:
    """``results_bag/`` while a run goes on; the files of `TaskReport.exports` when it is done.

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

    def listeners(self, name: str, task: str, class_names: tuple[str, ...]) -> list[Listener]:
        """What writes a system's bag, told of its frames; nothing where its task has none."""
        if not report_of(task).writes_bag:
            notice(f"results of {task} are exported as files; there is no bag of them")
            return []
        # rosbag2 names its files after the folder.
        path = self._folder / f".unfinished-{len(self._bags)}" / "results_bag"
        return [self._bags.setdefault(name, _Bag(path, class_names))]

    def finish(self, folder: Path, record: RunRecord) -> None:
        """Put a system's files beside its record."""
        if bag := self._bags.pop(str(record.metadata["system"]), None):
            bag.finish(folder / "results_bag")
        for name, content in report_of(record.scoring.task).exports(record):
            replace_text(folder / name, content)


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
