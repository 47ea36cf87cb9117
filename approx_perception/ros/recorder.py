"""Record what a node publishes and change its parameters, from outside."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from approx_perception.branches import read_branch
from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.exceptions import ApproxPerceptionError, ProcessDiedError
from approx_perception.metrics.verdict import NO_BRANCH_FITS
from approx_perception.msg import SchedulerDecision
from approx_perception.ros import qos
from approx_perception.ros.tasks import NODE_TASKS, NodeTask
from approx_perception.structures import (
    SLA,
    Content,
    ContentionState,
    Decision,
    FrameResult,
    SlaScope,
    StageTimings,
)

__all__ = ["RecordedFrame", "Recorder"]

_SPIN_S = 0.05
_SERVICE_TIMEOUT_S = 10.0


@dataclass(slots=True)
class RecordedFrame:
    """What the topics carried for one image; ``decision`` may come a moment later."""

    stamp_ns: int
    processing_ms: float
    age_ms: float
    output: Any
    class_names: dict[int, str]
    content: Content | None
    task: NodeTask
    decision: SchedulerDecision | None = None

    @property
    def row(self) -> dict[str, object]:
        """What was found, in columns of a table."""
        return self.task.row(self.output, self.class_names)

    @property
    def result(self) -> FrameResult:
        """What the topics tell of the frame's result, once the decision is there."""
        message = self.decision
        if message is None:
            raise AssertionError("complete frames have decisions")
        decision = Decision(
            read_branch(message.branch),
            self.task.kind_of_frame(message.starts_group), message.starts_group, message.switched,
            message.expected_ms, message.expected_quantile_ms, message.expected_accuracy,
            message.reason,
            ContentionState(
                message.cpu_contention, message.gpu_contention, message.slowdown,
                message.contention_source,
            ),
            NO_BRANCH_FITS not in message.reason,
        )  # fmt: skip
        sla = SLA(message.sla_latency_ms, message.sla_quantile, SlaScope(message.sla_scope))
        timings = StageTimings(processing_ms=self.processing_ms)
        content = self.content or Content()
        return FrameResult(
            self.stamp_ns, "", 0, self.output, decision, sla, timings, content=content
        )


@dataclass(slots=True)
class Recording:
    """All that was received, by stamp, in order of arrival."""

    frames: dict[int, RecordedFrame] = field(default_factory=dict)
    decisions: dict[int, SchedulerDecision] = field(default_factory=dict)
    diagnostics: dict[str, str] = field(default_factory=dict)

    def complete_frames(self) -> list[RecordedFrame]:
        """Frames with both messages, by stamp."""
        for stamp, frame in self.frames.items():
            frame.decision = self.decisions.get(stamp)
        return sorted(
            (frame for frame in self.frames.values() if frame.decision is not None),
            key=lambda frame: frame.stamp_ns,
        )


class Recorder:
    """A node of our own that listens; used from one thread.

    Parameters
    ----------
    domain_id
        ROS domain to join.
    task
        Of the node, which has its usual name.
    """

    def __init__(self, domain_id: int, task: NodeTask = NODE_TASKS["detection"]) -> None:
        self._task, self._node_name = task, task.interface.name
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain_id)
        self._node = Node("recorder", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self.recording = Recording()
        node = self._node
        node.create_subscription(task.result_type, task.result_topic, self._on_result, qos.RESULTS)
        node.create_subscription(SchedulerDecision, "decision", self._on_decision, qos.RESULTS)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._set_parameters = node.create_client(
            SetParameters, f"{self._node_name}/set_parameters"
        )

    def _on_result(self, message: Any) -> None:
        stamp, told = stamp_ns(message.header), self._task.recorded(message)
        self.recording.frames[stamp] = RecordedFrame(
            stamp, message.processing_ms, message.age_ms, told.output, told.class_names,
            told.content, self._task,
        )  # fmt: skip

    def _on_decision(self, message: SchedulerDecision) -> None:
        self.recording.decisions[stamp_ns(message.header)] = message

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        own = [s for s in message.status if s.name.startswith(f"{self._node_name}: ")]
        if own:
            values = {v.key: v.value for status in own for v in status.values}
            # The camera's comes last, and is told unless something else is worse.
            worst = max(reversed(own), key=lambda status: status.level)
            self.recording.diagnostics = {**values, "message": worst.message}

    def spin_until(
        self, done: Callable[[], bool], timeout_s: float, check: Callable[[], None]
    ) -> bool:
        """Receive until ``done`` or the time-out; ``check`` may raise at any moment."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            check()
            if done():
                return True
            self._executor.spin_once(timeout_sec=_SPIN_S)
        return done()

    @property
    def is_ready(self) -> bool:
        """Whether the node says that it is active."""
        return self.recording.diagnostics.get("state") == "active"

    def now_ns(self) -> int:
        """ROS time."""
        return int(self._node.get_clock().now().nanoseconds)

    def set_parameters(self, values: dict[str, object], check: Callable[[], None]) -> None:
        """Change parameters of the node.

        Raises
        ------
        ProcessDiedError
            If it does not answer.
        ApproxPerceptionError
            If it refuses a value, with its reason.
        """
        request = SetParameters.Request()
        request.parameters = [
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
        ]
        ready = self._set_parameters.service_is_ready
        if not self.spin_until(ready, _SERVICE_TIMEOUT_S, check):
            raise ProcessDiedError(f"{self._node_name} offers no parameter service")
        future = self._set_parameters.call_async(request)
        if not self.spin_until(future.done, _SERVICE_TIMEOUT_S, check):
            raise ProcessDiedError(f"{self._node_name} does not answer its parameter service")
        for result in future.result().results:
            if not result.successful:
                raise ApproxPerceptionError(f"{self._node_name} refused {values}: {result.reason}")

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)
