"""Outcomes of systems over the same frames: means over runs, table, picture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from approx_perception.metrics.intervals import interval_of

Row = dict[str, Any]
OURS = "ours"
_FIGURES = ("ap50", "violations", "mean_ms", "p95_ms", "switches")
#: Share that an SLA of 95 % lets be late.
_ALLOWED = 0.05
_COLOURS = {
    OURS: "tab:blue", "policy approxdet": "tab:orange", "best fixed, SLA met in all": "tab:gray",
    "best fixed, SLA met at each level": "black", "oracle": "tab:green",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one system did on all frames; ``resampled_ap50`` is of draws of blocks of them."""

    name: str
    ap50: float
    resampled_ap50: np.ndarray
    violations: float
    mean_ms: float
    p95_ms: float
    switches: float


def system_of(name: str) -> str:
    """Name of a system without its branch and in how many runs it was found."""
    return name.partition(":")[0].partition(" (in ")[0]


def mean_outcomes(runs: Sequence[Sequence[Outcome]]) -> list[Outcome]:
    """Means over runs of the same systems; each fixed branch is the best of its own run."""
    by_system: dict[str, list[Outcome]] = {}
    for outcome in (o for run in runs for o in run):
        by_system.setdefault(system_of(outcome.name), []).append(outcome)
    means = []
    for system, own in by_system.items():
        name = own[0].name if all(o.name == own[0].name for o in own) else system
        if len(own) < len(runs):
            name += f" (in {len(own)} of {len(runs)} runs)"
        figures = {
            field: np.mean([getattr(o, field) for o in own], axis=0)
            for field in (*_FIGURES, "resampled_ap50")
        }
        means.append(Outcome(name, **figures))
    return means


def rows_of(outcomes: Sequence[Outcome]) -> list[Row]:
    """Plain JSON; by how much ours is ahead is judged on the same draws of frames for both."""
    ours = next(o for o in outcomes if o.name == OURS)
    rows = []
    for other in outcomes:
        row: Row = {"name": other.name} | {f: float(getattr(other, f)) for f in _FIGURES}
        lead = interval_of(ours.ap50 - other.ap50, ours.resampled_ap50 - other.resampled_ap50)
        rows.append(row | {"ours_ahead": [lead.value, lead.low, lead.high]})
    return rows


def table(rows_by_sla: Mapping[str, Sequence[Row]]) -> str:
    """Markdown."""
    lines = []
    for sla, rows in rows_by_sla.items():
        lines += [
            f"\n**SLA {sla}**\n",
            "| system | AP50 | ours ahead by (95 %) | over the SLA | mean | P95 | switches |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in rows:
            ahead = "{:+.3f} ({:+.3f} to {:+.3f})".format(*row["ours_ahead"])
            lines.append(
                f"| {row['name']} | {row['ap50']:.3f} | {'' if row['name'] == OURS else ahead} | "
                f"{row['violations']:.1%} | {row['mean_ms']:.1f} ms | {row['p95_ms']:.1f} ms | "
                f"{row['switches']:.0f} |"
            )
    return "\n".join(lines) + "\n"


def draw(rows_by_sla: Mapping[str, Sequence[Row]], path: Path, title: str) -> None:
    """AP50 against the SLA, a line for each system; hollow where it misses the SLA."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for system, colour in _COLOURS.items():
        points = [
            (float(sla.split(" ")[0]), row["ap50"], row["violations"])
            for sla, rows in rows_by_sla.items()
            for row in rows
            if system_of(row["name"]) == system
        ]
        if not points:
            continue
        x, y, over = zip(*points, strict=True)
        faces = [colour if share <= _ALLOWED else "white" for share in over]
        axes.plot(x, y, color=colour, label=system)
        axes.scatter(x, y, 36, faces, edgecolors=colour, zorder=3)
        for *at, share in points:
            if share > _ALLOWED:
                axes.annotate(
                    f"{share:.0%}", at, textcoords="offset points", xytext=(5, -11), fontsize=7,
                    color=colour,
                )  # fmt: skip
    axes.set_xlabel(f"SLA, ms (hollow: more than {_ALLOWED:.0%} over it, and how many)")
    axes.set_ylabel("AP50")
    axes.set_title(title)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def write(outcomes_by_sla: Mapping[str, Sequence[Outcome]], folder: Path, title: str) -> str:
    """Write table.md, table.json and picture.png; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {sla: rows_of(own) for sla, own in outcomes_by_sla.items()}
    (folder / "table.md").write_text(text := table(rows), encoding="utf-8")
    (folder / "table.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    draw(rows, folder / "picture.png", title)
    return text
