"""rosbag2 files (mcap and sqlite3), read and written without ROS."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.image_messages import decode_compressed, decode_raw, stamp_ns
from approx_perception.exceptions import DatasetError, InvalidFrameError, choices
from approx_perception.share import share_folder
from approx_perception.structures import Frame, GroundTruth
from approx_perception.structures.boxes import centres_and_sides, corners

__all__ = ["GROUND_TRUTH_TOPIC", "IMAGE_TOPIC", "RosBag", "write_bag"]

IMAGE_TOPIC = "/camera/image_raw"
GROUND_TRUTH_TOPIC = "/ground_truth"
_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_DETECTIONS = "approx_perception/msg/DetectionArray"
_BAG_VERSION: Literal[9] = 9


def typestore_with_ours() -> Typestore:
    """Types of ROS 2 Jazzy and this package's messages."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for path in sorted(share_folder("msg").glob("*.msg")):
        text = path.read_text(encoding="utf-8")
        store.register(get_types_from_msg(text, f"approx_perception/msg/{path.stem}"))
    return store


class RosBag(FrameSource):
    """Images of one topic of a bag, with ground truth where the bag has it.

    Ground truth is a DetectionArray topic called ``/ground_truth`` whose stamps equal the
    images'.

    Parameters
    ----------
    path
        Folder of a rosbag2, or an mcap file.
    topic
        Image topic; may be left out where there is just one.

    Raises
    ------
    DatasetError
        If the bag cannot be read, or the topic is missing or not told.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        self._path = path
        self.name = path.name
        with closing(self._open()) as reader:
            self._topic = self._choose_topic(reader, topic)
            messages = sum(c.msgcount for c in reader.connections if c.topic == self._topic)
            self.frame_count = int(messages)
            duration_s = reader.duration / 1e9
            self._truth_by_stamp, self.class_names = self._read_ground_truth(reader)
        if self.frame_count == 0:
            raise DatasetError(f"{path} has no messages on {self._topic}")
        self.fps = (self.frame_count - 1) / duration_s if duration_s > 0 else 30.0
        self.fps = max(self.fps, 0.1)

    def _open(self) -> AnyReader:
        try:
            reader = AnyReader([self._path], default_typestore=typestore_with_ours())
            reader.open()
        except Exception as error:  # rosbags lets errors of its storages through
            reason = " ".join(str(error).split())
            raise DatasetError(f"{self._path} is no bag that can be read: {reason}") from error
        return reader

    @staticmethod
    def _image_topics(reader: AnyReader) -> list[str]:
        return sorted({c.topic for c in reader.connections if c.msgtype in (_IMAGE, _COMPRESSED)})

    def _choose_topic(self, reader: AnyReader, topic: str | None) -> str:
        topics = self._image_topics(reader)
        if not topics:
            raise DatasetError(f"{self._path} has no image topic")
        if topic is None and len(topics) == 1:
            return topics[0]
        if topic not in topics:
            asked = "" if topic is None else f" but not {topic!r}"
            raise DatasetError(
                f"{self._path} has the image topics {', '.join(topics)}{asked}; "
                f"choose {choices(topics)}"
            )
        return topic

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all images; see `FrameSource`."""
        clock = MonotonicClock()
        with closing(self._open()) as reader:
            connections = [c for c in reader.connections if c.topic == self._topic]
            for index, (connection, _, raw) in enumerate(self._messages(reader, connections)):
                message: Any = reader.deserialize(raw, connection.msgtype)
                decode: Callable[[Any], Any]
                decode = decode_raw if connection.msgtype == _IMAGE else decode_compressed
                start_ns = clock.monotonic_ns()
                try:
                    image = decode(message)
                except InvalidFrameError as error:
                    raise DatasetError(
                        f"{self._path}, message {index} of {self._topic}: {error}"
                    ) from error
                decode_ms = (clock.monotonic_ns() - start_ns) / 1e6
                image_stamp_ns = stamp_ns(message.header)
                frame = Frame(image, image_stamp_ns, self._topic, index, decode_ms)
                yield LabelledFrame(frame, self._truth_by_stamp.get(image_stamp_ns))

    def _messages(
        self, reader: AnyReader, connections: list[Connection]
    ) -> Iterator[tuple[Connection, int, bytes]]:
        try:
            yield from reader.messages(connections)
        except DatasetError:
            raise
        except Exception as error:  # rosbags lets errors of its storages through
            reason = " ".join(str(error).split())
            raise DatasetError(f"{self._path} breaks off on {self._topic}: {reason}") from error

    def _read_ground_truth(
        self, reader: AnyReader
    ) -> tuple[dict[int, GroundTruth], tuple[str, ...]]:
        connections = [
            c
            for c in reader.connections
            if c.topic == GROUND_TRUTH_TOPIC and c.msgtype == _DETECTIONS
        ]
        arrays: list[Any] = [
            reader.deserialize(raw, connection.msgtype)
            for connection, _, raw in (self._messages(reader, connections) if connections else ())
        ]
        names = {d.class_index: d.class_id for array in arrays for d in array.detections}
        class_names = tuple(names.get(i, "") for i in range(max(names, default=-1) + 1))
        return {stamp_ns(array.header): _to_ground_truth(array) for array in arrays}, class_names


def _to_ground_truth(array: Any) -> GroundTruth:
    """Objects of a message; a score of 0 marks one to ignore."""
    rows = np.array(
        [(d.center_x, d.center_y, d.size_x, d.size_y) for d in array.detections], np.float32
    ).reshape(-1, 4)
    return GroundTruth(
        corners(rows),
        np.array([d.class_index for d in array.detections], np.int64),
        np.array([d.track_id for d in array.detections], np.int64),
        np.array([d.score <= 0 for d in array.detections], bool),
    )


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

    def ground_truth(self, frame: Frame, truth: GroundTruth, names: tuple[str, ...]) -> Any:
        build = self._types["approx_perception/msg/Detection"]
        rows = centres_and_sides(truth.boxes).tolist()
        detections = [
            build(
                track_id=int(truth.track_ids[i]), class_id=names[truth.class_ids[i]],
                class_index=int(truth.class_ids[i]), score=0.0 if truth.ignored[i] else 1.0,
                center_x=rows[i][0], center_y=rows[i][1], size_x=rows[i][2], size_y=rows[i][3],
                source=0, age_frames=0,
            )
            for i in range(len(truth))
        ]  # fmt: skip
        return self._types[_DETECTIONS](
            header=self.header(frame.stamp_ns), detections=detections, branch="",
            processing_ms=0.0, age_ms=0.0,
        )  # fmt: skip


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
