"""``approx-perception demo``: real nodes under an SLA that changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from approx_perception.cli._console import console, progress_bar, show_verdict
from approx_perception.cli._verb import verb
from approx_perception.datasets import FrameSource, is_synthetic, open_source
from approx_perception.exceptions import ConfigurationError, DatasetError
from approx_perception.files import replace_text
from approx_perception.notices import notice
from approx_perception.reports.output_folder import fresh_folder

__all__ = ["demo"]


@verb
def demo(
    source: str, out: Path, detector: str, weights: str, class_names: Path | None, space: str,
    seconds: float, loose_ms: float, tight_ms: float | None, sla_scope: str, threads: int,
    profile: Path | None, overwrite: bool,
) -> None:  # fmt: skip
    """Play a source through real ROS 2 nodes under a loose, a tight and again a loose SLA.

    Starts player and perception node as processes of their own, changes the SLA through the
    parameter service while images flow, and records the topics. Leaves summary.json, which says
    first whether each SLA was kept, frames.csv, timeline.png, annotated.mp4 and the nodes' logs.
    """
    from approx_perception.assembly.options import sla_of
    from approx_perception.detectors._shipped import SHIPPED_CAUTION, is_shipped

    for latency_ms in (loose_ms, tight_ms or loose_ms):
        sla_of(latency_ms, scope=sla_scope)
    _require_ros()
    # Only here: these need ROS, which the other verbs do without.
    from approx_perception.ros.demo import DemoOptions, record_demo

    frame_source = _open(source)
    width, height = _image_size(frame_source)
    parameters: dict[str, object] = {
        "detector": detector, "weights": weights, "class_names_file": str(class_names or ""),
        "space": space, "num_threads": threads, "profile": str(profile or ""),
        "calibration.width": width, "calibration.height": height,
    }  # fmt: skip
    knows_shapes = detector == "faster_rcnn" and (not weights or is_shipped(Path(weights)))
    caution = SHIPPED_CAUTION if knows_shapes and not is_synthetic(source) else ""
    if caution:
        notice(caution)
    options = DemoOptions(source, parameters, sla_scope, loose_ms, tight_ms, seconds)
    with fresh_folder(out, overwrite) as folder:
        record = record_demo(options, folder, console.print)
        summary = _write_results(folder, frame_source, options, record, caution)
    for own in summary["verdict"]["slas"]:
        show_verdict(own["text"], own["state"])
    console.print(f"summary.json, timeline.png and annotated.mp4 are in {out}")


def _require_ros() -> None:
    try:
        import rclpy  # noqa: F401

        import approx_perception.msg  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"the demonstration needs ROS 2 and this package's messages ({error}); run it with "
            "`make demo`, or source a workspace in which the package is built"
        ) from error


def _open(source: str) -> FrameSource:
    from approx_perception.ros.demo import SYNTHETIC_FRAMES

    return open_source(source, frame_count=SYNTHETIC_FRAMES)


def _image_size(source: FrameSource) -> tuple[int, int]:
    first = next(iter(source), None)
    if first is None:
        raise DatasetError(f"{source.name} has no frames")
    image = first.frame.image
    return image.shape[1], image.shape[0]


def _write_results(
    folder: Path, source: FrameSource, options: Any, record: Any, caution: str
) -> dict[str, Any]:
    from approx_perception.reports.demo_report import (
        demo_table,
        summarize_demo,
        write_demo_frames,
        write_demo_video,
    )
    from approx_perception.reports.run_files import environment, write_config
    from approx_perception.reports.timeline import draw_timeline

    summary = summarize_demo(record.frames, record.phases, len(record.sent), record.diagnostics)
    config = {
        "source": options.source, "sla_scope": options.sla_scope, "seconds": options.seconds,
        "node_parameters": options.node_parameters,
    }  # fmt: skip
    text = json.dumps({**summary, "configuration": config, **environment()}, indent=2)
    replace_text(folder / "summary.json", text + "\n")
    write_config(folder / "config.yaml", config)
    write_demo_frames(folder / "frames.csv", record.frames)
    title = f"{source.name}, {options.node_parameters['detector']}, SLA counts: {options.sla_scope}"
    draw_timeline(folder / "timeline.png", record.frames, record.phases, title)
    with progress_bar() as progress:
        task = progress.add_task("annotated video", total=None)
        write_demo_video(
            folder / "annotated.mp4", source, record.frames, record.sent,
            lambda count: progress.update(task, completed=count), caution,
        )  # fmt: skip
    console.print(demo_table(summary))
    return summary
