"""The files of an offline run."""

import csv
from collections.abc import Sequence
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
from approx_perception.structures import Frame, FrameResult

__all__ = ["RunFiles", "VideoFileWriter", "write_config"]

_STAGES = (*scoring_of("detection").stages, "processing_ms")


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
    """``detections.txt``, ``unidentified.txt``, ``frames.csv`` and, if wanted, ``annotated.mp4``.

    Written frame by frame. Objects without an identity have a file of their own: tools for tracks
    take rows that share the id -1 for one object that is in many places.

    Parameters
    ----------
    folder
        Where to write.
    class_names
        What class ids mean.
    video_fps
        None for no video.
    caution
        Written on each image of the video; empty for nothing.
    frame_paths
        Files of the frames, whose names go into ``frames.csv``; empty where frames have none.
    """

    def __init__(
        self,
        folder: Path,
        class_names: Sequence[str],
        video_fps: float | None,
        caution: str = "",
        frame_paths: Sequence[Path] = (),
    ) -> None:
        self._class_names, self._caution = class_names, caution
        self._names = [path.name for path in frame_paths]
        self._detections, self._unidentified = (
            (folder / name).open("w", encoding="utf-8", newline="")
            for name in ("detections.txt", "unidentified.txt")
        )
        # Quotes names that hold commas, quotes or line breaks.
        self._identified_rows, self._unidentified_rows = (
            csv.writer(file, lineterminator="\n") for file in (self._detections, self._unidentified)
        )
        self._frames = (folder / "frames.csv").open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._frames)
        self._rows.writerow(
            ["frame", "stamp_ns", "branch", "source", "objects", *_STAGES, "sla_ms", "sla_quantile",
             "sla_scope", "expected_ms", "expected_quantile_ms", "reason", "file"]
        )  # fmt: skip
        self._video = None
        if video_fps is not None:
            self._video = VideoFileWriter(folder / "annotated.mp4", video_fps)

    def __enter__(self) -> "RunFiles":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._detections.close()
        self._unidentified.close()
        self._frames.close()
        if self._video is not None:
            self._video.close()

    def add(self, frame: Frame, result: FrameResult | None, *_: Any) -> None:
        """Append one frame; one that failed left nothing. See `Listener`."""
        if result is None:
            return
        number = frame.sequence + 1
        found, decision, sla = result.detections, result.decision, result.sla
        for index in range(len(found)):
            x1, y1, x2, y2 = found.boxes[index].tolist()
            name = self._class_names[found.class_ids[index]]
            box = (f"{value:.2f}" for value in (x1, y1, x2 - x1, y2 - y1))
            score, identity = f"{found.scores[index]:.5f}", found.track_ids[index]
            rows = self._identified_rows if identity >= 0 else self._unidentified_rows
            rows.writerow([number, identity, *box, score, name])
        self._rows.writerow(
            [number, result.stamp_ns, decision.branch,
             "detected" if decision.starts_group else "tracked", len(found),
             *(f"{result.timings.of(stage):.3f}" for stage in _STAGES), sla.latency_ms,
             sla.quantile, sla.scope.value, f"{decision.expected_ms:.3f}",
             f"{decision.expected_quantile_ms:.3f}", decision.reason,
             self._names[frame.sequence] if self._names else ""]
        )  # fmt: skip
        if self._video is not None:
            lines = status_lines(decision, result.timings.processing_ms, sla.latency_ms)
            lines += [self._caution] if self._caution else []
            self._video.write(annotate(frame.image, found, self._class_names, lines))
