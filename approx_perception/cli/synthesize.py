"""``approx-perception synthesize``: synthetic video as a bag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from approx_perception.cli._console import console, progress_bar
from approx_perception.cli._verb import verb
from approx_perception.exceptions import counted
from approx_perception.reports.output_folder import fresh_folder

__all__ = ["synthesize"]


@verb
def synthesize(
    scenario: str, out: Path, split: Any, seed: int, frames: int, width: int, height: int,
    fps: float, overwrite: bool,
) -> None:  # fmt: skip
    """Write a synthetic video as a rosbag2 (mcap) with images and ground truth."""
    from approx_perception.datasets.bag_writer import write_bag
    from approx_perception.datasets.rosbag import GROUND_TRUTH_TOPIC, IMAGE_TOPIC
    from approx_perception.datasets.synthetic.video import SyntheticVideo

    video = SyntheticVideo(scenario, split, seed, frames, width, height, fps)
    with fresh_folder(out, overwrite) as folder, progress_bar() as progress:
        task = progress.add_task(video.name, total=frames)
        # The bag's writer insists on making its own folder, and names files after it.
        bag = folder / out.resolve().name
        write_bag(bag, video, lambda count: progress.update(task, completed=count))
        for file in bag.iterdir():
            file.rename(folder / file.name)
        bag.rmdir()
    console.print(
        f"{counted(frames, 'frame')} are in {out}, topics {IMAGE_TOPIC} and {GROUND_TRUTH_TOPIC}"
    )
