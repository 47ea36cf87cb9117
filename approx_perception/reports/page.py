"""One page about one or more runs, complete in itself: no network, no other files."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import cv2
import jinja2
import numpy as np
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from approx_perception.datasets import FrameSource
from approx_perception.evaluation.average_precision import match_frame
from approx_perception.evaluation.figures import FIGURES
from approx_perception.evaluation.run_record import RunRecord
from approx_perception.reports.annotate import annotate
from approx_perception.reports.charts import (
    accuracy_chart,
    distribution_chart,
    stages_chart,
    timeline_chart,
)

__all__ = ["Picture", "build_page", "worst_pictures"]

_PICTURE_WIDTH_PX = 480
_JPEG_QUALITY = 80
_CONFIDENT_SCORE = 0.3
_COUNTS = ("frames", "id_switches", "switches", "steps", "unanswered_steps")
#: What is shown before all figures.
_HEADLINES = (
    "ap50", "sap50", "hota", "idf1", "p50_processing_ms", "p95_processing_ms", "p95_gof_ms",
    "p95_age_ms", "violation_share", "drop_share", "max_reaction_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame with its boxes, as JPEG in base64, and what is bad about it."""

    data: str
    text: str


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
        Content of ``result.json``: the figures shown are its own.
    records
        ``{system: its runs}``.
    pictures
        Worst frames.
    no_pictures
        Why there are none.
    """
    systems = list(result["systems"])
    figures = {
        name: {k: math.nan if v is None else v for k, v in entry["figures"].items()}
        for name, entry in result["systems"].items()
    }
    limits = [
        {"system": name, "text": text, "kept": kept}
        for name, entry in result["systems"].items()
        for text, kept in entry["limits"].items()
    ]
    own = {name: records[name] for name in systems}
    timelines = [
        {
            "source": record.metadata["source"], "system": name, "frames": len(record),
            "chart": _data(timeline_chart(record)),
        }
        for name, runs in own.items()
        for record in runs
    ]  # fmt: skip
    frames = sum(len(record) for record in own[systems[0]])
    rows = _summary(result["systems"])
    template = resources.files("approx_perception.reports").joinpath("page.html.j2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        title=title,
        lead=f"{frames} frames of {len(own[systems[0]])} sources; latencies: {result['clock']}.",
        plotly=get_plotlyjs(),
        systems=systems,
        summary=[row for row in rows if row["figure"] in _HEADLINES],
        rest=[row for row in rows if row["figure"] not in _HEADLINES],
        limits=limits,
        accuracy=_division(accuracy_chart(figures, own)),
        distribution=_division(distribution_chart(own)),
        stages=_division(stages_chart(figures)),
        timelines=timelines,
        pictures=pictures,
        no_pictures=no_pictures or "There are none.",
        configurations={
            **{name: _pretty(entry["configuration"]) for name, entry in result["systems"].items()},
            "machine and versions": _pretty(result["environment"]),
            "levels of contention": _pretty(result["levels"]),
        },
    )


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


def _summary(systems: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of figures that any system has."""
    rows = []
    for figure, what in FIGURES.items():
        values = {name: entry["figures"][figure] for name, entry in systems.items()}
        if all(value is None for value in values.values()):
            continue
        cells = [
            {"system": name, "exact": "" if v is None else repr(v), "text": _text(figure, v)}
            for name, v in values.items()
        ]
        rows.append({"figure": figure, "what": what, "cells": cells})
    return rows


def _text(figure: str, value: float | None) -> str:
    if value is None:
        return "-"
    if figure.endswith("_share") or figure in ("quantile_coverage",):
        return f"{value:.1%}"
    if figure.endswith("_ms"):
        return f"{value:.1f} ms" if value >= 1 else f"{value:.3f} ms"
    return f"{value:.0f}" if figure in _COUNTS else f"{value:.3f}"


def worst_pictures(record: RunRecord, source: FrameSource, count: int) -> list[Picture]:
    """Draw the frames that were the furthest over the SLA, and those with the most errors.

    Parameters
    ----------
    record
        A run on this source.
    source
        Read again, as records hold no images.
    count
        Half of the pictures are of each kind.
    """
    late = record.frames["processing_ms"] / np.maximum(record.frames["sla_ms"], 1e-9)
    late[~record.frames["processed"]] = 0.0
    errors = np.zeros(len(record))
    for frame, found, truth in record.scored():
        match = match_frame(found.with_score(_CONFIDENT_SCORE), truth)
        hits = int(match.hits.sum())
        errors[frame] = len(match.hits) + len(match.truth_class_ids) - 2 * hits
    texts: dict[int, str] = {}
    for frame in np.argsort(-late, kind="stable")[: count // 2].tolist():
        if late[frame] > 1:
            texts[frame] = (
                f"{record.frames['processing_ms'][frame]:.0f} ms at an SLA of "
                f"{record.frames['sla_ms'][frame]:g} ms"
            )
    for frame in np.argsort(-errors, kind="stable").tolist():
        if len(texts) >= count or not errors[frame]:
            break
        own = f"{errors[frame]:.0f} false or missed objects"
        texts[frame] = f"{texts[frame]}; {own}" if frame in texts else own
    wanted = dict(sorted(texts.items()))
    pictures = []
    for entry in source:
        index = entry.frame.sequence
        if index in wanted:
            branch = record.metadata["branches"][record.frames["branch"][index]]
            text = f"frame {index + 1}: {wanted[index]} ({branch})"
            pictures.append(Picture(_drawn(record, index, entry.frame.image), text))
        if wanted and index >= max(wanted):
            break
    return pictures


def _drawn(record: RunRecord, index: int, image: Any) -> str:
    found = record.detections(index).with_score(_CONFIDENT_SCORE)
    picture = annotate(image, found, record.class_names, ())
    truth = record.ground_truth(index)
    if truth is not None:
        for box in truth.boxes[~truth.ignored].astype(int).tolist():
            cv2.rectangle(picture, box[:2], box[2:], (255, 255, 255), 1, cv2.LINE_AA)
    scale = _PICTURE_WIDTH_PX / picture.shape[1]
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return base64.b64encode(data.tobytes()).decode()
