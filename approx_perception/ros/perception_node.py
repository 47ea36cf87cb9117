"""The node: images in, detections and decisions out, under a live SLA."""

if __name__ == "__main__":
    from approx_perception.ros.beginning import end_quietly_when_interrupted

    end_quietly_when_interrupted()

import gc
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from approx_perception.assembly import Network, assemble
from approx_perception.clock import MonotonicClock
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError, described
from approx_perception.interface import PERCEPTION_PARAMETERS, camera_sla
from approx_perception.load.load_inputs import LoadInputs
from approx_perception.pipeline import CameraGroup
from approx_perception.ros.camera import Camera
from approx_perception.ros.declarations import check_given, declare_parameters
from approx_perception.ros.diagnostics import LOG_PERIOD_S, Diagnostics
from approx_perception.ros.health import Judgement
from approx_perception.ros.lifecycle import ManagedNode, Report
from approx_perception.ros.load_topics import LoadTopics
from approx_perception.ros.node_health import NodeCondition, NodeHealth
from approx_perception.ros.parameters import (
    LiveSettings,
    ParameterWatch,
    Values,
    read_options,
    read_settings,
)
from approx_perception.ros.services import Runtime, Services
from approx_perception.ros.start_log import log_start
from approx_perception.ros.startup import run_node
from approx_perception.ros.throttled_log import ThrottledLog
from approx_perception.ros.topic_names import (
    LOAD_TYPES,
    CameraTopic,
    camera_topics,
    foreign_types,
    own_topics,
    resolve_load_topics,
)
from approx_perception.ros.worker import Worker

__all__ = ["PerceptionNode", "main"]

#: A jump of ROS time that is not a correction.
_JUMP_BACK = Duration(seconds=-0.5)


class _Prepared(NamedTuple):
    network: Network
    #: Parts at which all cameras are quicker as a batch.
    batched: frozenset[int]


class PerceptionNode(ManagedNode):
    """Detect and track on image topics.

    Configure loads the network and measures all branches; activate subscribes; deactivate and
    cleanup undo that. Images are received in the executor's thread, put into a slot for the
    newest one of each camera, and processed in a thread of their own.

    Raises
    ------
    ApproxPerceptionError
        If a parameter given at start cannot be used.
    """

    def __init__(self) -> None:
        super().__init__("perception_node")
        self._places: list[CameraTopic] = []
        self._declare()
        self._monotonic = MonotonicClock()
        self._load = LoadInputs(self._monotonic)
        self._load_topics: LoadTopics | None = None
        self._runtime = Runtime()
        self._cameras = self._runtime.cameras
        #: One that was told to stop, but may not have come to the end of its frame.
        self._leaving: Worker | None = None
        self._batched: frozenset[int] = frozenset()
        self._settings = self._read(lambda name: self.get_parameter(name).value)
        self._told = ThrottledLog(lambda text: self.get_logger().info(text), self._monotonic)
        self._watch = ParameterWatch(
            self, self._own_parameters, self._read_live, self._apply, self._told
        )
        self._health = NodeHealth()
        self.diagnostics = Diagnostics(self, self._look_after)
        self._requests = Services(self, self._runtime, self._told)
        self._on_jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=_JUMP_BACK, on_clock_change=True),
            post_callback=lambda _: self._time_jumped_back(),
        )

    def _declare(self) -> None:
        declare_parameters(self, PERCEPTION_PARAMETERS)
        self._places = camera_topics(list(self.get_parameter("cameras").value))
        transport = str(self.get_parameter("image_transport").value)
        self._taken = own_topics(self, self._places, transport)
        self._own_parameters = (
            *PERCEPTION_PARAMETERS,
            *(camera_sla(place.name) for place in self._places if place.name),
        )
        declare_parameters(self, self._own_parameters[len(PERCEPTION_PARAMETERS) :])
        images = [self.resolve_topic_name(place.subscribed(transport)) for place in self._places]
        check_given(self, self._own_parameters, images)

    # Lifecycle

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe, and start working."""
        return self.step("activating", self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working, and forget what waits."""
        return self.step("deactivating", self._stop_working)

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
        self._refuse_beside_another()
        self.get_logger().info("loading the network and preheating every branch, some seconds")
        options, count = read_options(self._watch.value), len(self._places)
        if options.note:
            self.get_logger().info(options.note)
        network = assemble(options, self._monotonic, report, self._load.reading)
        batched = network.batches_that_pay(count, report) if count > 1 else frozenset()
        return _Prepared(network, batched)

    def configure(self, prepared: _Prepared) -> None:
        """Offer topics; parameters count as they are by now."""
        network, self._batched = prepared
        self._runtime.network = network
        try:
            self._settings = read_settings(self._watch.value, self._camera_names(), network)
            profile = str(self.get_parameter("profile").value)
            log_start(
                self.get_logger(), network, self._settings.slas, self._settings.policy, profile
            )
            self._build(network)
        except Exception:
            self._free()
            raise

    def _build(self, network: Network) -> None:
        transport = str(self.get_parameter("image_transport").value)
        max_image_px = int(self.get_parameter("max_image_px").value)
        for place in self._places:
            decoder = ImageDecoder(max_image_px)
            self._cameras.append(
                Camera(self, place, transport, network, decoder, self._monotonic, self._wake)
            )
        if len(self._places) > 1:
            count = len(self._batched)
            self.get_logger().info(
                f"{len(self._places)} cameras; a batch is faster at {count} of "
                f"{len(network.kernel.batched_parts)} settings of the detector"
            )
        for camera in self._cameras:
            camera.intake.is_enabled = self._runtime.is_enabled
        self.diagnostics.hardware_id = network.kernel.description
        self._apply(self._settings)

    def _activate(self) -> None:
        self._refuse_beside_another()
        streams = {camera.name: camera.stream for camera in self._cameras}
        group = CameraGroup(streams, self._batched, self._monotonic)
        worker = Worker(self._cameras, group, self._monotonic, self._refuse, self._tell_failure)
        try:
            for camera in self._cameras:
                camera.listen()
            self._direct(worker, self._settings)
            worker.start()
        except Exception:
            self._stop_working()
            raise
        self._runtime.worker = worker
        self.get_logger().info(
            f"waiting for images on {', '.join(camera.topic for camera in self._cameras)}"
        )

    def _refuse_beside_another(self) -> None:
        """A network serves one worker at a time."""
        if self._is_leaving():
            raise ApproxPerceptionError(
                "a frame that was taken before deactivating is still under way; try again when it "
                "is done"
            )

    def _is_leaving(self) -> bool:
        if self._leaving is not None and not self._leaving.is_alive:
            # It holds the network.
            self._leaving = None
        return self._leaving is not None

    def _stop_working(self) -> None:
        for camera in self._cameras:
            camera.intake.leave()
        if self._runtime.worker is not None:
            worker, self._runtime.worker = self._runtime.worker, None
            worker.stop()
            self._leaving = worker if worker.is_alive else None

    def _free(self) -> None:
        for camera in self._cameras:
            camera.close()
        self._cameras.clear()
        self._runtime.network = None
        if self._load_topics is not None:
            self._load_topics.close()
            self._load_topics = None
        # Networks are held in cycles.
        gc.collect()

    def stop(self) -> None:
        """End the worker and let go of everything."""
        self.cancel_preparing()
        self._stop_working()
        self._free()

    def start_alone(self) -> None:
        """Do what a lifecycle manager would, where the user has none, once the node spins."""
        if self.get_parameter("autostart").value:
            self.start_soon()
        else:
            self.get_logger().info("waiting for a lifecycle manager to configure")

    # Parameters

    def _camera_names(self) -> list[str]:
        return [place.name for place in self._places]

    def _read(self, value: Values) -> LiveSettings:
        settings = read_settings(value, self._camera_names(), self._runtime.network)
        resolve_load_topics(self, settings.load, self._taken)
        return settings

    def _read_live(self, value: Values) -> LiveSettings:
        """Also refuse a new load topic on which others publish something else."""
        settings = self._read(value)
        present = resolve_load_topics(self, self._settings.load, self._taken)
        for topic, parameter in resolve_load_topics(self, settings.load, self._taken).items():
            foreign = foreign_types(self, topic, LOAD_TYPES[parameter])
            if present.get(topic) != parameter and foreign:
                raise ConfigurationError(
                    f"{parameter}: {topic} carries {foreign[0]}; name a topic of type "
                    f"{LOAD_TYPES[parameter]}"
                )
        return settings

    def set_parameters_atomically(self, parameter_list: list[Any]) -> Any:
        """Set parameters as rclpy does, after checks and changes of our own."""
        return self._watch.set(parameter_list, super().set_parameters_atomically)

    def _apply(self, new: LiveSettings) -> None:
        old = self._settings
        if self._cameras and (
            self._load_topics is None
            or (old.load, old.load_timeout_s) != (new.load, new.load_timeout_s)
        ):
            # First, for this can fail.
            self._listen_to_load(new)
        self._settings = new
        worker = self._runtime.worker
        if worker is not None:
            worker.between_frames(partial(self._direct, worker, new))

    def _direct(self, worker: Worker, new: LiveSettings) -> None:
        """Have a worker work so; in its own thread once it runs."""
        for camera in self._cameras:
            camera.use(new)
        worker.limits = new.limits
        worker.share_budgets(always=True)

    def _listen_to_load(self, new: LiveSettings) -> None:
        topics = resolve_load_topics(self, new.load, self._taken)
        subscribed = LoadTopics(self, topics, self._load, self._monotonic)
        if self._load_topics is not None:
            self._load_topics.close()
        self._load.restart(new.load_timeout_s)
        self._load_topics = subscribed

    # Watching

    def _wake(self) -> None:
        if self._runtime.worker is not None:
            self._runtime.worker.wake()

    def _refuse(self, camera: Camera, error: Exception) -> None:
        self.get_logger().error(
            f"frame refused, {camera.topic}: {described(error)}",
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
            self._requests.reset_tracks("ROS time jumped back")

    def _look_after(self) -> dict[str, Judgement]:
        """Once a second: how things stand; notices images that are sent but not had."""
        self._told.look_after()
        judgements = {"pipeline": self._judge()}
        for camera in self._cameras if self._runtime.worker is not None else ():
            camera.look_after()
            judgements[f"camera {camera.topic}"] = camera.judge(self._settings.limits)
        return judgements

    def _judge(self) -> Judgement:
        load = self._load_topics
        if load is not None:
            load.look_after()
        worker, network = self._runtime.worker, self._runtime.network
        return self._health.judge(
            NodeCondition(
                self.state, self._runtime.is_enabled, self.error,
                worker_died=worker is not None and not worker.is_alive,
                is_leaving=self._is_leaving(),
                malformed=0 if network is None else network.detector.malformed_count,
                graph_problems=self.diagnostics.graph_problems,
                load_problems=[] if load is None else load.problems(),
                load_status="" if load is None else load.status(),
            )
        )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to end; returns the exit code."""

    def start() -> PerceptionNode:
        node = PerceptionNode()
        node.start_alone()
        return node

    return run_node(start, arguments, PERCEPTION_PARAMETERS)


if __name__ == "__main__":
    sys.exit(main())
