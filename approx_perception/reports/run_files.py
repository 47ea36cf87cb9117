"""The files of an offline run."""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import yaml

from approx_perception.exceptions import ConfigurationError, OutputError
from approx_perception.files import replace_text
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.machine import environment
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.reports.tasks.by_task import report_of
from approx_perception.structures import Frame, FrameResult

__all__ = ["RunFiles", "VideoFileWriter", "write_config"]

#: While a network is loaded, or a camera is lost.
_LONGEST_GAP_S = 1.0


def write_config(path: Path, config: dict[str, Any]) -> None:
    """Write the effective configuration with versions and machine."""
    text = yaml.safe_dump({**config, **environment()}, sort_keys=False)
    replace_text(path, text)


class VideoFileWriter:
    """An mp4 whose size is that of its first frame; later ones are brought to it.

    Parameters
    ----------
    path
        File to write.
    fps
        Frames per second.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, image: Any) -> None:
        """Append an ``(H, W, 3)`` uint8 BGR image.

        Raises
        ------
        ConfigurationError
            If OpenCV cannot write mp4 files.
        """
        if self._writer is None:
            self._size = image.shape[1], image.shape[0]
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._path), codec, self._fps, self._size)
            if not self._writer.isOpened():
                raise ConfigurationError(f"this OpenCV cannot write {self._path}")
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size)
        self._writer.write(image)

    def close(self) -> None:
        """Finish the file.

        Raises
        ------
        OutputError
            If it is not whole: OpenCV says nothing when the disk is full.
        """
        if self._writer is not None:
            self._writer.release()
            if not cv2.VideoCapture(str(self._path)).isOpened():
                raise OutputError(f"cannot write {self._path} whole; the disk may be full")


class RunFiles:
    """The files of `TaskReport.headers`, ``frames.csv`` and, if wanted, ``annotated.mp4``.

    Written frame by frame.

    Parameters
    ----------
    folder
        Where to write.
    task
        Of the outputs.
    class_names
        What class ids mean.
    video_fps
        None for no video.
    caution
        Written on each image of the video; empty for nothing.
    frame_paths
        Files of the frames, whose names go into ``frames.csv``; empty where frames have none.
    is_live
        Whether frames come at any times; the video then shows each as long as it was the newest.
    """

    def __init__(
        self,
        folder: Path,
        task: str,
        class_names: Sequence[str],
        video_fps: float | None,
        caution: str = "",
        frame_paths: Sequence[Path] = (),
        is_live: bool = False,
    ) -> None:
        self._class_names, self._caution = class_names, caution
        self._names = [path.name for path in frame_paths]
        self._report, self._scoring = report_of(task), scoring_of(task)
        self._files = ExitStack()
        # Quotes names that hold commas, quotes or line breaks.
        self._outputs = {
            name: self._table(folder / name, header, "\n")
            for name, header in self._report.headers.items()
        }
        self._stages = (*self._scoring.stages, "processing_ms")
        self._frames = self._table(folder / "frames.csv", [
            "frame", "stamp_ns", "branch", "source", self._report.count_name, *self._stages,
            "beside_ms", "beside_age_ms", "sla_ms", "sla_quantile", "sla_scope", "expected_ms",
            "expected_quantile_ms", "reason", "file", *self._scoring.content_columns,
        ])  # fmt: skip
        self._video = None
        if video_fps is not None:
            self._video = VideoFileWriter(folder / "annotated.mp4", video_fps)
        self._live_fps = video_fps if is_live else None
        self._last_ns: int | None = None

    def _table(self, path: Path, header: Sequence[str], line_end: str = "\r\n") -> Any:
        """CSV writer of a file that ends with this."""
        file = self._files.enter_context(path.open("w", encoding="utf-8", newline=""))
        rows = csv.writer(file, lineterminator=line_end)
        if header:
            rows.writerow(header)
        return rows

    def __enter__(self) -> "RunFiles":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()
        if self._video is not None:
            self._video.close()

    def add(self, frame: Frame, result: FrameResult | None, *_: Any) -> None:
        """Append one frame; one that failed left nothing. See `Listener`."""
        if result is None:
            return
        number = frame.sequence + 1
        output, decision, sla = result.output, result.decision, result.sla
        for name, row in self._report.rows_of(number, result.stamp_ns, output, self._class_names):
            self._outputs[name].writerow(row)
        first, other = self._report.frame_words
        content = self._scoring.content_of(result.content)
        self._frames.writerow(
            [number, result.stamp_ns, decision.branch, first if decision.starts_group else other,
             len(output), *(f"{result.timings.of(stage):.3f}" for stage in self._stages),
             *(f"{ms:.3f}" for ms in result.taken_in), sla.latency_ms, sla.quantile,
             sla.scope.value, f"{decision.expected_ms:.3f}",
             f"{decision.expected_quantile_ms:.3f}", decision.reason,
             self._names[frame.sequence] if self._names else "", *content.values()]
        )  # fmt: skip
        if self._video is not None:
            lines = status_lines(decision, result.timings.processing_ms, sla.latency_ms)
            lines += [self._caution] if self._caution else []
            image = annotate(frame.image, output, self._class_names, lines)
            for _repeat in range(self._repeats(frame.stamp_ns)):
                self._video.write(image)

    def _repeats(self, stamp_ns: int) -> int:
        """How often a frame stands in the video."""
        last_ns, self._last_ns = self._last_ns, stamp_ns
        if self._live_fps is None or last_ns is None:
            return 1
        gap_s = min((stamp_ns - last_ns) / 1e9, _LONGEST_GAP_S)
        return max(round(gap_s * self._live_fps), 1)
