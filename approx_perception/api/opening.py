"""From a user's options to a network that is open."""

from pathlib import Path

from approx_perception.api.perception import Perception
from approx_perception.api.words import accepted, of_task, size_of
from approx_perception.assembly import assemble
from approx_perception.assembly.options import check_target, check_words, kernel_options
from approx_perception.assembly.tasks import task_of
from approx_perception.notices import notice

__all__ = ["open"]


def open(
    *,
    task: str = "detection",
    detector: str = "faster_rcnn",
    classifier: str = "approxnet",
    weights: str | Path = "",
    class_names: str | Path = "",
    space: str | Path = "",
    policy: str | None = None,
    branch: str = "",
    profile: str | Path = "",
    sla_ms: float = 100.0,
    sla_quantile: float = 0.95,
    sla_scope: str = "frame",
    sla_accuracy: float = 0.0,
    score_threshold: float = 0.3,
    class_agnostic_iou: float = 0.7,
    top_k: int = 5,
    smoothing: float = 0.0,
    region: str = "",
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "auto",
    threads: int = 0,
    image_size: tuple[int, int] = (640, 480),
) -> Perception:
    """Load a network, preheat its branches and measure what they cost; takes seconds.

    Options mean what they mean on the command line (`approx-perception run --help`).

    Parameters
    ----------
    task
        ``detection`` or ``classification``.
    detector, classifier, weights, class_names
        The network: a family of the task, a weights file or name, and a text file with one class
        name a line.
    space, profile
        Branches to choose from, and what ``approx-perception profile`` wrote on this machine.
    policy, branch
        How to choose; a branch alone is fixed. Left out, the SLA decides.
    sla_ms, sla_quantile, sla_scope
        Budget in ms, share that must be inside it, and ``frame`` or ``gof``.
    sla_accuracy
        Accuracy wanted, 0..1: the quickest branch that reaches it runs. 0 for none.
    score_threshold, class_agnostic_iou
        Weaker objects are not told; of objects that overlap by more only the best one is kept.
    top_k, smoothing, region
        Of a classification: classes to tell, weight of the images before, and what part of the
        image counts, as ``"left,top,right,bottom"`` in shares of its size.
    device, runtime, precision, threads
        What the network runs on, and in.
    image_size
        Width and height in px of most images: latencies are measured for it.

    Raises
    ------
    ConfigurationError
        If an option cannot be used; the sentence echoes its value and names the choices.
    WeightsError
        If the network cannot be loaded.
    """
    words = {
        "detector": detector, "classifier": classifier, "weights": weights,
        "class_names": class_names, "space": space, "branch": branch, "profile": profile,
        "sla_ms": sla_ms, "sla_quantile": sla_quantile, "sla_scope": sla_scope,
        "sla_accuracy": sla_accuracy, "score_threshold": score_threshold,
        "class_agnostic_iou": class_agnostic_iou, "top_k": top_k, "smoothing": smoothing,
        "region": region, "device": device, "runtime": runtime, "precision": precision,
        "threads": threads,
    }  # fmt: skip
    if policy is not None:
        words["policy"] = policy
    check_words({}, task)
    checked = {word: accepted(word, value, task) for word, value in of_task(words, task).items()}
    options = kernel_options(
        {**checked, "task": task, "only_branch": bool(branch), "image_size": size_of(image_size)}
    )
    check_target(options.sla, [options.policy])
    if note := task_of(options).note(options):
        notice(note)
    return Perception(assemble(options))
