"""One page about one or more runs, complete in itself: no network, no other files."""

import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from approx_perception.metrics.figures import described_figures
from approx_perception.metrics.intervals import Interval, accuracy_intervals
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring.by_task import scoring_in
from approx_perception.metrics.shared_images import shared_images
from approx_perception.metrics.truth_use import truth_use, truth_words
from approx_perception.metrics.verdict import percent_late
from approx_perception.reports.charts import (
    accuracy_chart,
    accuracy_remark,
    distribution_chart,
    stages_chart,
    timeline_chart,
)
from approx_perception.reports.pictures import Picture
from approx_perception.reports.tasks.by_task import report_of

__all__ = ["build_page"]

_COUNTS = ("frames", "id_switches", "switches", "steps", "unanswered_steps")
#: What is shown before all figures, behind those of the task.
_HEADLINES = (
    "p50_processing_ms", "p95_processing_ms", "p95_gof_ms", "p95_age_ms", "violation_share",
    "drop_share", "max_reaction_ms",
)  # fmt: skip


def build_page(
    title: str,
    result: Mapping[str, Any],
    records: Mapping[str, Sequence[RunRecord]],
    pictures: Sequence[Picture],
    no_pictures: str = "",
) -> str:
    """Write the page.

    Parameters
    ----------
    title
        Heading.
    result
        Content of ``result.json``: verdicts and figures shown are its own.
    records
        ``{system: its runs}``.
    pictures
        Worst frames.
    no_pictures
        Why there are none.
    """
    own = {name: records[name] for name in result["systems"]}
    template = resources.files("approx_perception.reports").joinpath("page.html.j2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        title=title,
        plotly=get_plotlyjs(),
        pictures=pictures,
        no_pictures=no_pictures or "There are none.",
        picture_legend=report_of(scoring_in(next(iter(own.values()))).task).picture_legend,
        **_texts(result, own),
        **_charts(result["systems"], own),
    )


def _texts(result: Mapping[str, Any], records: Mapping[str, Sequence[RunRecord]]) -> dict[str, Any]:
    """What the page says in words and figures."""
    systems, first = result["systems"], next(iter(records.values()))
    rows, scoring = _summary(systems, records), scoring_in(first)
    rest = described_figures(scoring).keys() - {*scoring.headlines, *_HEADLINES}
    return {
        "systems": list(systems),
        "verdicts": {name: entry["verdict"] for name, entry in systems.items()},
        "facts": _facts(result, records),
        "warnings": shared_images(first) + truth_use(first)["warnings"],
        "summary": [row for row in rows if row["figure"] not in rest],
        "rest": [row for row in rows if row["figure"] in rest],
        "limits": [
            {"system": name, "text": text, "kept": kept}
            for name, entry in systems.items()
            for text, kept in entry["limits"].items()
        ],
        "configurations": {
            **{name: _pretty(entry["configuration"]) for name, entry in systems.items()},
            "machine and versions": _pretty(result["environment"]),
            "levels of contention": _pretty(result["levels"]),
        },
    }


def _charts(
    systems: Mapping[str, Any], records: Mapping[str, Sequence[RunRecord]]
) -> dict[str, Any]:
    """What the page shows in charts; timelines as data, which are drawn when they are opened."""
    scoring = scoring_in(next(iter(records.values())))
    figures = {
        name: {k: math.nan if v is None else v for k, v in entry["figures"].items()}
        for name, entry in systems.items()
    }
    stages = stages_chart(figures, scoring.stages)
    return {
        "accuracy": _division(accuracy_chart(figures, records)),
        "accuracy_remark": accuracy_remark(records),
        "distribution": _division(distribution_chart(records)),
        "stages": "" if stages is None else _division(stages),
        "timelines": [
            {
                "source": record.metadata["source"], "system": name, "frames": len(record),
                "chart": _data(timeline_chart(record)),
            }
            for name, runs in records.items()
            for record in runs
        ],
    }  # fmt: skip


def _division(chart: Figure) -> str:
    """HTML of a chart, for a page that has Plotly already."""
    html: str = chart.to_html(
        full_html=False, include_plotlyjs=False, config={"responsive": True, "displaylogo": False}
    )
    return html


def _data(chart: Figure) -> str:
    """JSON of a chart, for a script element of the page."""
    text: str = chart.to_json()
    return text.replace("</", "<\\/")


def _pretty(content: Any) -> str:
    return json.dumps(content, indent=1)


def _facts(result: Mapping[str, Any], records: Mapping[str, Sequence[RunRecord]]) -> dict[str, str]:
    """What was run, on what, and how: shown on top."""
    entries, first = result["systems"], next(iter(records.values()))
    made, environment = result.get("made", {}), result["environment"]
    use = truth_use(first)
    frames = sum(len(record) for record in first)
    sources = ", ".join(str(record.metadata["source"]) for record in first[:4])
    return {
        "network": ", ".join(dict.fromkeys(str(entry["network"]) for entry in entries.values())),
        "source": f"{sources}{' and others' if len(first) > 4 else ''}: {frames} frames",
        "ground truth": truth_words(use) if use["frames_with_truth"] else "none",
        "latencies": str(result["clock"]),
        "machine": str(environment.get("processor", environment.get("system", "unknown"))),
        "command": str(made.get("command", "unknown")),
        "date": str(made.get("date", "unknown")),
    }


def _summary(
    systems: Mapping[str, Any], records: Mapping[str, Sequence[RunRecord]]
) -> list[dict[str, Any]]:
    """Rows of figures that any system has, accuracy with its interval and differences."""
    rows, scoring = [], scoring_in(next(iter(records.values())))
    tracks = any((~r.processed("detected")).any() for own in records.values() for r in own)
    intervals = _intervals(systems, records)
    for figure, what in described_figures(scoring).items():
        values = {name: entry["figures"].get(figure) for name, entry in systems.items()}
        # Groups of one frame tell what frames tell.
        is_twice = "gof_" in figure and not tracks
        texts = {name: _text(figure, entry) for name, entry in systems.items()}
        if is_twice or all(text == "-" for text in texts.values()):
            continue
        cells = [
            {"system": name, "exact": "" if v is None else repr(v), "text": texts[name]}
            for name, v in values.items()
        ]
        if figure == scoring.measure:
            for cell in cells:
                cell["text"] = intervals[cell["system"]][0].text(".3f") or "-"
        rows.append({"figure": figure, "what": what, "cells": cells})
        if figure == scoring.measure and len(systems) > 1:
            rows.append(_differences(intervals, scoring.measure_name))
    return rows


def _intervals(
    systems: Mapping[str, Any], records: Mapping[str, Sequence[RunRecord]]
) -> dict[str, tuple[Interval, Interval]]:
    """Intervals of accuracy and of its difference to the first system's."""
    values, leads = accuracy_intervals([records[name] for name in systems])
    return dict(zip(systems, zip(values, leads, strict=True), strict=True))


def _differences(
    intervals: Mapping[str, tuple[Interval, Interval]], measure_name: str
) -> dict[str, Any]:
    """Row of accuracy less that of the first system."""
    first, *_ = intervals
    cells = [
        {"system": name, "exact": None, "text": "-" if name == first else lead.text("+.3f") or "-"}
        for name, (_, lead) in intervals.items()
    ]
    what = f"{measure_name} less that of {first}: above 0 is better than {first}"
    return {"figure": f"difference to {first}", "what": what, "cells": cells}


def _text(figure: str, entry: Mapping[str, Any]) -> str:
    figures = entry["figures"]
    value: float | None = figures.get(figure)
    if figure.endswith("_reaction_ms") and (unanswered := figures.get("unanswered_steps")):
        never = f"never after {unanswered:.0f} of {figures['steps']:.0f} steps"
        return never if value is None else f"{value:.1f} ms, {never}"
    if value is None:
        return "-"
    if figure == "violation_share":
        return percent_late(value, 1 - entry["configuration"]["sla"]["quantile"])
    if figure.endswith("_share") or figure in ("quantile_coverage",):
        return f"{value:.1%}"
    if figure.endswith("_ms"):
        return f"{value:.1f} ms" if value >= 1 else f"{value:.3f} ms"
    return f"{value:.0f}" if figure in _COUNTS else f"{value:.3f}"
