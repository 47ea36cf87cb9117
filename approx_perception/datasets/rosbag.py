"""rosbag2 files (mcap and sqlite3), read without ROS."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.bag_truth import (
    TruthByStamp,
    truth_of_ours,
    truth_of_vision_msgs,
)
from approx_perception.datasets.image_messages import ImageDecoder, stamp_ns
from approx_perception.exceptions import DatasetError, InvalidFrameError, choices
from approx_perception.share import share_folder
from approx_perception.structures import Frame

__all__ = ["GROUND_TRUTH_TOPIC", "IMAGE_TOPIC", "RosBag", "typestore_with_ours"]

IMAGE_TOPIC = "/camera/image_raw"
GROUND_TRUTH_TOPIC = "/ground_truth"
_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_DETECTIONS = "approx_perception/msg/DetectionArray"
_VISION_DETECTIONS = "vision_msgs/msg/Detection2DArray"


def typestore_with_ours() -> Typestore:
    """Types of ROS 2 Jazzy and this package's messages."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for path in sorted(share_folder("msg").glob("*.msg")):
        text = path.read_text(encoding="utf-8")
        store.register(get_types_from_msg(text, f"approx_perception/msg/{path.stem}"))
    return store


class RosBag(FrameSource):
    """Images of one topic of a bag, with ground truth where the bag has it.

    Ground truth is a DetectionArray or vision_msgs/Detection2DArray whose stamps equal the
    images'; a score of 0 marks an object to ignore.

    Parameters
    ----------
    path
        Folder of a rosbag2, or an mcap file.
    topic
        Image topic; may be left out where there is just one.
    ground_truth_topic
        ``/ground_truth`` where it is there, if left out.

    Raises
    ------
    DatasetError
        If the bag cannot be read, or a topic is missing or not told.
    """

    def __init__(
        self, path: Path, topic: str | None = None, ground_truth_topic: str | None = None
    ) -> None:
        self._path = path
        self.name = path.name
        with closing(self._open()) as reader:
            self._topic = self._choose_topic(reader, topic)
            messages = sum(c.msgcount for c in reader.connections if c.topic == self._topic)
            self.frame_count = int(messages)
            duration_s = reader.duration / 1e9
            self._truth_by_stamp, self.class_names = self._read_ground_truth(
                reader, ground_truth_topic
            )
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
        clock, decoder = MonotonicClock(), ImageDecoder()
        with closing(self._open()) as reader:
            connections = [c for c in reader.connections if c.topic == self._topic]
            for index, (connection, _, raw) in enumerate(self._messages(reader, connections)):
                message: Any = reader.deserialize(raw, connection.msgtype)
                decode: Callable[[Any], Any]
                decode = decoder.raw if connection.msgtype == _IMAGE else decoder.compressed
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
        self, reader: AnyReader, topic: str | None
    ) -> tuple[TruthByStamp, tuple[str, ...]]:
        arrays = {
            c.topic: c for c in reader.connections if c.msgtype in (_DETECTIONS, _VISION_DETECTIONS)
        }
        if topic is not None and topic not in arrays:
            raise DatasetError(
                f"{self._path} has no detections on {topic!r}; it has them on {choices(arrays)}"
            )
        connection = arrays.get(topic or GROUND_TRUTH_TOPIC)
        if connection is None:
            return TruthByStamp([]), ()
        self.truth_name = connection.topic
        messages = (
            reader.deserialize(raw, connection.msgtype)
            for connection, _, raw in self._messages(reader, [connection])
        )
        read = truth_of_ours if connection.msgtype == _DETECTIONS else truth_of_vision_msgs
        try:
            truth, class_names = read(messages)
        except DatasetError as error:
            raise DatasetError(f"{self._path}, {connection.topic}: {error}") from error
        self.truth_objects = truth.object_count
        return truth, class_names

    def truth_remarks(self) -> tuple[str, ...]:
        """See `FrameSource`; known once the images were read."""
        missed_by_ns = self._truth_by_stamp.missed_by_ns
        if missed_by_ns is None:
            return ()
        return (
            f"the truth of an image is that of its stamp; the closest that none has is "
            f"{missed_by_ns / 1e6:.3f} ms beside",
        )
