"""Entry point of ``approx-perception``."""

import typer

from approx_perception import __version__
from approx_perception.cli._verb import Command
from approx_perception.cli.check import check
from approx_perception.cli.compare import compare
from approx_perception.cli.contend import contend
from approx_perception.cli.demo import demo
from approx_perception.cli.evaluate import evaluate
from approx_perception.cli.export import export
from approx_perception.cli.interface import interface
from approx_perception.cli.profile import profile
from approx_perception.cli.report import report
from approx_perception.cli.run import run
from approx_perception.cli.synthesize import synthesize
from approx_perception.cli.train import train

__all__ = ["main"]

app = typer.Typer(
    help="Detect and track objects inside a latency budget that can change while it runs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",
)
for command in (
    check, run, demo, synthesize, train, export, profile, contend, evaluate, compare, report,
    interface,
):  # fmt: skip
    app.command(cls=Command)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Take the options before the verb."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
