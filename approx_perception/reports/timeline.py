"""Pictures of a run over time."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from approx_perception.metrics.latency import group_means_ms
from approx_perception.reports.demo_report import FrameRecord, PhaseRecord, Vector, latency_arrays
from approx_perception.structures import FrameResult

__all__ = ["draw_timeline"]

_KINDS, _SLA, _AGE = ("#1f77b4", "#2ca02c"), "#d62728", "#7f7f7f"
#: The axis shows this multiple of the highest SLA or P99 latency; rarer spikes are cut.
_HEADROOM = 1.25


def draw_timeline(
    path: Path, frames: Sequence[FrameRecord], phases: Sequence[PhaseRecord], title: str
) -> None:
    """Draw latency, SLA, age and branch against time as PNG.

    Parameters
    ----------
    path
        File to write.
    frames
        As the topics told of them.
    phases
        SLAs and their times.
    title
        Over the picture.
    """
    figure = Figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.2, 1.8])
    start_ns = phases[0].start_ns
    results = [frame.result for frame in frames]
    seconds = np.array([(result.stamp_ns - start_ns) / 1e9 for result in results])
    _draw_latency(axes[0], seconds, results, phases, start_ns)
    axes[1].plot(seconds, [frame.age_ms for frame in frames], ".", color=_AGE, markersize=3)
    axes[1].set_ylabel("age at publish (ms)")
    axes[1].set_ylim(bottom=0)
    _draw_branches(axes[2], seconds, results)
    for axis in axes:
        axis.grid(visible=True, alpha=0.3)
        for phase in phases[1:]:
            axis.axvline((phase.start_ns - start_ns) / 1e9, color="black", linewidth=0.8, ls=":")
    axes[0].set_title(title)
    axes[2].set_xlabel("time (s)")
    figure.savefig(path, dpi=110)


def _draw_latency(
    axis: Axes,
    seconds: Vector,
    results: Sequence[FrameResult],
    phases: Sequence[PhaseRecord],
    start_ns: int,
) -> None:
    latencies, starts = latency_arrays(results)
    kinds = np.array([result.decision.kind for result in results])
    for kind, colour in zip(sorted(set(kinds)), cycle(_KINDS)):
        of_kind = kinds == kind
        axis.plot(
            seconds[of_kind], latencies[of_kind], ".", color=colour, markersize=4,
            label=f"{kind} frame",
        )  # fmt: skip
    if not starts.all():
        means = group_means_ms(latencies, starts)
        axis.plot(seconds, means, color="black", linewidth=1, label="mean of the group")
    edges = [(p.start_ns - start_ns) / 1e9 for p in phases]
    edges.append((phases[-1].end_ns - start_ns) / 1e9)
    levels = [phase.sla_ms for phase in phases]
    axis.stairs(levels, edges, color=_SLA, linewidth=2, label="SLA", baseline=None)
    top = max(*levels, float(np.percentile(latencies, 99)) if len(latencies) else 1.0)
    axis.set_ylim(0, _HEADROOM * top)
    axis.set_ylabel("processing (ms)")
    axis.legend(loc="upper right", ncols=4)


def _draw_branches(axis: Axes, seconds: Vector, results: Sequence[FrameResult]) -> None:
    branches = [str(result.decision.branch) for result in results]
    names = sorted(set(branches), key=branches.index)
    rows = [names.index(branch) for branch in branches]
    axis.plot(seconds, rows, "|", color=_KINDS[0], markersize=9)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_ylabel("branch")
