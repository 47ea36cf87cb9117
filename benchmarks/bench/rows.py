"""What a benchmark measures: contestants that take turns, and rows of a table."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

__all__ = ["Row", "compared", "in_turns", "markdown"]


@dataclass(frozen=True)
class Row:
    """Ours beside something else, measured in the same run.

    Attributes
    ----------
    section, what
        Where it belongs, and what is measured.
    ours
        Median, in ``unit``.
    p95
        Of ours.
    other_name, other
        What it is compared with, and its median.
    unit
        Of both.
    more
        Further figures, for the JSON file and the last column.
    """

    section: str
    what: str
    ours: float
    p95: float
    other_name: str
    other: float
    unit: str = "ms"
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times as much the other takes."""
        return self.other / self.ours if self.ours > 0 else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return {**asdict(self), "ratio": self.ratio}


def in_turns(
    contestants: Mapping[str, Callable[[], object]], rounds: int, preheats: int = 2
) -> dict[str, np.ndarray]:
    """``(rounds,)`` ms of each contestant, in turns; the order rotates, so that drift hits all."""
    names = list(contestants)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for index in range(preheats + rounds):
        for place in range(len(names)):
            name = names[(index + place) % len(names)]
            start = time.perf_counter()
            contestants[name]()
            samples[name].append(1e3 * (time.perf_counter() - start))
    return {name: np.array(own[preheats:]) for name, own in samples.items()}


def compared(
    section: str,
    what: str,
    ours: Callable[[], object],
    other_name: str,
    other: Callable[[], object],
    rounds: int,
) -> Row:
    """Time two in turns."""
    ms = in_turns({"ours": ours, "other": other}, rounds)
    return Row(
        section, what, float(np.median(ms["ours"])), float(np.percentile(ms["ours"], 95)),
        other_name, float(np.median(ms["other"])),
        more={"other_p95": float(np.percentile(ms["other"], 95)), "rounds": rounds},
    )  # fmt: skip


def markdown(rows: Sequence[Row]) -> str:
    """One table of all rows."""
    lines = [
        "| section | what | ours: median (P95) | beside | its median | other / ours |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.section} | {row.what} | {row.ours:.3g} ({row.p95:.3g}) {row.unit} "
        f"| {row.other_name} | {row.other:.3g} {row.unit} | {row.ratio:.2f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
