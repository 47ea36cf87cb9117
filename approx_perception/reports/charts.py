"""Interactive charts of recorded runs."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from approx_perception.metrics.adaptation import steps_of
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring.by_task import scoring_in
from approx_perception.reports.tasks.by_task import report_of

__all__ = [
    "accuracy_chart",
    "accuracy_remark",
    "distribution_chart",
    "seconds_of",
    "stages_chart",
    "timeline_chart",
]

Figures = Mapping[str, float]
Vector = npt.NDArray[np.float64]

_COLOURS = (
    "#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#666666",
)  # fmt: skip
_SLA = "#c0392b"
#: Longer names stand in the legend alone.
_LABEL_LENGTH = 20
_LABEL_PLACES = ("top center", "bottom center", "middle right", "middle left")
_LAYOUT = {
    "template": "plotly_white", "margin": {"l": 60, "r": 20, "t": 70, "b": 50},
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
}  # fmt: skip


def seconds_of(record: RunRecord) -> Vector:
    """Times of the processed frames since the first one of the source, in s."""
    stamps = record.processed("stamp_ns")
    return np.asarray((stamps - record.frames["stamp_ns"][0]) / 1e9)


def accuracy_chart(
    figures: Mapping[str, Figures], records: Mapping[str, Sequence[RunRecord]]
) -> go.Figure:
    """Accuracy of every system against its P95, and what branches that ran were expected to be."""
    chart, scoring = go.Figure(), scoring_in(next(iter(records.values()), ()))
    points = _branch_points(records)
    if points:
        latency, accuracy, names = zip(*points, strict=True)
        chart.add_scatter(
            x=latency, y=accuracy, text=names, mode="markers",
            name="branches that ran, as expected", marker={"color": "#bbbbbb", "size": 7},
            hovertemplate="%{text}<br>%{x:.1f} ms, %{y:.3f}",
        )  # fmt: skip
        front = _pareto(points)
        chart.add_scatter(
            x=[p[0] for p in front], y=[p[1] for p in front], mode="lines",
            name="their Pareto frontier", line={"color": "#999999", "shape": "hv"},
        )  # fmt: skip
    p95 = "p95_gof_ms" if _is_about_groups(records) else "p95_processing_ms"
    for index, (name, own) in enumerate(figures.items()):
        chart.add_scatter(
            x=[own[p95]], y=[own[scoring.measure]], mode="markers+text", name=name,
            text=[name if len(name) <= _LABEL_LENGTH else ""],
            textposition=_LABEL_PLACES[index % len(_LABEL_PLACES)],
            marker={"size": 14, "color": _COLOURS[index % len(_COLOURS)]},
            hovertemplate=f"P95 %{{x:.1f}} ms, {scoring.measure_name} %{{y:.3f}}",
        )  # fmt: skip
    _add_slas(chart, _slas_of(records))
    about = "group's mean" if _is_about_groups(records) else "frame"
    chart.update_layout(
        **_LAYOUT, xaxis_title=f"latency of a {about}, ms (systems: P95; branches: expected)",
        yaxis_title=scoring.measure_name, xaxis_rangemode="tozero", height=400,
        yaxis_range=_around(
            [p[1] for p in points] + [own[scoring.measure] for own in figures.values()]
        ),
    )  # fmt: skip
    return chart


def _around(shares: Sequence[float]) -> list[float]:
    """Range of an axis that shows all of these, which are 0..1 or nan."""
    known = [share for share in shares if np.isfinite(share)] or [0.0, 1.0]
    return [max(min(known) - 0.05, -0.02), min(max(known) + 0.05, 1.02)]


def _slas_of(records: Mapping[str, Sequence[RunRecord]]) -> list[float]:
    """All SLAs that were in force, in ms."""
    runs = [record for own in records.values() for record in own]
    return sorted({float(ms) for record in runs for ms in np.unique(record.processed("sla_ms"))})


def _is_about_groups(records: Mapping[str, Sequence[RunRecord]]) -> bool:
    runs = [record.processed("sla_gof") for own in records.values() for record in own]
    return any(len(column) for column in runs) and all(column.all() for column in runs)


def _add_slas(chart: go.Figure, slas_ms: Sequence[float]) -> None:
    for ms in slas_ms:
        chart.add_vline(
            x=ms, line={"color": _SLA, "dash": "dash"}, annotation_text=f"SLA {ms:g} ms"
        )


def _branch_points(
    records: Mapping[str, Sequence[RunRecord]],
) -> list[tuple[float, float, str]]:
    """Latency expected at the SLA's quantile and accuracy of every branch that ran, on average."""
    found: dict[str, list[tuple[float, float]]] = {}
    for own in records.values():
        for record in own:
            starts = record.processed("detected")
            names = record.metadata["branches"]
            columns = (
                record.processed(name)[starts].tolist()
                for name in ("branch", "expected_quantile_ms", "expected_accuracy")
            )
            for branch, expected_ms, accuracy in zip(*columns, strict=True):
                if np.isfinite([expected_ms, accuracy]).all():
                    found.setdefault(names[branch], []).append((expected_ms, accuracy))
    return [(*np.mean(values, axis=0).tolist(), name) for name, values in found.items()]


def accuracy_remark(records: Mapping[str, Sequence[RunRecord]]) -> str:
    """Say why branches that ran are not in the chart of accuracy; empty where all are."""
    points = {name for _, _, name in _branch_points(records)}
    ran: set[str] = set()
    silent, is_profiled = dict[str, None](), False
    for system, own in records.items():
        for record in own:
            names = record.metadata["branches"]
            detected = np.unique(record.processed("branch")[record.processed("detected")])
            branches = {names[branch] for branch in detected}
            ran |= branches
            if branches - points:
                silent[system] = None
                is_profiled |= bool(record.metadata["configuration"].get("profile"))
    if not silent:
        return ""
    advice = "" if is_profiled else " A profile (--profile) tells it."
    return (
        f"{len(ran - points)} of {len(ran)} branches that ran are not shown as points: "
        f"{', '.join(silent)} expected no accuracy of them.{advice}"
    )


def _pareto(points: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    front: list[tuple[float, float, str]] = []
    for point in sorted(points):
        if not front or point[1] > front[-1][1]:
            front.append(point)
    return front


def timeline_chart(record: RunRecord) -> go.Figure:
    """Latency and SLA, branch, and contention over the time of the source, zoomed together."""
    seconds = seconds_of(record)
    chart = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.5, 0.3, 0.2], vertical_spacing=0.03
    )
    _add_latencies(chart, record, seconds)
    _add_branches(chart, record, seconds)
    _add_contention(chart, record, seconds)
    for step in steps_of(record):
        chart.add_vline(x=float(seconds[step.frame]), line={"color": "#cccccc", "dash": "dot"})
    chart.update_layout(**_LAYOUT, height=680)
    chart.update_xaxes(title_text="time of the source, s", row=3, col=1)
    return chart


def _add_latencies(chart: go.Figure, record: RunRecord, seconds: Vector) -> None:
    latency, detected = record.processed("processing_ms"), record.processed("detected")
    words = report_of(record.scoring.task).frame_words
    for mask, word, colour in zip(
        (detected, ~detected), words, (_COLOURS[0], _COLOURS[2]), strict=True
    ):
        if mask.any():
            chart.add_scattergl(
                x=seconds[mask], y=latency[mask], mode="markers", name=f"{word} frame",
                marker={"size": 4, "color": colour}, row=1, col=1,
            )  # fmt: skip
    if not detected.all():
        chart.add_scattergl(
            x=seconds, y=record.group_means_ms(), mode="lines", name="mean of the group",
            line={"color": "#333333", "width": 1}, row=1, col=1,
        )  # fmt: skip
    chart.add_scatter(
        x=seconds, y=record.processed("sla_ms"), mode="lines", name="SLA",
        line={"color": _SLA, "shape": "hv", "width": 2}, row=1, col=1,
    )  # fmt: skip
    chart.update_yaxes(title_text="ms", rangemode="tozero", row=1, col=1)


def _add_branches(chart: go.Figure, record: RunRecord, seconds: Vector) -> None:
    names, reasons = record.metadata["branches"], record.metadata["reasons"]
    chart.add_scattergl(
        x=seconds, y=[names[i] for i in record.processed("branch")], mode="markers",
        name="branch", showlegend=False,
        marker={"size": 5, "symbol": "square", "color": _COLOURS[3]},
        text=[reasons[i] for i in record.processed("reason")],
        hovertemplate="%{text}", row=2, col=1,
    )  # fmt: skip
    chart.update_yaxes(
        automargin=True, tickfont={"size": 10}, row=2, col=1,
        categoryorder="array", categoryarray=_by_cost(record),
    )  # fmt: skip


def _add_contention(chart: go.Figure, record: RunRecord, seconds: Vector) -> None:
    chart.add_scattergl(
        x=seconds, y=record.processed("believed_slowdown"), mode="lines",
        name="slowdown, as believed", line={"color": _COLOURS[1]}, row=3, col=1,
    )  # fmt: skip
    levels = record.processed("contention_level")
    if (levels > 0).any():
        chart.add_scatter(
            x=seconds, y=levels, mode="lines", name="contention, number of level",
            line={"color": "#888888", "shape": "hv", "dash": "dot"}, row=3, col=1,
        )  # fmt: skip
    chart.update_yaxes(title_text="slowdown", rangemode="tozero", row=3, col=1)


def _by_cost(record: RunRecord) -> list[str]:
    """Branches from the cheapest to the dearest, as expected or else as measured."""
    names, branch = record.metadata["branches"], record.processed("branch")
    expected, measured = record.processed("expected_ms"), record.processed("processing_ms")
    cost_ms = np.where(np.isfinite(expected), expected, measured)
    return sorted(names, key=lambda name: float(cost_ms[branch == names.index(name)].mean()))


def distribution_chart(records: Mapping[str, Sequence[RunRecord]]) -> go.Figure:
    """Share of frames inside each latency, with the SLAs."""
    chart = go.Figure()
    for index, (name, own) in enumerate(records.items()):
        latency = np.sort(np.concatenate([record.processed("processing_ms") for record in own]))
        if len(latency):
            share = np.arange(1, len(latency) + 1) / len(latency)
            chart.add_scattergl(
                x=latency, y=share, mode="lines", name=name,
                line={"color": _COLOURS[index % len(_COLOURS)], "shape": "hv"},
            )  # fmt: skip
    _add_slas(chart, _slas_of(records))
    chart.update_layout(
        **_LAYOUT, xaxis_title="latency of a frame, ms", yaxis_title="share of frames inside",
        yaxis_tickformat=".0%", height=420,
    )  # fmt: skip
    return chart


def stages_chart(figures: Mapping[str, Figures], stages: Sequence[str]) -> go.Figure | None:
    """Where the time of a frame goes, on average; systems whose stages are known, None of none."""
    figures = {name: own for name, own in figures.items() if np.isfinite(own[f"mean_{stages[0]}"])}
    if not figures:
        return None
    chart = go.Figure()
    for index, stage in enumerate(stages):
        chart.add_bar(
            y=list(figures), x=[own[f"mean_{stage}"] for own in figures.values()],
            name=stage.removesuffix("_ms"), orientation="h",
            marker={"color": _COLOURS[index % len(_COLOURS)]},
            hovertemplate="%{x:.2f} ms",
        )  # fmt: skip
    chart.update_layout(
        **_LAYOUT, barmode="stack", xaxis_title="mean of a frame, ms",
        yaxis_autorange="reversed",
        height=160 + 40 * len(figures),
    )  # fmt: skip
    return chart
