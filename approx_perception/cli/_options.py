"""Options that several verbs share, and how errors reach the user."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from approx_perception.datasets import SOURCE_HELP
from approx_perception.datasets.image_header import MAX_IMAGE_PX_RANGE
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError
from approx_perception.interface import help_of
from approx_perception.notices import NOTICES
from approx_perception.structures import SLA, SlaScope

if TYPE_CHECKING:
    from approx_perception.assembly import KernelOptions

P = ParamSpec("P")
T = TypeVar("T")

__all__ = [
    "AgnosticOption",
    "BranchOption",
    "ClassNamesOption",
    "DetectorOption",
    "DeviceOption",
    "MaxImageOption",
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
    "ThresholdOption",
    "TopicOption",
    "WeightsOption",
    "console",
    "milliseconds",
    "one_sentence_errors",
    "progress_bar",
    "show_verdict",
    "sla_from",
    "tell_malformed",
    "tell_note",
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
DetectorOption = Annotated[str, typer.Option(help=help_of("detector"))]
WeightsOption = Annotated[
    str,
    typer.Option(
        help=help_of("weights"),
        show_default=False,
    ),
]
ClassNamesOption = Annotated[
    Path | None,
    typer.Option(help=help_of("class_names_file"), show_default=False),
]
DeviceOption = Annotated[str, typer.Option(help=help_of("device"))]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help=help_of("precision"),
    ),
]
ThreadsOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=256,
        help=help_of("num_threads"),
    ),
]
SpaceOption = Annotated[
    str,
    typer.Option(
        help=help_of("space"),
        show_default=False,
    ),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        help=f"{help_of('policy')} Default: fixed where --branch is given, else most_accurate.",
        show_default=False,
    ),
]
BranchOption = Annotated[
    str,
    typer.Option(
        help=help_of("branch"),
        show_default=False,
    ),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option(
        help=help_of("profile"),
        show_default=False,
    ),
]
QuantileOption = Annotated[float, typer.Option(help=help_of("sla.quantile"))]
ThresholdOption = Annotated[float, typer.Option(min=0.0, max=1.0, help=help_of("score_threshold"))]
AgnosticOption = Annotated[
    float,
    typer.Option("--class-agnostic-iou", min=0.0, max=1.0, help=help_of("nms.class_agnostic_iou")),
]
ScopeOption = Annotated[str, typer.Option(help=help_of("sla.scope"))]
OutOption = Annotated[Path, typer.Option(help="Folder for the results.")]
OverwriteOption = Annotated[bool, typer.Option(help="Replace the folder if it exists.")]
MaxImageOption = Annotated[
    int,
    typer.Option(
        "--max-image-px", min=MAX_IMAGE_PX_RANGE[0], max=MAX_IMAGE_PX_RANGE[1],
        help=help_of("max_image_px"),
    ),
]  # fmt: skip
SeedOption = Annotated[int, typer.Option(help="Variant of what is random.")]

#: Progress and tables go here; nothing but results to standard output.
console = Console(stderr=True)
#: Verdicts, whole lines also where the terminal is narrow or a file.
_results = Console(soft_wrap=True, highlight=False)
_STYLES = {"kept": "bold green", "broken": "bold red"}


class _NoticesOnConsole(logging.Handler):
    """Print each notice once: a source that is read again finds the same again."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        text = record.getMessage()
        if text not in self._told:
            self._told.add(text)
            console.print(f"[yellow]note:[/yellow] {escape(text)}", soft_wrap=True)


def one_sentence_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Print notices; turn our errors into one sentence on standard error and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        handler = _NoticesOnConsole()
        NOTICES.addHandler(handler)
        try:
            return command(*args, **kwargs)
        except ApproxPerceptionError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            # A full disk, a vanished folder: what nobody nearer has put into words.
            place = f": {error.filename}" if error.filename else ""
            print(f"error: {error.strerror or error}{place}", file=sys.stderr)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(130) from error
        finally:
            NOTICES.removeHandler(handler)

    return wrapped


def progress_bar() -> Progress:
    """Return the bar that all long work shows."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def show_verdict(text: str, state: str, name: str = "") -> None:
    """Print on standard output whether the SLA was kept, or a line about that."""
    _results.print(Text(f"{name}: {text}" if name else text, style=_STYLES.get(state, "bold")))


def tell_malformed(count: int, network: str) -> None:
    """Warn of detections that were dropped."""
    if count:
        console.print(
            f"warning: {count} detections of {network} were dropped because they cannot be objects "
            "(not finite, without extent, far larger than the image, scores outside 0 to 1, "
            "unknown classes)",
            soft_wrap=True, highlight=False, markup=False,
        )  # fmt: skip


def tell_note(options: KernelOptions) -> None:
    """Say what was taken for what."""
    if options.note:
        console.print(f"note: {options.note}", soft_wrap=True, highlight=False, markup=False)


def sla_from(latency_ms: float, quantile: float, scope: str) -> SLA:
    """Build an SLA of options."""
    if scope not in (names := [entry.value for entry in SlaScope]):
        raise ConfigurationError(f"the SLA's scope is {scope!r}; choose {' or '.join(names)}")
    return SLA(latency_ms, quantile, SlaScope(scope))
