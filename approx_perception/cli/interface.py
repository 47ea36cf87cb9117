"""``approx-perception interface``: what the nodes offer, as a parameter file or a page."""

from typing import Annotated

import typer

from approx_perception.cli._options import one_sentence_errors
from approx_perception.exceptions import ConfigurationError
from approx_perception.interface.documents import node_page, parameters_yaml

__all__ = ["interface"]


@one_sentence_errors
def interface(
    yaml: Annotated[
        bool, typer.Option("--yaml", help="All parameters with their defaults, for --params-file.")
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="All topics, services and parameters, as Markdown.")
    ] = False,
) -> None:
    """Print the parameters, topics and services of the nodes."""
    if yaml == page:
        raise ConfigurationError("give either --yaml or --page")
    # Not typer.echo with a newline of its own: the files end with one.
    typer.echo(parameters_yaml() if yaml else node_page(), nl=False)
