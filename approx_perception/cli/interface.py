"""``approx-perception interface``: what the nodes offer, as a parameter file or a page."""

import typer

from approx_perception.cli._verb import verb
from approx_perception.exceptions import ConfigurationError
from approx_perception.interface.documents import node_page, parameters_yaml

__all__ = ["interface"]


@verb
def interface(yaml: bool, page: bool, task: str) -> None:
    """Print the parameters, topics and services of the nodes."""
    if yaml == page:
        raise ConfigurationError("give either --yaml or --page")
    # Not typer.echo with a newline of its own: the files end with one.
    typer.echo(parameters_yaml(task) if yaml else node_page(), nl=False)
