"""The demonstration from options to files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from approx_perception.datasets import FrameSource
from approx_perception.datasets.cameras import public_name
from approx_perception.files import replace_text
from approx_perception.machine import environment
from approx_perception.reports.demo_report import (
    summarize_demo,
    write_demo_frames,
    write_demo_video,
)
from approx_perception.reports.run_files import write_config
from approx_perception.reports.timeline import draw_timeline
from approx_perception.ros.demo import DemoOptions, record_demo

__all__ = ["demonstrate"]


def demonstrate(
    options: DemoOptions,
    source: FrameSource,
    folder: Path,
    caution: str,
    report: Callable[[str], None],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Record the demonstration and write what came of it.

    Parameters
    ----------
    options, source
        What to show; the source is the one that the options name.
    folder
        Gets ``summary.json``, ``config.yaml``, ``frames.csv``, ``timeline.png``, ``annotated.mp4``
        and the nodes' logs.
    caution
        Written into the video; empty: nothing.
    report
        Called with a line on what is being done.
    progress
        Called with the frames of the video that are written.

    Returns
    -------
    dict
        What ``summary.json`` says of the frames; see `summarize_demo`.
    """
    # Of complete frames, which have their decision.
    record: Any = record_demo(options, folder, report)
    summary = summarize_demo(record.frames, record.phases, len(record.sent), record.diagnostics)
    config = {
        "source": public_name(options.source), "task": options.task, "sla_scope": options.sla_scope,
        "seconds": options.seconds,
        "node_parameters": options.node_parameters,
    }  # fmt: skip
    text = json.dumps({**summary, "configuration": config, **environment()}, indent=2)
    replace_text(folder / "summary.json", text + "\n")
    write_config(folder / "config.yaml", config)
    write_demo_frames(folder / "frames.csv", record.frames)
    title = f"{source.name}, {options.task}, SLA counts: {options.sla_scope}"
    draw_timeline(folder / "timeline.png", record.frames, record.phases, title)
    if not source.is_live:
        # A camera's images are gone.
        write_demo_video(
            folder / "annotated.mp4", source, record.frames, record.sent, progress, caution
        )
    return summary
