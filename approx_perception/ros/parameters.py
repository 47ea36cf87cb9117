"""What a node reads from its parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.assembly import KernelOptions, Network
from approx_perception.assembly.execution import check_execution
from approx_perception.assembly.options import kernel_options, parameters_of
from approx_perception.branches import allowed_branches
from approx_perception.interface import camera_sla
from approx_perception.ros.health import WatchdogLimits
from approx_perception.ros.tasks import DebugOptions, NodeTask, Values
from approx_perception.ros.topic_names import LOAD_TYPES
from approx_perception.structures import SLA, SlaScope

__all__ = ["LiveSettings", "read_options", "read_settings"]


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
    state_options
        What the kernel's state takes; None before the network is known.
    execution
        A name of `EXECUTIONS`.
    load, load_timeout_s
        Where monitors speak, ``{parameter: topic}``, and when they count as silent.
    debug, limits
        Of outputs and of diagnostics.
    """

    slas: dict[str, SLA]
    policy: str
    branch: Any
    allowed: npt.NDArray[np.bool_] | None
    state_options: Any
    execution: str
    load: dict[str, str]
    load_timeout_s: float
    debug: DebugOptions
    limits: WatchdogLimits


def _sla(value: Values, camera: str = "") -> SLA:
    latency_ms = float(value("sla.latency_ms"))
    if camera:
        own = camera_sla(camera)
        latency_ms = float(own.accept(value(own.name))) or latency_ms  # type: ignore[arg-type]
    return SLA(
        latency_ms, float(value("sla.quantile")), SlaScope(value("sla.scope")),
        float(value("sla.accuracy")),
    )  # fmt: skip


def read_options(task: NodeTask, value: Values) -> KernelOptions:
    """Read what the kernel is assembled from."""
    size = int(value("calibration.width")), int(value("calibration.height"))
    words = {name: value(name) for name in parameters_of(KernelOptions(task=task.name))}
    return kernel_options({**words, "task": task.name, "image_size": size})


def read_settings(
    task: NodeTask, value: Values, cameras: Sequence[str], network: Network | None
) -> LiveSettings:
    """Read and check everything that can change, together.

    Parameters
    ----------
    task
        Of the node.
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
    for parameter in task.interface.parameters:
        if parameter.live:
            parameter.accept(value(parameter.name))
    policy = str(value("policy"))
    # Of a task that has no choice, in turn.
    names = {own.name for own in task.interface.parameters}
    execution = str(value("execution")) if "execution" in names else "sequential"
    slas = {camera: _sla(value, camera) for camera in cameras}
    branch = allowed = state_options = None
    if network is not None:
        space = network.space
        branch = space.parse(str(value("branch")))
        if policy in ("fixed", "triggered") or value("branch"):
            space.index(branch)
        allowed = allowed_branches(space, {k: str(value(f"allowed.{k}")) for k in space.knobs})
        network.policies.check(policy, branch, allowed)
        check_execution(execution, space, policy, branch, allowed)
        state_options = task.state_options(
            read_options(task, value), value, network.kernel.class_names
        )
    return LiveSettings(
        slas, policy, branch, allowed, state_options, execution,
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
