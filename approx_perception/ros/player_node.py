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

import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image

from approx_perception.datasets import FrameSource, is_synthetic, open_source
from approx_perception.exceptions import ConfigurationError, described, shown
from approx_perception.interface import PLAYER_PARAMETERS, SYNTHETIC_FRAME_ID
from approx_perception.ros import qos
from approx_perception.ros.conversion import image_message
from approx_perception.ros.declarations import check_given, declare_parameters
from approx_perception.ros.diagnostics import Diagnostics
from approx_perception.ros.same_name import NameWatch
from approx_perception.ros.startup import spin_until_told, start_node
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
        self._name_watch = NameWatch(self)
        self._source = open_source(
            str(self._value("source")), str(self._value("topic")) or None,
            int(self._value("frames")), int(self._value("seed")),
            max_image_px=int(self._value("max_image_px")),
        )  # fmt: skip
        usual = SYNTHETIC_FRAME_ID if is_synthetic(str(self._value("source"))) else "camera"
        self._frame_id = str(self._value("frame_id")) or usual
        self._log = self._open_log()
        self._publisher = self.create_publisher(Image, "image", qos.CAMERA)
        self._queue: Queue[Frame | Exception | None] = Queue(_PREFETCH)
        self.stopping = False
        #: What ended the source early, if anything did.
        self.error: Exception | None = None
        self.get_logger().info(
            f"{self._source.name}: {self._source.frame_count} frames at {self._source.fps:.3g} Hz "
            f"on {self._publisher.topic_name}"
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

    def _read(self, source: FrameSource) -> None:
        """Decode ahead, so that a slow frame does not delay the ones before it."""
        try:
            while not self.stopping:
                for entry in source:
                    self._hand_over(entry.frame)
                    if self.stopping:
                        return
                if not self._value("loop"):
                    break
            self._hand_over(None)
        except Exception as error:
            self._hand_over(error)

    def _hand_over(self, item: Frame | Exception | None) -> None:
        while not self.stopping:
            try:
                self._queue.put(item, timeout=_WAIT_S)
                break
            except Full:
                continue

    def play(self) -> None:
        """Publish all frames at their times; returns at the end of the source, or with `error`."""
        try:
            self._play()
        except Exception as error:
            self.error = error

    def _play(self) -> None:
        threading.Thread(target=self._read, args=(self._source,), daemon=True).start()
        if self._value("wait_for_subscriber"):
            while not self.stopping and self._publisher.get_subscription_count() == 0:
                time.sleep(_WAIT_S)
        rate = float(self._value("rate"))
        due_s = time.monotonic()
        previous_ns: int | None = None
        while not self.stopping:
            try:
                item = self._queue.get(timeout=_WAIT_S)
            except Empty:
                continue
            if isinstance(item, Exception):
                self.error = item
            if not isinstance(item, Frame):
                return
            due_s += self._gap_s(previous_ns, item.stamp_ns) / rate
            previous_ns = item.stamp_ns
            now_s = time.monotonic()
            if now_s < due_s:
                time.sleep(due_s - now_s)
            else:
                # Late: go on from here, a camera does not hurry to catch up.
                due_s = now_s
            if not self.stopping:
                self._publish(item)

    def _gap_s(self, previous_ns: int | None, stamp_ns: int) -> float:
        """Time between two frames: the source's own, or its period where it starts over."""
        if previous_ns is None:
            return 0.0
        gap_s = (stamp_ns - previous_ns) / 1e9
        return min(gap_s, _LONGEST_GAP_S) if gap_s > 0 else 1 / self._source.fps

    def _publish(self, frame: Frame) -> None:
        now = self.get_clock().now()
        self._publisher.publish(image_message(frame.image, now, self._frame_id))
        if self._log is not None:
            self._log.write(f"{frame.sequence},{now.nanoseconds}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play until the end or until told to stop; returns the exit code."""
    node = start_node(PlayerNode, arguments, PLAYER_PARAMETERS)
    if node is None:
        return 1
    player = threading.Thread(target=node.play, daemon=True)
    player.start()
    spin_until_told(node, is_over=lambda: not player.is_alive())
    node.stopping = True
    player.join(timeout=2.0)
    node.destroy_node()
    rclpy.try_shutdown()
    if node.error is not None:
        print(f"error: {described(node.error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
