"""``approx-perception synthesize``: synthetic video as a bag."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from approx_perception.cli._options import (
    OverwriteOption,
    SeedOption,
    console,
    one_sentence_errors,
    progress_bar,
)
from approx_perception.datasets.synthetic import SCENARIOS, scenario_names
from approx_perception.reports.output_folder import fresh_folder

if TYPE_CHECKING:
    from approx_perception.datasets.synthetic.video import Split

__all__ = ["synthesize"]

_SCENARIO_HELP = (
    "; ".join(f"{name}: {scenario.summary}" for name, scenario in SCENARIOS.items())
    + f"; {scenario_names()[-1]}: all of them, one after the other."
)


@one_sentence_errors
def synthesize(
    scenario: Annotated[str, typer.Argument(help=_SCENARIO_HELP)],
    out: Annotated[Path, typer.Option(help="Folder of the bag.")] = Path("out/synthetic_bag"),
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    seed: SeedOption = 0,
    frames: Annotated[int, typer.Option(min=1, help="Length of the video.")] = 300,
    width: Annotated[int, typer.Option(min=32, max=8192, help="Of the images, in px.")] = 640,
    height: Annotated[int, typer.Option(min=32, max=8192, help="Of the images, in px.")] = 480,
    fps: Annotated[float, typer.Option(min=0.1, max=1000, help="Rate of the stamps, in Hz.")] = 30,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a synthetic video as a rosbag2 (mcap) with images and ground truth."""
    from approx_perception.datasets.bag_writer import write_bag
    from approx_perception.datasets.rosbag import GROUND_TRUTH_TOPIC, IMAGE_TOPIC
    from approx_perception.datasets.synthetic.video import SyntheticVideo

    chosen: Split = split  # type: ignore[assignment]
    video = SyntheticVideo(scenario, chosen, seed, frames, width, height, fps)
    with fresh_folder(out, overwrite) as folder, progress_bar() as progress:
        task = progress.add_task(video.name, total=frames)
        # The bag's writer insists on making its own folder, and names files after it.
        bag = folder / out.resolve().name
        write_bag(bag, video, lambda count: progress.update(task, completed=count))
        for file in bag.iterdir():
            file.rename(folder / file.name)
        bag.rmdir()
    console.print(f"{frames} frames are in {out}, topics {IMAGE_TOPIC} and {GROUND_TRUTH_TOPIC}")
