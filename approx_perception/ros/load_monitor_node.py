"""The load monitor: says what the machine is doing, in all and by others than us."""

if __name__ == "__main__":
    from approx_perception.ros.beginning import end_quietly_when_interrupted

    end_quietly_when_interrupted()

import sys
import time
from collections.abc import Sequence

import psutil
from rclpy.node import Node

from approx_perception.interface import LOAD_MONITOR_PARAMETERS
from approx_perception.load.load_meter import LoadMeter
from approx_perception.msg import SystemLoad
from approx_perception.ros import qos
from approx_perception.ros.declarations import check_given, declare_parameters
from approx_perception.ros.diagnostics import Diagnostics
from approx_perception.ros.startup import run_node

__all__ = ["LoadMonitorNode", "main"]

_SEARCH_PERIOD_S = 2.0


class _OwnProcesses:
    """Ids of the processes that count as ours, looked for now and then."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._ids: list[int] = []
        self._searched_s = float("-inf")

    def __call__(self) -> list[int]:
        now_s = time.monotonic()
        if now_s - self._searched_s > _SEARCH_PERIOD_S:
            self._searched_s = now_s
            self._ids = [p.pid for p in psutil.process_iter(["cmdline"]) if self._is_own(p)]
        return self._ids

    def _is_own(self, process: psutil.Process) -> bool:
        arguments = process.info["cmdline"] or []
        return any(word in argument for argument in arguments for word in self._words)


class LoadMonitorNode(Node):  # type: ignore[misc]
    """Publish `SystemLoad` on ``system_load``."""

    def __init__(self) -> None:
        super().__init__("load_monitor_node")
        declare_parameters(self, LOAD_MONITOR_PARAMETERS)
        check_given(self, LOAD_MONITOR_PARAMETERS)
        self.diagnostics = Diagnostics(self)
        text = str(self.get_parameter("own_processes").value)
        words = [word.strip() for word in text.split(",") if word.strip()]
        self._meter = LoadMeter(_OwnProcesses(words))
        self._publisher = self.create_publisher(SystemLoad, "system_load", qos.RESULTS)
        self.create_timer(float(self.get_parameter("period_s").value), self._publish)
        self.get_logger().info(f"telling the load on {self._publisher.topic_name}")

    def _publish(self) -> None:
        values = self._meter.read()
        message = SystemLoad(
            cpu=values.cpu, cpu_others=values.cpu_others,
            memory=values.memory, memory_others=values.memory_others,
            gpu=values.gpu, gpu_others=values.gpu_others,
            gpu_memory=values.gpu_memory, gpu_memory_others=values.gpu_memory_others,
            temperature_celsius=values.temperature_celsius,
        )  # fmt: skip
        message.header.stamp = self.get_clock().now().to_msg()
        self._publisher.publish(message)

    def stop(self) -> None:
        """Let go of what reads the GPU."""
        self._meter.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to end; returns the exit code."""
    return run_node(LoadMonitorNode, arguments, LOAD_MONITOR_PARAMETERS)


if __name__ == "__main__":
    sys.exit(main())
