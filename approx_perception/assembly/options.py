"""What a user may choose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from approx_perception.classifiers import DEFAULT_CLASSIFIER
from approx_perception.detectors import DEFAULT_DETECTOR
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.interface.parameters import KERNEL_PARAMETERS, task_of_word
from approx_perception.interface.systems import ALIASES, TASKS
from approx_perception.kernels.candidates import CLASS_AGNOSTIC_IOU, TRACKED_SCORE
from approx_perception.structures import SLA, SlaScope

__all__ = [
    "FIELDS",
    "NETWORK_FIELDS",
    "KernelOptions",
    "check_target",
    "check_words",
    "kernel_options",
    "own_values",
    "parameters_of",
    "sla_of",
    "unheeded_accuracy",
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
    "task", "detector", "classifier", "weights", "class_names_file", "device", "runtime",
    "precision", "num_threads",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """What a user may choose at start.

    Attributes
    ----------
    task
        What is done with images: a name of `TASKS`.
    detector, classifier
        Family of the network, of the one task and of the other.
    weights, class_names_file, device
        The network; see `DetectorOptions` and `ClassifierOptions`.
    runtime, precision
        Names of `runtime_names` and `PRECISIONS`; ``auto`` is the fastest one on this machine.
    num_threads
        CPU threads of one inference; 0 for one less than the cores, at least one.
    space
        A YAML file, the name of a shipped space, or empty for the network's own.
    policy
        A name of `POLICIES`.
    branch
        For the policy ``fixed``, as ``shape=416,si=4``; knobs not named at their defaults.
    only_branch
        Whether to leave the space and keep just that branch, which need not be in it.
    sla
        In force from the first frame.
    execution
        A name of `EXECUTIONS`.
    score_threshold
        Weaker objects are followed and not told.
    class_agnostic_iou
        Of detections that overlap by more, whatever their classes, the best one is kept; 1.0: all.
    top_k
        Classes of a classification that are told.
    smoothing
        Weight of the images before in a classification.
    region
        Part of the image that is classified, as ``left,top,right,bottom`` in shares of its size;
        empty for all of it.
    image_size
        Width and height in px of the images to expect.
    profile
        What ``approx-perception profile`` wrote; None to calibrate at start.
    """

    task: str = "detection"
    detector: str = DEFAULT_DETECTOR
    classifier: str = DEFAULT_CLASSIFIER
    weights: str = ""
    class_names_file: Path | None = None
    device: str = "auto"
    runtime: str = "auto"
    precision: str = "auto"
    num_threads: int = 0
    space: str = ""
    policy: str = "most_accurate"
    branch: str = ""
    only_branch: bool = False
    sla: SLA = field(default_factory=lambda: SLA(100.0))
    execution: str = "sequential"
    score_threshold: float = TRACKED_SCORE
    class_agnostic_iou: float = CLASS_AGNOSTIC_IOU
    top_k: int = 5
    smoothing: float = 0.0
    region: str = ""
    image_size: tuple[int, int] = (640, 480)
    profile: Path | None = None


def check_words(words: Mapping[str, Any], task: str, written: Callable[[str], str] = str) -> None:
    """Refuse words that say something, but mean nothing for a task.

    Parameters
    ----------
    words
        By name, as for `kernel_options`.
    task
        What they are for.
    written
        From a word to how the user writes it.

    Raises
    ------
    ConfigurationError
        If there is no such task, or naming the word.
    """
    if task not in TASKS:
        raise ConfigurationError(f"there is no task {shown(task)}; choose {choices(TASKS)}")
    plain = KernelOptions()
    for word, value in words.items():
        foreign = task_of_word(word) not in (None, task)
        if foreign and value != getattr(plain, FIELDS.get(word, word)):
            raise ConfigurationError(
                f"{written(word)} is {shown(value)}, but has no meaning for {task}; leave it out"
            )


def kernel_options(words: Mapping[str, Any], written: Callable[[str], str] = str) -> KernelOptions:
    """Options by the words of commands, of parameters of the node, or of the fields.

    Without a policy, a branch that is named is fixed, and with an accuracy latency is least.

    Raises
    ------
    ConfigurationError
        If a word is unknown or of another task (``written`` as in `check_words`), or the SLA
        cannot be.
    """
    check_words(words, words.get("task", KernelOptions().task), written)
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
    return KernelOptions(**{"sla": sla, **given})


def check_target(sla: SLA, policies: Sequence[str]) -> None:
    """Refuse an accuracy that none of the policies heeds.

    Raises
    ------
    ConfigurationError
        Naming the policy that does.
    """
    if sentence := unheeded_accuracy(sla, policies):
        raise ConfigurationError(sentence)


def unheeded_accuracy(sla: SLA, policies: Sequence[str]) -> str:
    """Say that none of the policies heeds the accuracy asked for; empty where one does."""
    if not sla.accuracy or "least_latency" in policies:
        return ""
    return (
        f"the accuracy {sla.accuracy:g} is asked for, which the policy 'least_latency' alone "
        "heeds, "
        f"and the policy is {shown(policies[0])}; choose that policy, or leave the accuracy at 0"
    )


def own_values(options: KernelOptions) -> dict[str, Any]:
    """Fields by name, without those of other tasks."""
    return {
        name: value
        for name, value in asdict(options).items()
        if task_of_word(name) in (None, options.task)
    }


def parameters_of(options: KernelOptions) -> dict[str, object]:
    """Parameters of the task's node that mean what these options mean."""
    known = {own.name for own in fields(KernelOptions)}
    values: dict[str, object] = {}
    for own in KERNEL_PARAMETERS[options.task]:
        field_name = FIELDS.get(own.name, own.name)
        if field_name in known:
            value = getattr(options, field_name)
            values[own.name] = str(value or "") if isinstance(own.default, str) else value
    return values | {f"sla.{name}": value for name, value in options.sla.to_dict().items()}


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
