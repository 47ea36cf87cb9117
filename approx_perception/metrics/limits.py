"""Pass or fail: limits that figures must keep."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.metrics.figures import all_figures, described_figures
from approx_perception.metrics.scoring.by_task import scoring_of

__all__ = ["Limit", "check_limits", "read_limits"]

_PATTERN = re.compile(r"\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """What one figure must be.

    Attributes
    ----------
    figure
        A name of `all_figures`.
    relation
        ``>=``, ``<=``, ``>`` or ``<``.
    bound
        In the figure's unit.
    """

    figure: str
    relation: str
    bound: float

    def __str__(self) -> str:
        return f"{self.figure} {self.relation} {self.bound:g}"

    def is_kept(self, figures: Mapping[str, float]) -> bool:
        """Whether the figure is inside; one that is not known never is."""
        value = figures.get(self.figure, math.nan)
        if math.isnan(value):
            return False
        return {
            ">=": value >= self.bound, "<=": value <= self.bound,
            ">": value > self.bound, "<": value < self.bound,
        }[self.relation]  # fmt: skip


def check_limits(limits: Iterable[Limit], task: str) -> None:
    """Refuse limits of figures that a task has not.

    Raises
    ------
    ConfigurationError
        Naming the figure and what could be.
    """
    known = described_figures(scoring_of(task))
    for limit in limits:
        if limit.figure not in known:
            raise ConfigurationError(
                f"{task} has no figure {shown(limit.figure)} to limit; choose {choices(known)}"
            )


def read_limits(content: object, origin: str) -> list[Limit]:
    """Read ``{figure: "relation bound"}``.

    Raises
    ------
    ConfigurationError
        Naming the entry that cannot be used and what could be.
    """
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{origin}: limits are {shown(content)}, expected 'figure: \">=0.5\"'"
        )
    limits, known = [], all_figures()
    for figure, text in content.items():
        if figure not in known:
            raise ConfigurationError(
                f"{origin}: there is no figure {shown(figure)}; choose {choices(known)}"
            )
        match = _PATTERN.fullmatch(str(text))
        try:
            if match is None:
                raise ValueError
            limits.append(Limit(figure, match[1], float(match[2])))
        except ValueError:
            raise ConfigurationError(
                f"{origin}: the limit of {figure} is {shown(text)}; write a relation and a number, "
                "such as '>=0.7' or '<=50'"
            ) from None
    return limits
