"""Outcomes of systems over the same frames: means over runs, table, picture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from approx_perception.evaluation.intervals import Interval, interval_of

OURS = "ours"
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

    @property
    def system(self) -> str:
        """Name without the branch."""
        return self.name.split(":")[0]


def mean_outcomes(runs: Sequence[Sequence[Outcome]]) -> list[Outcome]:
    """Means over runs of the same systems; each fixed branch is the best of its own run."""
    by_system: dict[str, list[Outcome]] = {}
    for outcome in (o for run in runs for o in run):
        by_system.setdefault(outcome.system, []).append(outcome)
    means = []
    for system, own in by_system.items():
        name = own[0].name if all(o.name == own[0].name for o in own) else system
        if len(own) < len(runs):
            name += f" (in {len(own)} of {len(runs)} runs)"
        figures = {
            field: np.mean([getattr(o, field) for o in own], axis=0)
            for field in ("ap50", "resampled_ap50", "violations", "mean_ms", "p95_ms", "switches")
        }
        means.append(Outcome(name, **figures))
    return means


def lead_over(ours: Outcome, other: Outcome) -> Interval:
    """By how much ours is ahead in AP50; both are judged on the same draws of frames."""
    return interval_of(ours.ap50 - other.ap50, ours.resampled_ap50 - other.resampled_ap50)


def rows_of(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Plain JSON."""
    ours = next(o for o in outcomes if o.name == OURS)
    rows = []
    for outcome in outcomes:
        lead = lead_over(ours, outcome)
        figures = ("ap50", "violations", "mean_ms", "p95_ms", "switches")
        rows.append(
            {
                "name": outcome.name,
                **{field: float(getattr(outcome, field)) for field in figures},
                "ours_ahead": {"value": lead.value, "low": lead.low, "high": lead.high},
            }
        )
    return rows


def table(outcomes_by_sla: Mapping[str, Sequence[Outcome]]) -> str:
    """Markdown."""
    lines = []
    for sla, outcomes in outcomes_by_sla.items():
        ours = next(o for o in outcomes if o.name == OURS)
        lines += [
            f"\n**SLA {sla}**\n",
            "| system | AP50 | ours ahead by (95 %) | over the SLA | mean | P95 | switches |",
            "|---|---|---|---|---|---|---|",
        ]
        for o in outcomes:
            lead = lead_over(ours, o)
            ahead = f"{lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f})"
            lines.append(
                f"| {o.name} | {o.ap50:.3f} | {'' if o is ours else ahead} | {o.violations:.1%} | "
                f"{o.mean_ms:.1f} ms | {o.p95_ms:.1f} ms | {o.switches:.0f} |"
            )
    return "\n".join(lines) + "\n"


def draw(outcomes_by_sla: Mapping[str, Sequence[Outcome]], path: Path, title: str) -> None:
    """AP50 against the SLA, a line for each system."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for system, colour in _COLOURS.items():
        points = [
            (float(sla.split(" ")[0]), o.ap50, o.violations)
            for sla, outcomes in outcomes_by_sla.items()
            for o in outcomes
            if o.system == system
        ]
        if points:
            x, y, over = zip(*points, strict=True)
            axes.plot(x, y, "o-", color=colour, label=system)
            for point in zip(x, y, over, strict=True):
                axes.annotate(
                    f"{point[2]:.0%}", point[:2], textcoords="offset points", xytext=(4, -11),
                    fontsize=7, color=colour,
                )  # fmt: skip
    axes.set_xlabel("SLA, ms (figures: share of frames over it)")
    axes.set_ylabel("AP50")
    axes.set_title(title)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def write(outcomes_by_sla: Mapping[str, Sequence[Outcome]], folder: Path, title: str) -> None:
    """Write table.md, table.json and picture.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(table(outcomes_by_sla), encoding="utf-8")
    rows = {sla: rows_of(own) for sla, own in outcomes_by_sla.items()}
    (folder / "table.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    draw(outcomes_by_sla, folder / "picture.png", title)
