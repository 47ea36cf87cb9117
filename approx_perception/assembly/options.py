"""What a user may choose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from approx_perception.detectors import DEFAULT_DETECTOR
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.interface.systems import ALIASES
from approx_perception.kernels.candidates import CLASS_AGNOSTIC_IOU, TRACKED_SCORE
from approx_perception.structures import SLA, SlaScope

__all__ = [
    "FIELDS",
    "NETWORK_FIELDS",
    "KernelOptions",
    "check_target",
    "kernel_options",
    "parameters_of",
    "sla_of",
]

#: Words of commands and parameters of the node for fields that are called otherwise.
FIELDS = {
    "class_names": "class_names_file", "threads": "num_threads",
    "nms.class_agnostic_iou": "class_agnostic_iou", "sla.latency_ms": "sla_ms",
    "sla.quantile": "sla_quantile", "sla.scope": "sla_scope",
    "sla.accuracy": "sla_accuracy",
}  # fmt: skip
#: Fields that tell one network from another.
NETWORK_FIELDS = (
    "task", "detector", "weights", "class_names_file", "device", "precision", "num_threads",
)  # fmt: skip
#: Parameters of the node that are fields, beside those of the SLA and paths.
_PARAMETERS = (
    "detector", "weights", "device", "precision", "num_threads", "space", "policy", "branch",
    "score_threshold", "nms.class_agnostic_iou",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """What a user may choose at start.

    Attributes
    ----------
    task
        What is done with images: ``detection``.
    detector, weights, class_names_file, device
        The network; see `DetectorOptions`.
    precision
        ``auto`` (the faster one on this machine), ``float32`` or ``bfloat16``.
    num_threads
        CPU threads of one inference; 0 for one less than the cores, at least one.
    space
        A YAML file, the name of a shipped space, or empty for the network's own.
    policy
        A name of `POLICY_NAMES`.
    branch
        For the policy ``fixed``, as ``shape=416,si=4``; knobs not named at their defaults.
    only_branch
        Whether to leave the space and keep just that branch, which need not be in it.
    sla
        In force from the first frame.
    score_threshold
        Weaker objects are followed and not told.
    class_agnostic_iou
        Of detections that overlap by more, whatever their classes, the best one is kept; 1.0: all.
    image_size
        Width and height in px of the images to expect.
    profile
        What ``approx-perception profile`` wrote; None to calibrate at start.
    """

    task: str = "detection"
    detector: str = DEFAULT_DETECTOR
    weights: str = ""
    class_names_file: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    num_threads: int = 0
    space: str = ""
    policy: str = "most_accurate"
    branch: str = ""
    only_branch: bool = False
    sla: SLA = field(default_factory=lambda: SLA(100.0))
    score_threshold: float = TRACKED_SCORE
    class_agnostic_iou: float = CLASS_AGNOSTIC_IOU
    image_size: tuple[int, int] = (640, 480)
    profile: Path | None = None


def kernel_options(words: Mapping[str, Any]) -> KernelOptions:
    """Options by the words of commands, of parameters of the node, or of the fields.

    Without a policy, a branch that is named is fixed, and with an accuracy latency is least.

    Raises
    ------
    ConfigurationError
        If a word is unknown, the SLA cannot be, or its accuracy would count for nothing.
    """
    given = {FIELDS.get(word, word): value for word, value in words.items()}
    sla = sla_of(
        given.pop("sla_ms", 100.0), given.pop("sla_quantile", 0.95),
        given.pop("sla_scope", "frame"), given.pop("sla_accuracy", 0.0),
    )  # fmt: skip
    known = [own.name for own in fields(KernelOptions)]
    if unknown := [word for word in given if word not in known]:
        raise ConfigurationError(
            f"there is no option {shown(unknown[0])}; choose {choices(sorted({*known, *FIELDS}))}"
        )
    for name in ("class_names_file", "profile"):
        given[name] = Path(given[name]) if given.get(name) else None
    implied = "least_latency" if sla.accuracy else "most_accurate"
    policy = given.get("policy") or ("fixed" if given.get("branch") else implied)
    given["policy"] = ALIASES.get(policy, policy)
    check_target(sla, [given["policy"]])
    return KernelOptions(**{"sla": sla, **given})


def check_target(sla: SLA, policies: Sequence[str]) -> None:
    """Refuse an accuracy that none of the policies heeds.

    Raises
    ------
    ConfigurationError
        Naming the policy that does.
    """
    if sla.accuracy and "least_latency" not in policies:
        raise ConfigurationError(
            f"the accuracy {sla.accuracy:g} is asked for, which the policy 'least_latency' alone "
            f"heeds, and the policy is {shown(policies[0])}; choose that policy, or leave the "
            "accuracy at 0"
        )


def parameters_of(options: KernelOptions) -> dict[str, object]:
    """Parameters of the node that mean what these options mean."""
    sla = options.sla.to_dict()
    paths = {name: str(getattr(options, name) or "") for name in ("class_names_file", "profile")}
    return {
        **{name: getattr(options, FIELDS.get(name, name)) for name in _PARAMETERS},
        **{f"sla.{name}": value for name, value in sla.items()}, **paths,
    }  # fmt: skip


def sla_of(
    latency_ms: float, quantile: float = 0.95, scope: str = "frame", accuracy: float = 0.0
) -> SLA:
    """Build an SLA of a user's words.

    Raises
    ------
    ConfigurationError
        If one of them cannot be.
    """
    if scope not in (names := [entry.value for entry in SlaScope]):
        raise ConfigurationError(f"the SLA's scope is {shown(scope)}; choose {choices(names)}")
    return SLA(latency_ms, quantile, SlaScope(scope), accuracy)
