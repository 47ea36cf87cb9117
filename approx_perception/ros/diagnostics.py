"""What the perception node says of itself on /diagnostics, once a second."""

import threading
from collections import deque
from collections.abc import Sequence

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from approx_perception.pipeline import MailboxCounts
from approx_perception.structures import ContentionState, FrameResult

__all__ = ["Diagnostics"]

_PERIOD_S = 1.0
_WINDOW = 300


class Diagnostics:
    """Count what happens and publish it; safe to tell from any thread.

    Parameters
    ----------
    node
        Publishes and has the timer.
    hardware_id
        Network and device.
    """

    def __init__(self, node: Node, hardware_id: str) -> None:
        self._node = node
        self._hardware_id = hardware_id
        self._lock = threading.Lock()
        self._processed = 0
        self._errors = 0
        self._errors_reported = 0
        self._last_error = ""
        self._branch = ""
        self._processing_ms: deque[float] = deque(maxlen=_WINDOW)
        self._counts = MailboxCounts()
        self._worker_is_alive = True
        self._waiting_for = "the first image"
        self._load_status = "none"
        self._load_problems: Sequence[str] = ()
        self._contention = ContentionState()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def start(self) -> None:
        """Publish from now on."""
        self._node.create_timer(_PERIOD_S, self.publish)

    def succeeded(self, result: FrameResult) -> None:
        """Count a processed frame."""
        with self._lock:
            self._processed += 1
            self._branch = str(result.decision.branch)
            self._contention = result.decision.contention
            self._processing_ms.append(result.timings.processing_ms)

    def failed(self, error: Exception) -> None:
        """Count a frame that could not be processed."""
        with self._lock:
            self._errors += 1
            self._last_error = str(error)

    def update(
        self,
        counts: MailboxCounts,
        worker_is_alive: bool,
        waiting_for: str,
        load_status: str,
        load_problems: Sequence[str],
    ) -> None:
        """Take in how mailbox, worker and load topics stand, and what is missing before images."""
        with self._lock:
            self._load_status, self._load_problems = load_status, load_problems
            self._counts, self._worker_is_alive = counts, worker_is_alive
            self._waiting_for = waiting_for

    def _judgement(self) -> tuple[bytes, str]:
        if not self._worker_is_alive:
            return DiagnosticStatus.ERROR, "the worker thread died"
        if self._errors > self._errors_reported:
            return DiagnosticStatus.ERROR, f"frame refused: {self._last_error}"
        if not self._counts.received:
            return DiagnosticStatus.WARN, f"waiting for {self._waiting_for}"
        if self._load_problems:
            return DiagnosticStatus.WARN, f"load topics: {'; '.join(self._load_problems)}"
        return DiagnosticStatus.OK, "processing"

    def publish(self) -> None:
        """Publish one status."""
        with self._lock:
            level, message = self._judgement()
            self._errors_reported = self._errors
            p50, p95 = (
                np.percentile(self._processing_ms, [50, 95]) if self._processing_ms else (0.0, 0.0)
            )
            values = {
                "received": self._counts.received,
                "processed": self._processed,
                "dropped for a newer image": self._counts.replaced,
                "dropped as stale": self._counts.stale,
                "refused": self._errors,
                "last error": self._last_error,
                "branch": self._branch,
                "contention": (
                    f"detections take {self._contention.slowdown:.2f} times as long as idle, "
                    f"by {self._contention.source}"
                ),
                "load topics": self._load_status,
                "load problems": "; ".join(self._load_problems),
                "processing P50 (ms)": f"{p50:.2f}",
                "processing P95 (ms)": f"{p95:.2f}",
            }
        status = DiagnosticStatus(
            level=level, name=f"{self._node.get_name()}: pipeline", message=message,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )  # fmt: skip
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
