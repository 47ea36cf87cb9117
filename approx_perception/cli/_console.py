"""Where commands print: progress to standard error, verdicts to standard output."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["console", "progress_bar", "show_verdict"]

#: Progress and tables go here; nothing but results to standard output.
console = Console(stderr=True)
#: Verdicts, whole lines also where the terminal is narrow or a file.
_results = Console(soft_wrap=True, highlight=False)
_STYLES = {"kept": "bold green", "broken": "bold red"}


def progress_bar() -> Progress:
    """Return the bar that all long work shows."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def show_verdict(text: str, state: str, name: str = "") -> None:
    """Print on standard output whether the SLA was kept, or a line about that."""
    _results.print(Text(f"{name}: {text}" if name else text, style=_STYLES.get(state, "bold")))
