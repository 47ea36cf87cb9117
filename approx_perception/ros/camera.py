"""One camera of the node: where its images come in, what processes them, where results go."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from approx_perception.assembly import Network
from approx_perception.assembly.options import unheeded_accuracy
from approx_perception.clock import Clock
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.interface import SYNTHETIC_FRAME_ID
from approx_perception.pipeline.beside_runner import BesideRunner
from approx_perception.ros.health import CameraHealth, Judgement, Level, WatchdogLimits
from approx_perception.ros.intake import Intake
from approx_perception.ros.outputs import Outputs
from approx_perception.ros.parameters import LiveSettings
from approx_perception.ros.tasks import NodeTask
from approx_perception.ros.topic_names import CameraTopic
from approx_perception.structures import Frame

__all__ = ["Camera"]

_LOG_PERIOD_S = 5.0
#: Looks of a second between two verdicts in the log.
_LOOKS_A_MINUTE = 60
_CAUTION_PERIOD_S = 30.0


class Camera:
    """What belongs to one camera, and what is said of it.

    Parameters
    ----------
    node
        Subscribes and publishes.
    place
        Topic and name.
    transport
        ``raw`` or ``compressed``.
    task, network
        Shared by all cameras.
    decoder
        Of this camera's images.
    clock
        Monotonic.
    wake
        Called after each image that came.
    """

    def __init__(
        self,
        node: Node,
        place: CameraTopic,
        transport: str,
        task: NodeTask,
        network: Network,
        decoder: ImageDecoder,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self.name, self.stream = place.name, network.stream("sequential")
        self._node, self._task, self._network, self._clock = node, task, network, clock
        self.health = CameraHealth(clock)
        self.intake = Intake(
            node, place, transport, decoder, clock, task.regions(node, place), self._received, wake
        )
        self.outputs = Outputs(
            node, task, self.name, self.topic, network.kernel.class_names,
            task.label_threshold(network), clock,
        )  # fmt: skip
        #: What the user asks for; the stream has this camera's share of it.
        self.sla = self.stream.sla
        self._policy: tuple[str, Any] | None = None
        self._execution: tuple[str, BesideRunner | None] = ("sequential", None)
        self._looks = 0
        #: Width and height for which latencies are known.
        self._size = network.image_size

    @property
    def topic(self) -> str:
        """Resolved name of the topic of its images."""
        return self.intake.topic

    def use(self, new: LiveSettings, runner: BesideRunner | None = None) -> None:
        """Honour settings from the next frame on; ``runner``: of what runs beside, if it does."""
        self._execute(new.execution, runner if new.execution == "pipelined" else None)
        self.sla = new.slas[self.name]
        self.outputs.debug = new.debug
        self.stream.state.options = new.state_options
        if new.branch is not None:
            self.use_policy(new.policy, new.branch)
        self.stream.scheduler.allowed = new.allowed

    def _execute(self, execution: str, runner: BesideRunner | None) -> None:
        """Go on with another stream; objects and identities are kept."""
        if (execution, runner) == self._execution:
            return
        before, self.stream = self.stream, self._network.stream(execution, runner)
        self.stream.take_over(before)
        self._execution, self._policy = (execution, runner), None

    def use_policy(self, name: str, branch: Any) -> None:
        """Decide by a policy from the next frame on; the same one goes on with what it knows."""
        if self._policy != (name, branch):
            self._policy = name, branch
            self.stream.scheduler.policy = self._network.policies.create(name, branch)

    def forget_latencies(self, network: Network) -> None:
        """Begin anew with what a network is known to take."""
        self._network = network
        self.stream.scheduler.latency = network.latency(self._execution[0])

    def listen(self) -> None:
        """Subscribe; nothing from before is left over."""
        self.health = CameraHealth(self._clock)
        self.stream.reset()
        self.intake.listen()

    def close(self) -> None:
        """Let go of all topics."""
        self.intake.leave()
        self.outputs.close()

    def _received(self) -> None:
        self.health.received()

    def note(self, frame: Frame, frame_id: str, began_anew: bool) -> None:
        """Notice what is new with a frame: another stream, another size, another kind of image."""
        if began_anew:
            self._node.get_logger().info(
                f"time on {self.topic} went back: {self._task.anew}",
                throttle_duration_sec=_LOG_PERIOD_S,
            )
            self.stream.reset()
        self._note_size((frame.image.shape[1], frame.image.shape[0]))
        caution = "" if frame_id == SYNTHETIC_FRAME_ID else self._network.kernel.caution
        if caution and not self.outputs.caution:
            self._node.get_logger().warning(
                f"{self.topic}: {caution}", throttle_duration_sec=_CAUTION_PERIOD_S
            )
        self.outputs.caution = caution

    def _note_size(self, size: tuple[int, int]) -> None:
        measured, self._size = self._size, size
        # A profile knows what size costs.
        if size != measured and not self._network.model.is_profiled:
            self._node.get_logger().warning(
                f"images on {self.topic} are {size[0]}x{size[1]}, but latencies were measured for "
                f"{measured[0]}x{measured[1]}: set calibration.width and calibration.height for "
                "right decisions from the first image on",
                throttle_duration_sec=_LOG_PERIOD_S,
            )

    def look_after(self) -> None:
        """Once a second: notice images that are sent but not had; once a minute: the verdict."""
        self._looks += 1
        if self._looks % _LOOKS_A_MINUTE == 0:
            self._log_verdict()
        self.intake.look_after(self.health.is_active)

    def _log_verdict(self) -> None:
        judgement = self.health.judgement_since_last()
        if judgement is None:
            return
        log: Any = self._node.get_logger()
        # Two calls, for rclpy refuses two severities at one place.
        if judgement.level is Level.WARN:
            log.warning(f"{self.topic}: {judgement.message}")
        else:
            log.info(f"{self.topic}: {judgement.message}")

    def judge(self, limits: WatchdogLimits) -> Judgement:
        """Say how things stand."""
        policy = self._policy[0] if self._policy else self._network.options.policy
        # No refusal: the policy and the accuracy may be changed one after the other.
        problems = [text] if (text := unheeded_accuracy(self.sla, [policy])) else []
        problems += [
            f"{topic}: the other side's quality of service does not fit (reliability or durability)"
            for topic in sorted([*self.outputs.unfit(), *self.intake.unfit()])
        ]
        problems += self.stream.scheduler.left_out()
        regions = self.intake.regions
        problems += [] if regions is None else regions.problems()
        judgement = self.health.judge(
            self.intake.counts, self.intake.silence, problems, limits, self.outputs.caution
        )
        judgement.values.update({} if regions is None else regions.values())
        return judgement
