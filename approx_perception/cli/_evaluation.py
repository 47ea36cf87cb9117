"""What run, evaluate and compare share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from approx_perception.cli._console import console, download_bar, progress_bar, show_verdict
from approx_perception.exceptions import ConfigurationError
from approx_perception.metrics.identity import missing_library
from approx_perception.notices import notice

if TYPE_CHECKING:
    from approx_perception.assembly import KernelOptions
    from approx_perception.evaluation.evaluate import Evaluation

__all__ = [
    "command_and_date",
    "kernel_of",
    "require_ros",
    "show_failures",
    "show_truth",
    "show_verdicts",
    "show_warnings",
    "sources_bar",
    "tell_malformed",
]


def kernel_of(words: Mapping[str, Any]) -> KernelOptions:
    """Options of a kernel; says what was taken for what, and downloads a network that is named."""
    from approx_perception.assembly.options import check_target, kernel_options
    from approx_perception.assembly.tasks import task_of

    options = kernel_options(words, lambda word: f"--{word.replace('_', '-')}")
    check_target(options.sla, [options.policy])
    if note := task_of(options).note(options):
        notice(note)
    with download_bar() as bar:
        task_of(options).fetch(options, bar)
    return options


def require_ros(what: str) -> None:
    """Refuse what needs ROS where it is not there.

    Raises
    ------
    ConfigurationError
        Saying how to get it.
    """
    try:
        import rclpy  # noqa: F401

        import approx_perception.msg  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"{what} needs ROS 2 and this package's messages ({error}); source a workspace in "
            "which the package is built, or use the environment that make sets up"
        ) from error


def tell_malformed(count: int, network: str) -> None:
    """Warn of detections that were dropped."""
    from approx_perception.detectors import malformed_sentence

    if count:
        show_warnings([malformed_sentence(count, network)])


@contextmanager
def sources_bar(count: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar of sources; yields what is to be called after each."""
    with progress_bar() as progress:
        task = progress.add_task("sources", total=count)
        yield lambda: progress.advance(task)


def command_and_date() -> dict[str, str]:
    """How a result was made: the command to repeat it with, and when it ended."""
    command = shlex.join(["approx-perception", *sys.argv[1:]])
    return {"command": command, "date": datetime.now().astimezone().isoformat(" ", "seconds")}


def show_verdicts(systems: Mapping[str, Mapping[str, Any]]) -> None:
    """Print whether the SLA was kept and what that cost; with names where there are several."""
    for name, entry in systems.items():
        verdict, shown_name = entry["verdict"], name if len(systems) > 1 else ""
        for own in verdict["slas"]:
            show_verdict(own["text"], own["state"], shown_name)
        show_verdict(verdict["cost"], "", shown_name)


def show_truth(use: Mapping[str, Any]) -> None:
    """Tell how much of the ground truth was used, and why not all of it."""
    from approx_perception.metrics.truth_use import truth_words

    if use["frames_with_truth"] or use["warnings"]:
        console.print(f"ground truth: {truth_words(use)}")
    show_warnings(use["warnings"])


def show_warnings(texts: Sequence[str]) -> None:
    """Tell what to be careful of."""
    for text in texts:
        console.print(f"[yellow]warning:[/yellow] {escape(text)}", soft_wrap=True)


def show_failures(evaluation: Evaluation) -> None:
    """Tell what went wrong, and what was left out."""
    if missing := missing_library():
        notice(missing)
    for error in evaluation.failures:
        console.print(f"[red]failed:[/red] {escape(error)}", soft_wrap=True)
    for name, own in evaluation.result["systems"].items():
        tell_malformed(own["malformed_detections"], f"the network of {name}")
