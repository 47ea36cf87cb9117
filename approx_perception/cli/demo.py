"""``approx-perception demo``: real nodes under an SLA that changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from approx_perception.cli._console import console, progress_bar, show_verdict
from approx_perception.cli._evaluation import kernel_of, require_ros
from approx_perception.cli._verb import verb
from approx_perception.datasets import is_synthetic, open_source
from approx_perception.exceptions import DatasetError
from approx_perception.notices import notice
from approx_perception.reports.output_folder import fresh_folder

__all__ = ["demo"]

#: Of the node, that a user of the demonstration chooses.
_PARAMETERS = (
    "detector", "classifier", "weights", "class_names_file", "space", "num_threads", "profile",
)  # fmt: skip


@verb
def demo(
    source: str, out: Path, seconds: float, loose_ms: float, tight_ms: float | None,
    sla_scope: str, overwrite: bool, **words: Any,
) -> None:  # fmt: skip
    """Play a source through real ROS 2 nodes while SLA and load change: loose, tight, tight, loose.

    In the third phase all cores are busy. Starts player and perception node as processes of their
    own, changes the SLA through the parameter service while images flow, and records the topics.
    Leaves summary.json, which says first whether each phase kept its SLA, frames.csv, timeline.png,
    annotated.mp4 (not of a camera) and the nodes' logs.
    """
    from approx_perception.assembly.options import parameters_of, sla_of
    from approx_perception.assembly.tasks import task_of
    from approx_perception.reports.demo_report import demo_table

    for latency_ms in (loose_ms, tight_ms or loose_ms):
        sla_of(latency_ms, scope=sla_scope)
    require_ros("the demonstration")
    # Only here: these need ROS, which the other verbs do without.
    from approx_perception.ros.demo import SYNTHETIC_FRAMES, DemoOptions
    from approx_perception.ros.demo_results import demonstrate

    frame_source = open_source(source, frame_count=SYNTHETIC_FRAMES)
    first = next(iter(frame_source), None)
    if first is None:
        raise DatasetError(f"{frame_source.name} has no frames")
    height, width = first.frame.image.shape[:2]
    chosen = kernel_of(words)
    parameters = {
        name: value for name, value in parameters_of(chosen).items() if name in _PARAMETERS
    }
    parameters |= {"calibration.width": width, "calibration.height": height}
    caution = "" if is_synthetic(source) else task_of(chosen).caution(chosen)
    if caution:
        notice(caution)
    options = DemoOptions(source, chosen.task, parameters, sla_scope, loose_ms, tight_ms, seconds)
    with fresh_folder(out, overwrite) as folder, progress_bar() as bar:
        task = bar.add_task("annotated video", total=None, visible=False)
        summary = demonstrate(
            options, frame_source, folder, caution, console.print,
            lambda count: bar.update(task, completed=count, visible=True),
        )  # fmt: skip
    console.print(demo_table(summary))
    for own in summary["verdict"]["slas"]:
        show_verdict(own["text"], own["state"], own["phase"])
    files = "summary.json and timeline.png"
    if not frame_source.is_live:
        files = "summary.json, timeline.png and annotated.mp4"
    console.print(f"{files} are in {out}")
