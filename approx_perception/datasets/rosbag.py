"""rosbag2 files (mcap and sqlite3), read without ROS."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.image_messages import decode_compressed, decode_raw, stamp_ns
from approx_perception.exceptions import DatasetError, InvalidFrameError, choices
from approx_perception.share import share_folder
from approx_perception.structures import Frame, GroundTruth
from approx_perception.structures.boxes import corners

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
        self, reader: AnyReader, topic: str | None
    ) -> tuple[dict[int, GroundTruth], tuple[str, ...]]:
        arrays = {
            c.topic: c for c in reader.connections if c.msgtype in (_DETECTIONS, _VISION_DETECTIONS)
        }
        if topic is not None and topic not in arrays:
            raise DatasetError(
                f"{self._path} has no detections on {topic!r}; it has them on {choices(arrays)}"
            )
        connection = arrays.get(topic or GROUND_TRUTH_TOPIC)
        if connection is None:
            return {}, ()
        messages: list[Any] = [
            reader.deserialize(raw, connection.msgtype)
            for connection, _, raw in self._messages(reader, [connection])
        ]
        if connection.msgtype == _VISION_DETECTIONS:
            return _from_vision_messages(messages)
        names = {d.class_index: d.class_id for array in messages for d in array.detections}
        class_names = tuple(names.get(i, "") for i in range(max(names, default=-1) + 1))
        return {stamp_ns(array.header): _to_ground_truth(array) for array in messages}, class_names


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


def _from_vision_messages(
    messages: list[Any],
) -> tuple[dict[int, GroundTruth], tuple[str, ...]]:
    """Ground truth of Detection2DArray, by stamp, and the class names in it.

    The best hypothesis of a detection is its class; one without any is ignored. Identities are
    the detections' ``id``, numbered as they come where they are no numbers.
    """
    rows: dict[int, list[tuple[float, float, float, float, str, str, bool]]] = {}
    for array in messages:
        own = rows.setdefault(stamp_ns(array.header), [])
        for detection in array.detections:
            best = max(
                (result.hypothesis for result in detection.results), default=None,
                key=lambda hypothesis: hypothesis.score,
            )  # fmt: skip
            box = detection.bbox
            place = box.center.position
            name = "" if best is None else best.class_id
            ignored = best is None or best.score <= 0
            own.append((place.x, place.y, box.size_x, box.size_y, name, str(detection.id), ignored))
    class_names = tuple(sorted({row[4] for own in rows.values() for row in own} - {""}))
    class_ids = {name: index for index, name in enumerate(class_names)}
    track_ids: dict[str, int] = {}
    truths = {}
    for stamp, own in rows.items():
        identities = [
            track_ids.setdefault(text, len(track_ids)) if text else -1 for *_, text, _ in own
        ]
        truths[stamp] = GroundTruth(
            corners(np.array([row[:4] for row in own], np.float32).reshape(-1, 4)),
            np.array([class_ids.get(row[4], 0) for row in own], np.int64),
            np.array(identities, np.int64),
            np.array([row[6] for row in own], bool),
        )
    return truths, class_names
