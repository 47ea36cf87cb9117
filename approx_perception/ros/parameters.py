"""What the perception node reads from its parameters, and how changes reach it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter
from rclpy.validate_topic_name import validate_topic_name

from approx_perception.assembly import Kernel, KernelOptions
from approx_perception.branches import KNOBS, Branch, allowed_branches, parse_branch
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError, choices
from approx_perception.interface import PERCEPTION_PARAMETERS
from approx_perception.ros.health import WatchdogLimits
from approx_perception.ros.load_topics import LoadTopicNames
from approx_perception.ros.outputs import DebugOptions
from approx_perception.structures import SLA, SlaScope

__all__ = ["LiveSettings", "ParameterWatch", "kernel_options", "read_settings"]

Values = Callable[[str], Any]


@dataclass(frozen=True, slots=True, eq=False)
class LiveSettings:
    """All that can change while the node runs.

    Attributes
    ----------
    slas
        ``{camera: what it asks for}``, before budgets are shared.
    policy, branch
        As `PolicyFactory.create` takes them; the branch None before the space is known.
    allowed
        ``(B,)`` bool, None for all.
    class_mask
        ``(C,)`` bool, None for all.
    score_threshold
        Weaker objects are not published.
    class_agnostic_iou
        Of detections that overlap by more, whatever their classes, the best one is kept.
    load, load_timeout_s
        Where monitors speak, and when they count as silent.
    debug, limits
        Of outputs and of diagnostics.
    """

    slas: dict[str, SLA]
    policy: str
    branch: Branch | None
    allowed: npt.NDArray[np.bool_] | None
    class_mask: npt.NDArray[np.bool_] | None
    score_threshold: float
    class_agnostic_iou: float
    load: LoadTopicNames
    load_timeout_s: float
    debug: DebugOptions
    limits: WatchdogLimits


def _sla(value: Values, camera: str = "") -> SLA:
    latency_ms = float(value("sla.latency_ms"))
    if camera:
        latency_ms = float(value(f"{camera}.sla.latency_ms")) or latency_ms
    return SLA(latency_ms, float(value("sla.quantile")), SlaScope(value("sla.scope")))


def kernel_options(value: Values) -> KernelOptions:
    """Read what the kernel is assembled from."""
    names_file, profile = str(value("class_names_file")), str(value("profile"))
    return KernelOptions(
        detector=str(value("detector")), weights=str(value("weights")),
        class_names_file=Path(names_file) if names_file else None,
        device=str(value("device")), precision=str(value("precision")),
        num_threads=int(value("num_threads")), space=str(value("space")),
        policy=str(value("policy")), branch=str(value("branch")), sla=_sla(value),
        score_threshold=float(value("score_threshold")),
        class_agnostic_iou=float(value("nms.class_agnostic_iou")),
        image_size=(int(value("calibration.width")), int(value("calibration.height"))),
        profile=Path(profile) if profile else None,
    )  # fmt: skip


def _class_mask(text: str, names: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    if not wanted:
        return None
    if unknown := sorted(wanted - set(names)):
        raise ConfigurationError(
            f"classes names {unknown[0]!r}, which the network does not know; choose "
            f"{choices(names)}"
        )
    return np.array([name in wanted for name in names])


def _load_topics(value: Values) -> LoadTopicNames:
    topics = []
    for name in ("load_topic", "cpu_load_topic", "gpu_load_topic"):
        topic = str(value(name))
        try:
            if topic:
                validate_topic_name(topic)
        except Exception as error:  # rclpy's exceptions differ among distributions
            reason = str(error).splitlines()[0]
            raise ConfigurationError(f"{name} is {topic!r}, which is no topic: {reason}") from error
        topics.append(topic)
    return LoadTopicNames(*topics)


def read_settings(value: Values, cameras: Sequence[str], kernel: Kernel | None) -> LiveSettings:
    """Read and check everything that can change, together.

    Parameters
    ----------
    value
        From a parameter's name to its value.
    cameras
        Their names, before which each one's own SLA stands; a lone camera's is empty.
    kernel
        Whose space and classes names are checked against; None before there is one.

    Raises
    ------
    ApproxPerceptionError
        If a value, or the values together, cannot be honoured.
    """
    for parameter in PERCEPTION_PARAMETERS:
        if parameter.live:
            parameter.check(value(parameter.name))
    policy = str(value("policy"))
    branch = allowed = class_mask = None
    if kernel is not None:
        space = kernel.space
        branch = parse_branch(str(value("branch")), space.default_branch)
        if policy in ("fixed", "triggered") or value("branch"):
            space.index(branch)
        kernel.policies.check(policy, branch)
        allowed = allowed_branches(space, {k: str(value(f"allowed.{k}")) for k in KNOBS})
        class_mask = _class_mask(str(value("classes")), kernel.detector.class_names)
    return LiveSettings(
        {camera: _sla(value, camera) for camera in cameras},
        policy, branch, allowed, class_mask, float(value("score_threshold")),
        float(value("nms.class_agnostic_iou")),
        _load_topics(value), float(value("load_timeout_s")),
        DebugOptions(
            float(value("debug.max_rate_hz")), float(value("debug.min_score")),
            int(value("debug.jpeg_quality")),
        ),
        WatchdogLimits(
            float(value("diagnostics.max_allowed_processing_time_ms")),
            float(value("diagnostics.max_acceptable_consecutive_delay_ms")),
        ),
    )  # fmt: skip


class ParameterWatch:
    """Validate changes together, refuse them with a reason, and hand over what is accepted.

    Parameters
    ----------
    node
        Whose parameters are watched.
    read
        From values to settings; raises what is wrong with them.
    apply
        Gets the settings after each accepted change.
    """

    def __init__(
        self,
        node: Node,
        read: Callable[[Values], LiveSettings],
        apply: Callable[[LiveSettings], None],
    ) -> None:
        self._node, self._read, self._apply = node, read, apply
        # Humble has no callback after a change; there, what passes the check is applied at once.
        self._has_post_callback = hasattr(node, "add_post_set_parameters_callback")
        node.add_on_set_parameters_callback(self._check)
        if self._has_post_callback:
            node.add_post_set_parameters_callback(self._accept)

    def value(self, name: str) -> Any:
        """Present value of a parameter."""
        return self._node.get_parameter(name).value

    def _with(self, changes: Sequence[RosParameter]) -> Values:
        new = {parameter.name: parameter.value for parameter in changes}
        return lambda name: new[name] if name in new else self.value(name)

    def _check(self, changes: Sequence[RosParameter]) -> SetParametersResult:
        try:
            settings = self._read(self._with(changes))
        except (ApproxPerceptionError, TypeError, ValueError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        if not self._has_post_callback:
            self._apply(settings)
        return SetParametersResult(successful=True)

    def _accept(self, changes: Sequence[RosParameter]) -> None:
        self._apply(self._read(self._with(changes)))
