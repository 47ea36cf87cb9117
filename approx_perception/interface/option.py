"""What one option of the commands is."""

from dataclasses import dataclass
from pathlib import Path

from approx_perception.exceptions import ConfigurationError, shown

__all__ = ["GROUPS", "REQUIRED", "Option"]

#: Default of what must be given.
REQUIRED = ...
#: Groups of `--help` in their order; advanced options stand in groups of their own behind them.
GROUPS = ("Results", "Source", "Network", "Latency budget", "Run")


@dataclass(frozen=True, slots=True)
class Option:
    """One option or argument of one or several commands.

    Attributes
    ----------
    name
        As the command's function takes it; the flag is the same with dashes.
    default
        None for nothing; `REQUIRED` for what must be given.
    help
        Sentences for users.
    verbs
        Commands that take it.
    group
        Panel of ``--help``, one of `GROUPS`; empty for an argument.
    limits
        Ends of a number's range, both included; None where the library checks.
    advanced
        Whether a newcomer does without it; shown in a panel of its own.
    kind
        Type of the value, where there is no default that tells it.
    is_several
        Whether it may be given several times.
    aliases
        Flags that mean the same.
    task
        What alone it has a meaning for; None: any.
    """

    name: str
    default: object
    help: str
    verbs: tuple[str, ...]
    group: str = "Results"
    limits: tuple[float | None, float | None] = (None, None)
    advanced: bool = False
    kind: type = str
    is_several: bool = False
    metavar: str | None = None
    aliases: tuple[str, ...] = ()
    task: str | None = None

    @property
    def value_type(self) -> type:
        """Of one value."""
        if self.default is None or self.default is REQUIRED:
            return self.kind
        return Path if isinstance(self.default, Path) else type(self.default)

    @property
    def flag(self) -> str:
        """As the user writes it; empty for an argument."""
        return self.group and f"--{self.name.replace('_', '-')}"

    @property
    def panel_task(self) -> str:
        """Task whose panel shows it, behind all others; empty for none."""
        return (self.task or "") if self.advanced else ""

    @property
    def panel(self) -> str | None:
        """Where ``--help`` shows it; None beside ``--help`` itself."""
        if self.panel_task:
            return f"Advanced: {self.panel_task} only"
        if self.advanced:
            return f"Advanced: {self.group.lower()}"
        return None if self.group == "Results" else self.group

    @property
    def range(self) -> str:
        """Of a number, as ``1..64``; empty where the library checks."""
        low, high = ("" if end is None else f"{end:g}" for end in self.limits)
        return f"{low}..{high}" if low or high else ""

    def number(self, text: object) -> int | float:
        """Read a number.

        Raises
        ------
        ConfigurationError
            If it is none, or outside the range; echoes it.
        """
        kind = "whole number" if self.value_type is int else "number"
        try:
            value = self.value_type(text)
        except ValueError as error:
            raise ConfigurationError(f"{shown(text)} is no {kind}") from error
        low, high = self.limits
        # Written so that nan is refused.
        if not (low is None or value >= low) or not (high is None or value <= high):
            raise ConfigurationError(f"{shown(text)} is not in the range {self.range}")
        return value  # type: ignore[no-any-return]
