"""rosbag2 files (mcap and sqlite3), read without ROS."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.bag_files import BagFiles, StoredMessage
from approx_perception.datasets.bag_truth import (
    TruthByStamp,
    truth_of_ours,
    truth_of_vision_msgs,
)
from approx_perception.datasets.image_header import MAX_IMAGE_PX
from approx_perception.datasets.image_messages import ImageDecoder, stamp_ns
from approx_perception.datasets.longest_rise import longest_rise
from approx_perception.datasets.losses import Losses
from approx_perception.exceptions import DatasetError, choices, shown
from approx_perception.notices import notice
from approx_perception.structures import Frame

__all__ = ["GROUND_TRUTH_TOPIC", "IMAGE_TOPIC", "RosBag"]

IMAGE_TOPIC = "/camera/image_raw"
GROUND_TRUTH_TOPIC = "/ground_truth"
_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_DETECTIONS = "approx_perception/msg/DetectionArray"
_VISION_DETECTIONS = "vision_msgs/msg/Detection2DArray"
#: Of the images' stamps, the share that must rise for stamps to tell the images' times.
_MOST = 0.95
_DEFAULT_FPS = 30.0
_LEAST_FPS = 0.1


class RosBag(FrameSource):
    """Images of one topic of a bag, with ground truth where the bag has it.

    Ground truth is a DetectionArray or vision_msgs/Detection2DArray whose stamps equal the
    images'; a score of 0 marks an object to ignore. Where the images' stamps do not rise (they
    stand still at zero, go back, or a driver leaves out every second), the times at which messages
    were recorded are taken, for both. Where all but a few rise, those few images are left out.

    Parameters
    ----------
    path
        Folder of a rosbag2, with or without metadata, or an mcap or db3 file.
    topic
        Image topic; may be left out where there is just one.
    ground_truth_topic
        ``/ground_truth`` where it is there, if left out.
    max_image_px
        Larger images are refused before they are decoded.

    Raises
    ------
    DatasetError
        If the bag cannot be read, or a topic is missing or not told.
    """

    def __init__(
        self,
        path: Path,
        topic: str | None = None,
        ground_truth_topic: str | None = None,
        max_image_px: int = MAX_IMAGE_PX,
    ) -> None:
        self._path, self._max_image_px = path, max_image_px
        self.name = path.name
        with BagFiles(path) as bag:
            self._topic = self._choose_topic(bag, topic)
            self.frame_count = sum(c.msgcount for c in bag.connections if c.topic == self._topic)
            if self.frame_count == 0:
                raise DatasetError(f"{path} has no messages on {self._topic}")
            self._has_stamps, self._strays, self.fps = self._look_at_times(bag)
            self._truth_by_stamp, self.class_names = self._read_ground_truth(
                bag, ground_truth_topic
            )

    def _choose_topic(self, bag: BagFiles, topic: str | None) -> str:
        topics = sorted({c.topic for c in bag.connections if c.msgtype in (_IMAGE, _COMPRESSED)})
        if not topics:
            others = ", ".join(sorted({f"{c.topic} ({c.msgtype})" for c in bag.connections}))
            raise DatasetError(f"{self._path} has no image topic; it has {others or 'no topics'}")
        if topic is None and len(topics) == 1:
            return topics[0]
        if topic not in topics:
            asked = "" if topic is None else f" but not {shown(topic)}"
            raise DatasetError(
                f"{self._path} has the image topics {', '.join(topics)}{asked}; "
                f"choose {choices(topics)}"
            )
        return topic

    def _look_at_times(self, bag: BagFiles) -> tuple[bool, frozenset[int], float]:
        """Whether stamps tell the images' times, which of them do not, and the rate in Hz."""
        losses = Losses(self._path, "messages")
        times_ns = {
            index: times
            for index, message in enumerate(bag.messages(self._topic))
            if (times := losses.attempt(self._topic, _times, message)) is not None
        }
        stamps, recorded = zip(*times_ns.values(), strict=True) if times_ns else ((), ())
        rising = longest_rise(stamps)
        # A single image tells nothing by standing still.
        has_stamps = len(rising) >= _MOST * len(stamps) and any(stamps)
        if times_ns and not has_stamps:
            notice(
                f"{self._path}: {_what_is_wrong(self._topic, stamps, len(rising))}; the times at "
                "which they were recorded are taken"
            )
        kept = {list(times_ns)[place] for place in rising}
        strays = frozenset(times_ns.keys() - kept) if has_stamps else frozenset()
        gaps = np.diff([stamps[place] for place in rising] if has_stamps else recorded)
        steps = gaps[gaps > 0].tolist()
        fps = max(1e9 / median(steps), _LEAST_FPS) if steps else _DEFAULT_FPS
        return has_stamps, strays, fps

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all images that can be decoded; see `FrameSource`."""
        clock, decoder = MonotonicClock(), ImageDecoder(self._max_image_px)
        losses = Losses(f"{self._path}, {self._topic}", "messages")
        with BagFiles(self._path) as bag:
            try:
                for index, stored in enumerate(bag.messages(self._topic)):
                    message = losses.attempt(
                        f"message {index}", self._decode, index, stored, decoder, clock
                    )
                    if message is None:
                        continue
                    image, stamp, decode_ms = message
                    frame = Frame(image, stamp, self._topic, index, decode_ms)
                    yield LabelledFrame(frame, self._truth_by_stamp.get(stamp))
            finally:
                losses.tell()
        losses.refuse_if_all()

    def _decode(
        self, index: int, stored: StoredMessage, decoder: ImageDecoder, clock: MonotonicClock
    ) -> tuple[npt.NDArray[np.uint8], int, float]:
        """Image, time in ns, and how long it took to decode in ms."""
        message = stored.decode()
        if index in self._strays:
            stamp_s = stamp_ns(message.header) / 1e9
            raise DatasetError(f"its stamp of {stamp_s:.10g} s does not rise with the others")
        decode: Callable[[Any], Any]
        decode = decoder.raw if stored.kind == _IMAGE else decoder.compressed
        start_ns = clock.monotonic_ns()
        image = decode(message)
        decode_ms = (clock.monotonic_ns() - start_ns) / 1e6
        return image, stamp_ns(message.header) if self._has_stamps else stored.time_ns, decode_ms

    def _read_ground_truth(
        self, bag: BagFiles, topic: str | None
    ) -> tuple[TruthByStamp, tuple[str, ...]]:
        kinds = {
            c.topic: c.msgtype
            for c in bag.connections
            if c.msgtype in (_DETECTIONS, _VISION_DETECTIONS)
        }
        if topic is not None and topic not in kinds:
            raise DatasetError(
                f"{self._path} has no detections on {shown(topic)}; it has them on {choices(kinds)}"
            )
        topic = topic or GROUND_TRUTH_TOPIC
        if topic not in kinds:
            return TruthByStamp([]), ()
        self.truth_name = topic
        losses = Losses(f"{self._path}, {topic}", "messages")
        messages = (
            message
            for index, stored in enumerate(bag.messages(topic))
            if (message := losses.attempt(f"message {index}", self._timed, stored))
        )
        read = truth_of_ours if kinds[topic] == _DETECTIONS else truth_of_vision_msgs
        try:
            truth, class_names = read(messages)
        except DatasetError as error:
            raise DatasetError(f"{self._path}, {topic}: {error}") from error
        losses.tell()
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

    def _timed(self, stored: StoredMessage) -> Any:
        """A message of ground truth, stamped as the images are."""
        message = stored.decode()
        if self._has_stamps:
            return message
        sec, nanosec = divmod(stored.time_ns, 1_000_000_000)
        stamp = replace(message.header.stamp, sec=sec, nanosec=nanosec)
        return replace(message, header=replace(message.header, stamp=stamp))


def _what_is_wrong(topic: str, stamps: Sequence[int], rising: int) -> str:
    """Why stamps do not tell times."""
    if len(set(stamps)) == 1:
        return f"the images on {topic} all have the stamp {stamps[0] / 1e9:g} s"
    return (
        f"the stamps of the images on {topic} do not rise (a rising series is {rising} of "
        f"{len(stamps)})"
    )


def _times(stored: StoredMessage) -> tuple[int, int]:
    """A message's stamp and when it was recorded, in ns."""
    return stamp_ns(stored.decode().header), stored.time_ns
