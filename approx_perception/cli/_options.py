"""Options that several verbs share, and how errors reach the user."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from approx_perception.datasets import SOURCE_HELP
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError
from approx_perception.structures import SLA, SlaScope

P = ParamSpec("P")
T = TypeVar("T")

__all__ = [
    "BranchOption",
    "ClassNamesOption",
    "DetectorOption",
    "DeviceOption",
    "OutOption",
    "OverwriteOption",
    "PolicyOption",
    "PrecisionOption",
    "ProfileOption",
    "QuantileOption",
    "ScopeOption",
    "SeedOption",
    "SourceArgument",
    "SpaceOption",
    "ThreadsOption",
    "TopicOption",
    "WeightsOption",
    "console",
    "milliseconds",
    "one_sentence_errors",
    "progress_bar",
    "sla_from",
]


def milliseconds(text: str) -> float:
    """Read a latency; typer's own message would not echo it."""
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a number of milliseconds") from error


SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)]
TopicOption = Annotated[
    str | None, typer.Option(help="Image topic, where a bag has several.", show_default=False)
]
DetectorOption = Annotated[
    str, typer.Option(help="Detector family: faster_rcnn, yolox or ssdlite.")
]
WeightsOption = Annotated[
    str,
    typer.Option(
        help="A weights file (state dict or ONNX) or the name of torchvision's, such as "
        "FasterRCNN_ResNet50_FPN_Weights.COCO_V1. Empty: the network that ships.",
        show_default=False,
    ),
]
ClassNamesOption = Annotated[
    Path | None,
    typer.Option(help="Text file with one class name a line.", show_default=False),
]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda or auto.")]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help="Of the backbone of faster_rcnn: float32, bfloat16, or auto for the faster one here."
    ),
]
ThreadsOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=256,
        help="CPU threads of one inference; 0: one less than the cores, so that one is left for "
        "everything else.",
    ),
]
SpaceOption = Annotated[
    str,
    typer.Option(
        help="Branch space: a YAML file or the name of a shipped one. Empty: the detector's own.",
        show_default=False,
    ),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        help="most_accurate (inside the SLA), fixed, fastest, approxdet (the original's, "
        "which needs --profile), adascale or triggered (baselines). "
        "Default: fixed where --branch is given, else most_accurate.",
        show_default=False,
    ),
]
BranchOption = Annotated[
    str,
    typer.Option(
        help="Branch for the policy fixed, as shape=416,si=4,tracker=median_flow,ds=2; knobs not "
        "named are the largest shape and nprop, and si=1.",
        show_default=False,
    ),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option(
        help="What `approx-perception profile` wrote on this machine, NAME.json. "
        "Default: calibrate at start.",
        show_default=False,
    ),
]
QuantileOption = Annotated[float, typer.Option(help="Share of frames that must be inside the SLA.")]
ScopeOption = Annotated[
    str, typer.Option(help="What the SLA counts: frame, or gof (mean over a group of frames).")
]
OutOption = Annotated[Path, typer.Option(help="Folder for the results.")]
OverwriteOption = Annotated[bool, typer.Option(help="Replace the folder if it exists.")]
SeedOption = Annotated[int, typer.Option(help="Variant of what is random.")]

#: Progress and tables go here; nothing but results to standard output.
console = Console(stderr=True)


def one_sentence_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Turn our errors into one sentence on standard error and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except ApproxPerceptionError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(130) from error

    return wrapped


def progress_bar() -> Progress:
    """Return the bar that all long work shows."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def sla_from(latency_ms: float, quantile: float, scope: str) -> SLA:
    """Build an SLA of options."""
    if scope not in (names := [entry.value for entry in SlaScope]):
        raise ConfigurationError(f"the SLA's scope is {scope!r}; choose {' or '.join(names)}")
    return SLA(latency_ms, quantile, SlaScope(scope))
