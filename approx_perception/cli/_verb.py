"""From a function to a command: its options as they are declared, and how errors reach the user."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand

from approx_perception.cli._console import console
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError, shown
from approx_perception.interface.option import REQUIRED, Option
from approx_perception.interface.options import DISUSED, options_of
from approx_perception.notices import NOTICES

__all__ = ["Command", "one_sentence_errors", "verb"]


class Command(TyperCommand):
    """A command that also takes old words for its options, without showing them."""

    def make_parser(self, ctx: Any) -> Any:
        """See `click.Command.make_parser`: knows the hidden flags, too."""
        parser: Any = super().make_parser(ctx)
        # Whose flag it is says only in which order values are checked.
        anyone = self.get_help_option(ctx)
        for option in options_of(str(self.name)):
            action = "append" if option.is_several else "store"
            for alias in option.aliases:
                parser.add_option(anyone, [alias], option.name, action)
                if not option.group:
                    parser._long_opt[alias].process = _as_argument
            if option.default is False:
                flag = option.flag.replace("--", "--no-", 1)
                parser.add_option(anyone, [flag], option.name, "store_const", const=False)
        for flag in DISUSED.get(str(self.name), ()):
            parser.add_option(anyone, [flag], flag)
        return parser


def _as_argument(value: str, state: Any) -> None:
    """Take the value of a flag as if it stood alone."""
    state.largs.append(value)


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


def one_sentence_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Print notices; turn our errors into one sentence on standard error and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        handler = _NoticesOnConsole()
        NOTICES.addHandler(handler)
        try:
            command(*args, **kwargs)
        except ApproxPerceptionError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            # A full disk, a vanished folder: what nobody nearer has put into words.
            place = f": {shown(str(error.filename))}" if error.filename else ""
            print(f"error: {error.strerror or error}{place}", file=sys.stderr)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            print(f"interrupted: {error}" if str(error) else "interrupted", file=sys.stderr)
            raise typer.Exit(130) from error
        finally:
            NOTICES.removeHandler(handler)

    return wrapped


def verb(body: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function whose name and arguments are declared in `interface.options`.

    Declared options that the function does not name reach it as ``**kwargs``.
    """
    command = one_sentence_errors(body)
    parameters = [_parameter(option) for option in options_of(body.__name__)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {}
    return command


def _parameter(option: Option) -> inspect.Parameter:
    """What typer reads of an option."""
    kind: Any = option.value_type
    if option.is_several:
        kind = GenericAlias(list, (kind,))
    if option.default is None:
        kind = kind | None
    if option.group:
        # Help tells of an empty text what it means.
        is_shown = option.default is not False and option.default != ""
        info = typer.Option(
            option.flag, help=option.help, show_default=is_shown, rich_help_panel=option.panel,
            **_reading(option),
        )  # fmt: skip
    else:
        info = typer.Argument(metavar=option.metavar, help=option.help)
    default = inspect.Parameter.empty if option.default is REQUIRED else option.default
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default,
        annotation=Annotated[kind, info],
    )  # fmt: skip


def _reading(option: Option) -> dict[str, Any]:
    """How a value is read."""
    if option.value_type is Path:
        return {"parser": _path, "metavar": option.metavar or "PATH"}
    return _number(option) if option.value_type in (int, float) else {"metavar": option.metavar}


def _path(text: str) -> Path:
    """Read the name of a file or folder; an empty one would be the current folder."""
    if not text:
        raise typer.BadParameter("it is empty; name a file or folder, or leave the option out")
    return Path(text)


def _number(option: Option) -> dict[str, Any]:
    """How a number is read: typer would not echo it."""

    def read(text: str) -> float:
        try:
            return option.number(text)
        except ConfigurationError as error:
            raise typer.BadParameter(str(error)) from error

    words = f"{option.value_type.__name__} {option.range}".strip()
    return {"parser": read, "metavar": f"<{words}>"}
