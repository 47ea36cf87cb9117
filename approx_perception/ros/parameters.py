"""What the perception node reads from its parameters, and how changes reach it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from approx_perception.assembly import KernelOptions, Network
from approx_perception.assembly.options import kernel_options, parameters_of
from approx_perception.branches import KNOBS, Branch, allowed_branches, parse_branch
from approx_perception.exceptions import ConfigurationError, choices, described, shown
from approx_perception.interface import PERCEPTION_PARAMETERS, Parameter, camera_sla
from approx_perception.ros.declarations import no_parameter
from approx_perception.ros.diagnostics import LOG_PERIOD_S
from approx_perception.ros.health import WatchdogLimits
from approx_perception.ros.outputs import DebugOptions
from approx_perception.ros.throttled_log import ThrottledLog
from approx_perception.ros.topic_names import LOAD_TYPES
from approx_perception.structures import SLA, SlaScope

__all__ = ["LiveSettings", "ParameterWatch", "read_options", "read_settings"]

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
        Where monitors speak, ``{parameter: topic}``, and when they count as silent.
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
    load: dict[str, str]
    load_timeout_s: float
    debug: DebugOptions
    limits: WatchdogLimits


def _sla(value: Values, camera: str = "") -> SLA:
    latency_ms = float(value("sla.latency_ms"))
    if camera:
        own = camera_sla(camera)
        latency_ms = float(own.accept(value(own.name))) or latency_ms  # type: ignore[arg-type]
    return SLA(latency_ms, float(value("sla.quantile")), SlaScope(value("sla.scope")))


def read_options(value: Values) -> KernelOptions:
    """Read what the kernel is assembled from."""
    size = int(value("calibration.width")), int(value("calibration.height"))
    words = {name: value(name) for name in parameters_of(KernelOptions())}
    return kernel_options({**words, "image_size": size})


def _class_mask(text: str, names: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    if not wanted:
        return None
    if unknown := sorted(wanted - set(names)):
        raise ConfigurationError(
            f"classes names {shown(unknown[0])}, which the network does not know; choose "
            f"{choices(names)}"
        )
    return np.array([name in wanted for name in names])


def read_settings(value: Values, cameras: Sequence[str], network: Network | None) -> LiveSettings:
    """Read and check everything that can change, together.

    Parameters
    ----------
    value
        From a parameter's name to its value.
    cameras
        Their names, before which each one's own SLA stands; a lone camera's is empty.
    network
        Whose space and classes names are checked against; None before there is one.

    Raises
    ------
    ApproxPerceptionError
        If a value, or the values together, cannot be honoured.
    """
    for parameter in PERCEPTION_PARAMETERS:
        if parameter.live:
            parameter.accept(value(parameter.name))
    policy = str(value("policy"))
    branch = allowed = class_mask = None
    if network is not None:
        space = network.space
        branch = parse_branch(str(value("branch")), space.default_branch)
        if policy in ("fixed", "triggered") or value("branch"):
            space.index(branch)
        allowed = allowed_branches(space, {k: str(value(f"allowed.{k}")) for k in KNOBS})
        network.policies.check(policy, branch, allowed)
        class_mask = _class_mask(str(value("classes")), network.detector.class_names)
    return LiveSettings(
        {camera: _sla(value, camera) for camera in cameras},
        policy, branch, allowed, class_mask, float(value("score_threshold")),
        float(value("nms.class_agnostic_iou")),
        {name: str(value(name)) for name in LOAD_TYPES if value(name)},
        float(value("load_timeout_s")),
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
    """Take changes of parameters all or not at all: check, apply, store; refuse with a reason.

    It stands before rclpy's own `set_parameters_atomically`, for rclpy's callbacks come too late:
    before them it refuses whole numbers for doubles, and after them nothing can be refused.

    Parameters
    ----------
    node
        Whose parameters are watched.
    parameters
        Of the node.
    read
        From values to settings; raises what is wrong with them.
    apply
        Gets the settings of each change before it is stored; raises what cannot be done.
    tell
        Of changes: a controller may make one with every frame.
    """

    def __init__(
        self,
        node: Node,
        parameters: Iterable[Parameter],
        read: Callable[[Values], LiveSettings],
        apply: Callable[[LiveSettings], None],
        tell: ThrottledLog,
    ) -> None:
        self._node, self._read, self._apply, self._tell = node, read, apply, tell
        self._known = {parameter.name: parameter for parameter in parameters}

    def value(self, name: str) -> Any:
        """Present value of a parameter."""
        return self._node.get_parameter(name).value

    def set(
        self,
        changes: Sequence[RosParameter],
        store: Callable[[list[RosParameter]], SetParametersResult],
    ) -> SetParametersResult:
        """Check, apply and store changes together; what fails leaves all as it was.

        Parameters
        ----------
        changes
            What the user wants.
        store
            rclpy's own way to set parameters.
        """
        try:
            accepted = [self._accepted(change) for change in changes]
            new = {parameter.name: parameter.value for parameter in accepted}
            settings = self._read(lambda name: new[name] if name in new else self.value(name))
        except Exception as error:
            return self._refusal(error)
        before = {name: self.value(name) for name in new}
        try:
            self._apply(settings)
            result = store(accepted)
        except Exception as error:
            result = self._refusal(error)
        if not result.successful:
            self._apply(self._read(self.value))
            return result
        for name, value in new.items():
            if value != before[name]:
                self._tell(name, f"parameter {name}: {shown(value)}, was {shown(before[name])}")
        return result

    def _accepted(self, change: RosParameter) -> RosParameter:
        name = change.name
        parameter = self._known.get(name)
        if parameter is None:
            if not self._node.has_parameter(name):
                raise ConfigurationError(no_parameter(name, self._known))
            # One of rclpy's, which checks it.
            return change
        value = parameter.accept(change.value)
        if not parameter.live:
            raise ConfigurationError(f"{name} is read once, at start; it cannot change live")
        return RosParameter(name, value=value)

    def _refusal(self, error: Exception) -> SetParametersResult:
        self._node.get_logger().warning(
            f"parameters refused: {described(error)}", throttle_duration_sec=LOG_PERIOD_S
        )
        return SetParametersResult(successful=False, reason=described(error))
