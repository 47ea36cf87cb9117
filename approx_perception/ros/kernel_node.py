"""A node that runs a kernel: images in, results and decisions out, under a live SLA."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from approx_perception.assembly import Network, assemble
from approx_perception.assembly.tasks import task_of
from approx_perception.clock import MonotonicClock
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.exceptions import counted, described
from approx_perception.interface import camera_sla
from approx_perception.ros.camera import Camera
from approx_perception.ros.declarations import check_given, declare_parameters
from approx_perception.ros.diagnostics import LOG_PERIOD_S, Diagnostics
from approx_perception.ros.health import Judgement
from approx_perception.ros.lifecycle import ManagedNode, Report
from approx_perception.ros.load_listener import LoadListener
from approx_perception.ros.node_health import NodeCondition, NodeHealth
from approx_perception.ros.parameter_watch import ParameterWatch
from approx_perception.ros.parameters import LiveSettings, read_options, read_settings
from approx_perception.ros.runtime import Runtime
from approx_perception.ros.services import Services
from approx_perception.ros.start_log import log_start
from approx_perception.ros.startup import run_node
from approx_perception.ros.tasks import NodeTask, Values
from approx_perception.ros.throttled_log import ThrottledLog
from approx_perception.ros.topic_names import camera_topics, own_topics

__all__ = ["KernelNode", "run_kernel_node"]

#: A jump of ROS time that is not a correction.
_JUMP_BACK = Duration(seconds=-0.5)


class _Prepared(NamedTuple):
    network: Network
    #: Parts at which all cameras are quicker as a batch.
    batched: frozenset[int]


class KernelNode(ManagedNode):
    """Process image topics.

    Configure loads the network and measures all branches; activate subscribes; deactivate and
    cleanup undo that. Images are received in the executor's thread, put into a slot for the
    newest one of each camera, and processed in a thread of their own.

    Parameters
    ----------
    task
        Of the network; names the node.

    Raises
    ------
    ApproxPerceptionError
        If a parameter given at start cannot be used.
    """

    def __init__(self, task: NodeTask) -> None:
        super().__init__(task.interface.name)
        self._task = task
        self._monotonic = MonotonicClock()
        self._declare()
        self._load = LoadListener(self, self._taken, self._monotonic)
        self._runtime = Runtime(self._monotonic, self._refuse, self._tell_failure)
        self._settings = self._read(lambda name: self.get_parameter(name).value)
        self._told = ThrottledLog(lambda text: self.get_logger().info(text), self._monotonic)
        self._watch = ParameterWatch(
            self, self._own_parameters, self._read_live, self._apply, self._told
        )
        self._health = NodeHealth()
        self.diagnostics = Diagnostics(self, self._look_after)
        self._requests = Services(self, self._runtime, self._task, self._told)
        self._on_jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=_JUMP_BACK, on_clock_change=True),
            post_callback=lambda _: self._time_jumped_back(),
        )

    def _declare(self) -> None:
        common = self._task.interface.parameters
        declare_parameters(self, common)
        self._places = camera_topics(list(self.get_parameter("cameras").value))
        self._transport = str(self.get_parameter("image_transport").value)
        self._taken = own_topics(self, self._task.interface.outputs, self._places, self._transport)
        for place in self._places:
            # What cannot be is refused before a network is loaded.
            self._task.regions(self, place)
        own = tuple(camera_sla(place.name) for place in self._places if place.name)
        declare_parameters(self, own)
        self._own_parameters = (*common, *own)
        topics = [place.subscribed(self._transport) for place in self._places]
        check_given(self, self._own_parameters, [self.resolve_topic_name(t) for t in topics])

    # Lifecycle

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe, and start working."""
        return self.step("activating", self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working, and forget what waits."""
        return self.step("deactivating", self._runtime.stop)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the network and of all topics."""
        return self.step("cleaning up", self._free)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End for good, from whatever state."""
        return self.step("shutting down", self.stop)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to where configuring can be tried again."""
        return self.step("recovering", self.stop)

    def prepare(self, report: Report) -> _Prepared:
        """Load the network and measure all branches."""
        self._runtime.refuse_beside_another()
        self.get_logger().info("loading the network and preheating every branch, some seconds")
        options, count = read_options(self._task, self._watch.value), len(self._places)
        if note := task_of(options).note(options):
            self.get_logger().info(note)
        network = assemble(options, self._monotonic, report, self._load.reading)
        batched = network.batches_that_pay(count, report) if count > 1 else frozenset()
        return _Prepared(network, batched)

    def configure(self, prepared: _Prepared) -> None:
        """Offer topics; parameters count as they are by now."""
        network, batched = prepared
        self._runtime.network = network
        try:
            self._settings = self._read(self._watch.value)
            profile = str(self.get_parameter("profile").value)
            log_start(
                self.get_logger(), network, self._settings.slas, self._settings.policy, profile
            )
            self._set_up(network, batched)
        except Exception:
            self._free()
            raise

    def _set_up(self, network: Network, batched: frozenset[int]) -> None:
        max_image_px = int(self.get_parameter("max_image_px").value)
        cameras = [
            partial(
                Camera, self, place, self._transport, self._task, network,
                ImageDecoder(max_image_px), self._monotonic, self._runtime.wake,
            )
            for place in self._places
        ]  # fmt: skip
        self._runtime.set_up(network, batched, cameras)
        if len(cameras) > 1:
            self.get_logger().info(
                f"{counted(len(cameras), 'camera')}; a batch is faster at {len(batched)} of "
                f"{len(network.kernel.batched_parts)} settings of the network"
            )
        self.diagnostics.hardware_id = network.kernel.description
        self._apply(self._settings)

    def _activate(self) -> None:
        self._runtime.start(self._settings)
        topics = [camera.topic for camera in self._runtime.cameras]
        self.get_logger().info(f"waiting for images on {', '.join(topics)}")

    def _free(self) -> None:
        self._runtime.free()
        self._load.close()

    def stop(self) -> None:
        """End the worker and let go of everything."""
        self.cancel_preparing()
        self._runtime.stop()
        self._free()

    def start_alone(self) -> None:
        """Do what a lifecycle manager would, where the user has none, once the node spins."""
        if self.get_parameter("autostart").value:
            self.start_soon()
        else:
            self.get_logger().info("waiting for a lifecycle manager to configure")

    # Parameters

    def _read(self, value: Values) -> LiveSettings:
        cameras = [place.name for place in self._places]
        settings = read_settings(self._task, value, cameras, self._runtime.network)
        self._load.check(settings.load)
        return settings

    def _read_live(self, value: Values) -> LiveSettings:
        """Also refuse a new load topic on which others publish something else."""
        settings = self._read(value)
        self._load.check_types(settings.load, self._settings.load)
        return settings

    def set_parameters_atomically(self, parameter_list: list[Any]) -> Any:
        """Set parameters as rclpy does, after checks and changes of our own."""
        return self._watch.set(parameter_list, super().set_parameters_atomically)

    def _apply(self, new: LiveSettings) -> None:
        if self._runtime.cameras:
            # First, for this can fail.
            self._load.use(new.load, new.load_timeout_s)
        self._settings = new
        self._runtime.use(new)

    # Watching

    def _refuse(self, camera: Camera, error: Exception, what: str) -> None:
        self.get_logger().error(
            f"{what}, {camera.topic}: {described(error)}",
            throttle_duration_sec=LOG_PERIOD_S,
        )

    def _tell_failure(self, error: Exception) -> None:
        self.get_logger().error(
            f"the worker failed between two frames: {described(error)}",
            throttle_duration_sec=LOG_PERIOD_S,
        )

    def _time_jumped_back(self) -> None:
        # Between two clocks it jumps all the time, and images go on.
        if not self.diagnostics.graph.clock_problem():
            self._requests.reset("ROS time jumped back")

    def _look_after(self) -> dict[str, Judgement]:
        """Once a second: how things stand; notices images that are sent but not had."""
        self._told.look_after()
        judgements = {"pipeline": self._judge()}
        for camera in self._runtime.cameras if self._runtime.worker is not None else ():
            camera.look_after()
            judgements[f"camera {camera.topic}"] = camera.judge(self._settings.limits)
        return judgements

    def _judge(self) -> Judgement:
        self._load.look_after()
        worker, network = self._runtime.worker, self._runtime.network
        return self._health.judge(
            NodeCondition(
                self.state, self.doing, self._runtime.is_enabled, self.error,
                worker_died=worker is not None and not worker.is_alive,
                is_leaving=self._runtime.is_leaving(),
                beside_ms=self._runtime.beside_ms,
                most_beside_ms=self._settings.limits.max_consecutive_delay_ms,
                malformed=0 if network is None else network.kernel.malformed_count,
                graph_problems=self.diagnostics.graph_problems,
                load_problems=self._load.problems(),
                load_status=self._load.status(),
            )
        )  # fmt: skip


def run_kernel_node(
    build: Callable[[], KernelNode], task: NodeTask, arguments: Sequence[str] | None
) -> int:
    """Build a node and run it until it is told to end; returns the exit code."""

    def start() -> KernelNode:
        node = build()
        node.start_alone()
        return node

    return run_node(start, arguments, task.interface.parameters)
