"""rosbag2 files (mcap), written without ROS: sources, and what a system made of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from rosbags.highlevel import AnyReaderError
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys.store import Typestore

from approx_perception.datasets._base import FrameSource
from approx_perception.datasets.bag_types import typestore_with_ours
from approx_perception.datasets.rosbag import GROUND_TRUTH_TOPIC, IMAGE_TOPIC
from approx_perception.exceptions import DatasetError
from approx_perception.structures import Frame, FrameResult, GroundTruth
from approx_perception.structures.boxes import centres_and_sides

__all__ = ["DEBUG_IMAGE_TOPIC", "DECISION_TOPIC", "DETECTIONS_TOPIC", "ResultBag", "write_bag"]

DETECTIONS_TOPIC = "/detections"
DECISION_TOPIC = "/decision"
DEBUG_IMAGE_TOPIC = "/debug_image/compressed"
_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_DETECTIONS = "approx_perception/msg/DetectionArray"
_DECISION = "approx_perception/msg/SchedulerDecision"
_BAG_VERSION: Literal[9] = 9
_JPEG_QUALITY = 85


class _BagMessages:
    """Builds messages of one typestore.

    Parameters
    ----------
    store
        Types to build.
    """

    def __init__(self, store: Typestore) -> None:
        self._types = store.types

    def header(self, stamp_ns: int) -> Any:
        stamp = self._types["builtin_interfaces/msg/Time"](
            sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000
        )
        return self._types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")

    def image(self, frame: Frame) -> Any:
        height, width = frame.image.shape[:2]
        return self._types[_IMAGE](
            header=self.header(frame.stamp_ns), height=height, width=width, encoding="bgr8",
            is_bigendian=0, step=3 * width, data=np.ascontiguousarray(frame.image).reshape(-1),
        )  # fmt: skip

    def _detection(self, box: Sequence[float], name: str, **values: Any) -> Any:
        return self._types["approx_perception/msg/Detection"](
            center_x=box[0], center_y=box[1], size_x=box[2], size_y=box[3], class_id=name, **values
        )

    def ground_truth(self, frame: Frame, truth: GroundTruth, names: Sequence[str]) -> Any:
        rows = centres_and_sides(truth.boxes).tolist()
        detections = [
            self._detection(
                rows[i], names[truth.class_ids[i]], class_index=int(truth.class_ids[i]),
                track_id=int(truth.track_ids[i]), score=0.0 if truth.ignored[i] else 1.0,
                source=0, age_frames=0,
            )
            for i in range(len(truth))
        ]  # fmt: skip
        return self._types[_DETECTIONS](
            header=self.header(frame.stamp_ns), detections=detections, branch="",
            processing_ms=0.0, age_ms=0.0,
        )  # fmt: skip

    def detections(self, result: FrameResult, names: Sequence[str], age_ms: float) -> Any:
        found = result.detections
        rows = centres_and_sides(found.boxes).tolist()
        detections = [
            self._detection(
                rows[i], names[found.class_ids[i]], class_index=int(found.class_ids[i]),
                track_id=int(found.track_ids[i]), score=float(found.scores[i]),
                source=0 if result.decision.starts_group else 1, age_frames=int(found.ages[i]),
            )
            for i in range(len(found))
        ]  # fmt: skip
        return self._types[_DETECTIONS](
            header=self.header(result.stamp_ns), detections=detections,
            branch=str(result.decision.branch), processing_ms=result.timings.processing_ms,
            age_ms=age_ms,
        )  # fmt: skip

    def decision(self, result: FrameResult, group_processing_ms: Sequence[float]) -> Any:
        decision, sla = result.decision, result.sla
        return self._types[_DECISION](
            header=self.header(result.stamp_ns), sla_latency_ms=sla.latency_ms,
            budget_ms=sla.latency_ms, sla_quantile=sla.quantile, sla_scope=sla.scope.value,
            branch=str(decision.branch), starts_group=decision.starts_group,
            run_detector=decision.starts_group,
            switched=decision.switched, expected_ms=decision.expected_ms,
            expected_quantile_ms=decision.expected_quantile_ms,
            expected_accuracy=decision.expected_accuracy, reason=decision.reason,
            cpu_contention=decision.contention.cpu, gpu_contention=decision.contention.gpu,
            slowdown=decision.contention.slowdown, contention_source=decision.contention.source,
            processing_ms=result.timings.processing_ms,
            group_processing_ms=np.array(group_processing_ms, np.float32),
        )  # fmt: skip

    def compressed(self, stamp_ns: int, image: npt.NDArray[np.uint8]) -> Any:
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, data = cv2.imencode(".jpg", image, quality)
        return self._types[_COMPRESSED](
            header=self.header(stamp_ns), format="jpeg", data=np.asarray(data, np.uint8).reshape(-1)
        )


class ResultBag:
    """A bag of what a system published: detections, decisions and annotated images.

    Opens in Foxglove and plays in ROS. Written frame by frame.

    Parameters
    ----------
    path
        Folder to make; must not exist.
    class_names
        What class ids mean.

    Raises
    ------
    DatasetError
        If the bag cannot be written.
    """

    def __init__(self, path: Path, class_names: Sequence[str]) -> None:
        self._path, self._names = path, class_names
        self._store = typestore_with_ours()
        self._messages = _BagMessages(self._store)
        try:
            self._writer = Writer(path, version=_BAG_VERSION, storage_plugin=StoragePlugin.MCAP)
            self._writer.open()
        except (WriterError, OSError) as error:
            raise DatasetError(f"cannot write the bag {path}: {error}") from error
        self._connections = {
            topic: self._writer.add_connection(topic, kind, typestore=self._store)
            for topic, kind in (
                (DETECTIONS_TOPIC, _DETECTIONS), (DECISION_TOPIC, _DECISION),
                (DEBUG_IMAGE_TOPIC, _COMPRESSED),
            )
        }  # fmt: skip
        self._group_ms: list[float] = []

    def __enter__(self) -> "ResultBag":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the bag."""
        self._writer.close()

    def write(
        self,
        result: FrameResult,
        annotated: npt.NDArray[np.uint8] | None = None,
        published_ns: int = 0,
    ) -> None:
        """Append a frame.

        Parameters
        ----------
        result
            What came of it.
        annotated
            ``(H, W, 3)`` uint8 BGR picture to go with it.
        published_ns
            When it was published, in the stream's time; 0: after its processing time.
        """
        stamp_ns = result.stamp_ns
        out_ns = published_ns or stamp_ns + round(result.timings.processing_ms * 1e6)
        if result.decision.starts_group:
            self._group_ms = []
        self._group_ms.append(result.timings.processing_ms)
        age_ms = (out_ns - stamp_ns) / 1e6
        self._append(
            DETECTIONS_TOPIC, out_ns, self._messages.detections(result, self._names, age_ms)
        )
        self._append(DECISION_TOPIC, out_ns, self._messages.decision(result, self._group_ms))
        if annotated is not None:
            self._append(DEBUG_IMAGE_TOPIC, out_ns, self._messages.compressed(stamp_ns, annotated))

    def _append(self, topic: str, time_ns: int, message: Any) -> None:
        connection = self._connections[topic]
        raw = self._store.serialize_cdr(message, connection.msgtype)
        try:
            self._writer.write(connection, time_ns, raw)
        except (WriterError, OSError) as error:
            raise DatasetError(f"cannot write the bag {self._path}: {error}") from error


def write_bag(
    path: Path, source: FrameSource, report: Callable[[int], None] = lambda _: None
) -> None:
    """Write a source as an mcap bag: images and, where it has it, ground truth.

    Parameters
    ----------
    path
        Folder to make; must not exist.
    source
        Its frames are written at their stamps.
    report
        Called after each frame with the number written.

    Raises
    ------
    DatasetError
        If the bag cannot be written.
    """
    store = typestore_with_ours()
    messages = _BagMessages(store)
    try:
        with Writer(path, version=_BAG_VERSION, storage_plugin=StoragePlugin.MCAP) as writer:
            images = writer.add_connection(IMAGE_TOPIC, _IMAGE, typestore=store)
            truths = None
            for count, entry in enumerate(source, start=1):
                stamp_ns = entry.frame.stamp_ns
                raw = store.serialize_cdr(messages.image(entry.frame), _IMAGE)
                writer.write(images, stamp_ns, raw)
                if entry.ground_truth is not None:
                    truths = truths or writer.add_connection(
                        GROUND_TRUTH_TOPIC, _DETECTIONS, typestore=store
                    )
                    truth = messages.ground_truth(
                        entry.frame, entry.ground_truth, source.class_names
                    )
                    writer.write(truths, stamp_ns, store.serialize_cdr(truth, _DETECTIONS))
                report(count)
    except (WriterError, AnyReaderError, OSError) as error:
        raise DatasetError(f"cannot write the bag {path}: {error}") from error
