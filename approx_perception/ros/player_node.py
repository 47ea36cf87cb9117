"""Any source as a camera: publishes it at its own rate, with stamps of now."""

if __name__ == "__main__":
    from approx_perception.ros.beginning import end_quietly_when_interrupted

    end_quietly_when_interrupted()

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, TextIO

from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import Image

from approx_perception.datasets import is_synthetic, open_source
from approx_perception.exceptions import ConfigurationError, counted, described, shown
from approx_perception.interface import PLAYER_PARAMETERS, SYNTHETIC_FRAME_ID
from approx_perception.ros import qos
from approx_perception.ros.conversion import image_message
from approx_perception.ros.declarations import check_given, declare_parameters
from approx_perception.ros.diagnostics import Diagnostics
from approx_perception.ros.guard import NodeEndError
from approx_perception.ros.notice_log import log_notices
from approx_perception.ros.startup import run_node
from approx_perception.structures import Frame

__all__ = ["PlayerNode", "main"]

_PREFETCH = 4
_WAIT_S = 0.1
#: A gap in a bag longer than this is played as one of this length.
_LONGEST_GAP_S = 5.0


class PlayerNode(Node):  # type: ignore[misc]
    """Publish the frames of a source as a camera would.

    Raises
    ------
    ApproxPerceptionError
        If the source cannot be opened or the log not be written.
    """

    def __init__(self) -> None:
        super().__init__("player_node")
        declare_parameters(self, PLAYER_PARAMETERS)
        check_given(self, PLAYER_PARAMETERS)
        self.diagnostics = Diagnostics(self)
        log_notices(self.get_logger())
        self._source = open_source(
            str(self._value("source")), str(self._value("topic")) or None,
            int(self._value("frames")), int(self._value("seed")),
            max_image_px=int(self._value("max_image_px")),
        )  # fmt: skip
        usual = SYNTHETIC_FRAME_ID if is_synthetic(str(self._value("source"))) else "camera"
        self._frame_id = str(self._value("frame_id")) or usual
        self._log = self._open_log()
        self._publisher = self.create_publisher(Image, "image", qos.CAMERA)
        #: None at the end of the source.
        self._queue: Queue[Frame | None] = Queue(_PREFETCH)
        self._player = threading.Thread(target=self._play, daemon=True)
        self._is_stopping = False
        #: What ended the source early, if anything did.
        self._error: Exception | None = None
        self._log_start()

    def _log_start(self) -> None:
        source, topic = self._source, self._publisher.topic_name
        if source.is_live:
            self.get_logger().info(f"{source.name}, a camera, on {topic}")
            if self._value("rate") != 1.0:
                self.get_logger().warning("the rate is not used: a camera has its own")
            return
        self.get_logger().info(
            f"{source.name}: {counted(source.frame_count, 'frame')} at {source.fps:.3g} Hz "
            f"on {topic}"
        )

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _open_log(self) -> TextIO | None:
        name = str(self._value("log_file"))
        if not name:
            return None
        try:
            log = Path(name).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115
        except OSError as error:
            raise ConfigurationError(f"cannot write log_file {shown(name)}: {error}") from error
        log.write("index,stamp_ns\n")
        return log

    def start_playing(self) -> None:
        """Publish all frames at their times, in a thread of its own; the node ends with them."""
        self._player.start()
        # ROS time may stand still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_WAIT_S, self._end_with_player, clock=steady)

    def _end_with_player(self) -> None:
        if not self._player.is_alive():
            raise NodeEndError(described(self._error) if self._error else "")

    def stop(self) -> None:
        """Publish no more."""
        self._is_stopping = True
        self._source.stop()
        self._player.join(timeout=2.0)

    def _read(self) -> None:
        """Decode ahead, so that a slow frame does not delay the ones before it."""
        try:
            while not self._is_stopping:
                for entry in self._source:
                    self._hand_over(entry.frame)
                    if self._is_stopping:
                        return
                if not self._value("loop"):
                    break
        except Exception as error:
            self._error = error
        self._hand_over(None)

    def _hand_over(self, frame: Frame | None) -> None:
        while not self._is_stopping:
            try:
                self._queue.put(frame, timeout=_WAIT_S)
                break
            except Full:
                continue

    def _play(self) -> None:
        try:
            if self._source.is_live:
                self._wait_for_subscriber()
                self._publish_live()
                return
            threading.Thread(target=self._read, daemon=True).start()
            self._wait_for_subscriber()
            self._publish_all(float(self._value("rate")))
        except Exception as error:
            self._error = error

    def _wait_for_subscriber(self) -> None:
        if self._value("wait_for_subscriber"):
            while not self._is_stopping and self._publisher.get_subscription_count() == 0:
                time.sleep(_WAIT_S)

    def _publish_live(self) -> None:
        """Publish a camera's images as they come; nothing is read ahead that would grow old."""
        for entry in self._source:
            if self._is_stopping:
                return
            self._publish(entry.frame)

    def _publish_all(self, rate: float) -> None:
        due_s = time.monotonic()
        previous_ns: int | None = None
        while not self._is_stopping:
            try:
                frame = self._queue.get(timeout=_WAIT_S)
            except Empty:
                continue
            if frame is None:
                return
            due_s += self._gap_s(previous_ns, frame.stamp_ns) / rate
            previous_ns = frame.stamp_ns
            now_s = time.monotonic()
            if now_s < due_s:
                time.sleep(due_s - now_s)
            else:
                # Late: go on from here, a camera does not hurry to catch up.
                due_s = now_s
            if not self._is_stopping:
                self._publish(frame)

    def _gap_s(self, previous_ns: int | None, stamp_ns: int) -> float:
        """Time between two frames: the source's own, or its period where it starts over."""
        if previous_ns is None:
            return 0.0
        gap_s = (stamp_ns - previous_ns) / 1e9
        return min(gap_s, _LONGEST_GAP_S) if gap_s > 0 else 1 / self._source.fps

    def _publish(self, frame: Frame) -> None:
        stamp = self.get_clock().now()
        if self._source.is_live:
            # In ROS time, which need not be the system's: when it arrived.
            stamp -= Duration(nanoseconds=max(time.time_ns() - frame.stamp_ns, 0))
        self._publisher.publish(image_message(frame.image, stamp, self._frame_id))
        if self._log is not None:
            self._log.write(f"{frame.sequence},{stamp.nanoseconds}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play until the end or until told to stop; returns the exit code."""

    def start() -> PlayerNode:
        node = PlayerNode()
        node.start_playing()
        return node

    return run_node(start, arguments, PLAYER_PARAMETERS)


if __name__ == "__main__":
    sys.exit(main())
