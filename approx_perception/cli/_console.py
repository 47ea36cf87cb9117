"""Where commands print: progress to standard error, verdicts to standard output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["console", "download_bar", "progress_bar", "show_verdict"]

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


@contextmanager
def download_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show how far a download is; yields what is to be told text, bytes done and bytes in all."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", visible=False)
        yield lambda text, done, total: bar.update(
            task, description=text, completed=done, total=total or None, visible=True
        )


def show_verdict(text: str, state: str, name: str = "") -> None:
    """Print on standard output whether the SLA was kept, or a line about that."""
    _results.print(Text(f"{name}: {text}" if name else text, style=_STYLES.get(state, "bold")))
