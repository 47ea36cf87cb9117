"""Topics that tell the node what else uses the machine."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import psutil
from rclpy.node import Node
from std_msgs.msg import Float32

from approx_perception.clock import Clock
from approx_perception.exceptions import ConfigurationError
from approx_perception.load.load_inputs import LoadInputs, share_of_percent
from approx_perception.msg import SystemLoad
from approx_perception.ros import qos
from approx_perception.ros.diagnostics import LOG_PERIOD_S
from approx_perception.ros.topic_names import LOAD_TYPES, foreign_types

__all__ = ["LoadTopics"]

#: A slow monitor falls silent and speaks again all the time.
_SILENCE_LOG_PERIOD_S = 30.0


class _OwnCpu:
    """Share of all cores of the machine, as monitors count them, that this process takes.

    Not of those that a container may use: a monitor knows nothing of its quota.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._process = clock, psutil.Process()
        self._cores = psutil.cpu_count() or 1
        self._before = self._now()

    def _now(self) -> tuple[float, float]:
        times = self._process.cpu_times()
        return times.user + times.system, self._clock.monotonic_ns() / 1e9

    def share(self) -> float:
        now, before = self._now(), self._before
        self._before = now
        elapsed_s = max(now[1] - before[1], 1e-6)
        return min((now[0] - before[0]) / elapsed_s / self._cores, 1.0)


class LoadTopics:
    """Subscribe, check what comes, and know who fell silent.

    Parameters
    ----------
    node
        Subscribes and logs.
    topics
        ``{topic: parameter}``, as `resolve_load_topics` gives them.
    inputs
        Gets the readings.
    clock
        For our own share of the CPU.

    Raises
    ------
    ConfigurationError
        If a topic cannot be subscribed to; nothing is subscribed to then.
    """

    def __init__(
        self, node: Node, topics: Mapping[str, str], inputs: LoadInputs, clock: Clock
    ) -> None:
        self._node, self._inputs = node, inputs
        self._own_cpu = _OwnCpu(clock)
        #: What a monitor said last that makes no sense; cleared once it does again.
        self._refused: dict[str, str] = {}
        self._expected = {topic: LOAD_TYPES[parameter] for topic, parameter in topics.items()}
        self._silent: set[str] = set()
        self._subscriptions: list[Any] = []
        receivers = {
            "load_topic": (SystemLoad, self._on_system),
            "cpu_load_topic": (Float32, self._on_cpu),
            "gpu_load_topic": (Float32, self._on_gpu),
        }
        try:
            for topic, parameter in topics.items():
                self._subscribe(topic, *receivers[parameter])
        except Exception as error:  # rclpy's exceptions differ among distributions
            self.close()
            raise ConfigurationError(
                f"{parameter}: cannot subscribe to {topic}: {str(error).splitlines()[0]}"
            ) from error

    def _subscribe(
        self, topic: str, message_type: Any, take_in: Callable[[str, Any], None]
    ) -> None:
        self._subscriptions.append(
            self._node.create_subscription(
                message_type, topic, lambda m: self._receive(topic, take_in, m), qos.LOAD_INPUT
            )
        )

    def _receive(self, name: str, take_in: Callable[[str, Any], None], message: Any) -> None:
        try:
            take_in(name, message)
            self._refused.pop(name, None)
        except ConfigurationError as error:
            self._refused[name] = f"{name}: {error}"
            self._node.get_logger().error(
                f"load reading refused: {self._refused[name]}",
                throttle_duration_sec=LOG_PERIOD_S,
            )

    def _on_system(self, name: str, message: SystemLoad) -> None:
        self._inputs.update(name, message.cpu_others, message.gpu_others)

    def _on_cpu(self, name: str, message: Float32) -> None:
        # The topic speaks of everybody; what others take is what matters.
        total = share_of_percent(message.data)
        self._inputs.update(name, cpu=max(total - self._own_cpu.share(), 0.0))

    def _on_gpu(self, name: str, message: Float32) -> None:
        self._inputs.update(name, gpu=share_of_percent(message.data))

    def close(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def look_after(self) -> None:
        """Once a second: notice who fell silent and who came back."""
        silent = self._inputs.silent()
        for name in sorted(set(silent) - self._silent):
            self._node.get_logger().warning(
                f"{name} fell silent {silent[name]:.0f} s ago: going on with what latencies tell",
                throttle_duration_sec=_SILENCE_LOG_PERIOD_S,
            )
        for name in sorted(self._silent - set(silent)):
            self._node.get_logger().info(
                f"{name} speaks again", throttle_duration_sec=_SILENCE_LOG_PERIOD_S
            )
        self._silent = set(silent)

    def problems(self) -> list[str]:
        """What is wrong with load topics now, a sentence each."""
        silent = [
            f"{name} is silent for {age:.0f} s" for name, age in self._inputs.silent().items()
        ]
        return [*self._refused.values(), *self._foreign_types(), *silent]

    def _foreign_types(self) -> list[str]:
        return [
            f"{topic} carries {kind}, expected {expected}"
            for topic, expected in self._expected.items()
            for kind in foreign_types(self._node, topic, expected)
        ]

    def status(self) -> str:
        """Who is listened to, in words."""
        if not self._expected:
            return "none"
        heard, silent = set(self._inputs.heard()), set(self._inputs.silent())
        words = []
        for name in self._expected:
            state = "silent" if name in silent else "heard" if name in heard else "not heard yet"
            words.append(f"{name} ({state})")
        reading = self._inputs.reading()
        shares = [
            f"{kind} {share:.0%}"
            for kind, share in (("cpu", reading.cpu), ("gpu", reading.gpu))
            if share is not None and not math.isnan(share)
        ]
        return ", ".join([*words, *shares])
