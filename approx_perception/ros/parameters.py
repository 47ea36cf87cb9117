"""Parameters of the perception node: one table from which descriptors and checks come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from approx_perception.assembly import KernelOptions
from approx_perception.branches import Branch, parse_branch
from approx_perception.detectors import detector_names
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError, choices
from approx_perception.ros.declarations import Declaration, Value
from approx_perception.ros.load_topics import LoadTopicNames
from approx_perception.scheduling import POLICY_NAMES, PolicyFactory, SchedulingPolicy
from approx_perception.structures import SLA, SlaScope

__all__ = [
    "PERCEPTION_PARAMETERS",
    "LiveParameters",
    "kernel_options",
    "load_topic_names",
    "watch_parameters",
]


PERCEPTION_PARAMETERS = (
    Declaration("detector", "faster_rcnn", f"Detector family: {choices(detector_names())}.",
                 read_only=True),
    Declaration("weights", "", "Weights file or name; empty: the network that ships.",
                 read_only=True),
    Declaration("class_names_file", "", "Text file with one class name a line; empty: the "
                 "weights' own.", read_only=True),
    Declaration("space", "", "Branch space: a YAML file or the name of a shipped one; empty: the "
                 "detector's own.", read_only=True),
    Declaration("device", "auto", "cpu, cuda or auto.", read_only=True),
    Declaration("precision", "auto", "Of the backbone of faster_rcnn: float32, bfloat16, or auto "
                 "for the faster one here.", read_only=True),
    Declaration("num_threads", 0, "CPU threads of one inference; 0: one less than the cores, so "
                 "that one is left for ROS and the camera.", (0, 256), read_only=True),
    Declaration("profile", "", "What approx-perception profile wrote on this machine, NAME.json; "
                 "empty: calibrate at start.", read_only=True),
    Declaration("load_topic", "system_load", "Topic of a load_monitor_node (SystemLoad); empty: "
                 "none.", read_only=True),
    Declaration("cpu_load_topic", "", "Topic with the CPU load of all processes together, "
                 "std_msgs/Float32 in percent; empty: none.", read_only=True),
    Declaration("gpu_load_topic", "", "Topic with the GPU load by others, std_msgs/Float32 in "
                 "percent; empty: none.", read_only=True),
    Declaration("load_timeout_s", 2.0, "After this many seconds without a message a load topic "
                 "counts as silent.", (0.1, 3600.0), read_only=True),
    Declaration("image_transport", "raw", "'raw' subscribes to image, 'compressed' to "
                 "image/compressed.", read_only=True),
    Declaration("calibration.width", 640, "Width in px of the images to expect; latencies are "
                 "measured for it at start.", (32, 16384), read_only=True),
    Declaration("calibration.height", 480, "Height in px of the images to expect.", (32, 16384),
                 read_only=True),
    Declaration("sla.latency_ms", 100.0, "Latency budget for processing, in ms; write 100.0, not "
                 "100.", (0.1, 10000.0)),
    Declaration("sla.quantile", 0.95, "Share of frames (or groups) that must be inside the "
                 "budget.", (0.5, 0.999)),
    Declaration("sla.scope", "frame", "What the budget counts: 'frame', or 'gof' for the mean "
                 "over a group of frames."),
    Declaration("score_threshold", 0.3, "Weaker detections are dropped.", (0.0, 1.0)),
    Declaration("policy", "most_accurate", f"How to choose a branch: {choices(POLICY_NAMES)}; "
                 "'approxdet' needs a profile."),
    Declaration("branch", "", "Branch for the policies 'fixed' and 'triggered', as "
                 "shape=320,nprop=20,si=4; knobs not named are the largest shape and nprop, and "
                 "si=1."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LiveParameters:
    """What can change while the node runs, validated together."""

    sla: SLA
    score_threshold: float
    policy: SchedulingPolicy


def _sla(value: Callable[[str], Value]) -> SLA:
    scope = str(value("sla.scope"))
    if scope not in (names := [entry.value for entry in SlaScope]):
        raise ConfigurationError(f"sla.scope is {scope!r}; choose {choices(names)}")
    return SLA(float(value("sla.latency_ms")), float(value("sla.quantile")), SlaScope(scope))


def kernel_options(node: Node) -> KernelOptions:
    """Read what the kernel is assembled from."""

    def value(name: str) -> Value:
        content: Value = node.get_parameter(name).value
        return content

    names_file = str(value("class_names_file"))
    return KernelOptions(
        detector=str(value("detector")), weights=str(value("weights")),
        class_names_file=Path(names_file) if names_file else None,
        device=str(value("device")), precision=str(value("precision")),
        num_threads=int(value("num_threads")),
        space=str(value("space")), policy=str(value("policy")), branch=str(value("branch")),
        sla=_sla(value), score_threshold=float(value("score_threshold")),
        image_size=(int(value("calibration.width")), int(value("calibration.height"))),
        profile=Path(str(value("profile"))) if value("profile") else None,
    )  # fmt: skip


def load_topic_names(node: Node) -> LoadTopicNames:
    """Read where load monitors speak."""
    names = ("load_topic", "cpu_load_topic", "gpu_load_topic")
    return LoadTopicNames(*(str(node.get_parameter(name).value) for name in names))


def _live(
    value: Callable[[str], Value], policies: PolicyFactory, default_branch: Branch
) -> LiveParameters:
    branch = parse_branch(str(value("branch")), default_branch)
    policies.space.index(branch)
    policy = policies.create(str(value("policy")), branch)
    return LiveParameters(_sla(value), float(value("score_threshold")), policy)


def watch_parameters(
    node: Node, policies: PolicyFactory, apply: Callable[[LiveParameters], None]
) -> None:
    """Validate changes together, refuse them with a reason, and apply what is accepted."""
    default_branch = policies.space.default_branch

    def proposed(changes: Sequence[Parameter]) -> Callable[[str], Value]:
        new = {parameter.name: parameter.value for parameter in changes}

        def value(name: str) -> Value:
            content: Value = new[name] if name in new else node.get_parameter(name).value
            return content

        return value

    # Humble has no callback after a change; there, what passes the check is applied at once.
    has_post_callback = hasattr(node, "add_post_set_parameters_callback")

    def check(changes: Sequence[Parameter]) -> SetParametersResult:
        try:
            live = _live(proposed(changes), policies, default_branch)
        except (ApproxPerceptionError, TypeError, ValueError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        if not has_post_callback:
            apply(live)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)
    if has_post_callback:
        node.add_post_set_parameters_callback(
            lambda changes: apply(_live(proposed(changes), policies, default_branch))
        )
