"""``approx-perception train``: the multi-branch Faster R-CNN from scratch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from approx_perception.cli._console import console, progress_bar
from approx_perception.cli._verb import verb
from approx_perception.files import claimed
from approx_perception.reports.output_folder import check_folder, mark

__all__ = ["train"]

_LOSS_GAIN = 0.02


@verb
def train(out: Path, device: str, threads: int, workers: int, **recipe_options: Any) -> None:
    """Train a Faster R-CNN on synthetic video, with a random input shape for each batch.

    Can be stopped at any time; the same command goes on from the last checkpoint. Leaves
    weights.pt, which --weights of other verbs takes.
    """
    # Only here: torch takes seconds to import.
    import torch

    from approx_perception.detectors._torch_files import choose_device
    from approx_perception.reports.run_files import write_config
    from approx_perception.training.detector_trainer import DetectorTrainer, TrainingRecipe

    torch.set_num_threads(threads)
    recipe = TrainingRecipe(**recipe_options)
    check_folder(out)
    with claimed(out) as folder:
        folder.mkdir(exist_ok=True)
        trainer = DetectorTrainer(recipe, out, choose_device(device), workers)
        own = (out / "config.yaml", trainer.checkpoint_path, trainer.weights_path)
        mark(folder, [path.name for path in own])
        if trainer.iteration:
            console.print(f"going on from batch {trainer.iteration}")
        write_config(own[0], {**asdict(recipe), "shapes": list(recipe.shapes)})
        smooth_loss: float | None = None
        with progress_bar() as progress:
            task = progress.add_task(
                "training", total=recipe.iterations, completed=trainer.iteration
            )

            def report(done: int, loss: float) -> None:
                nonlocal smooth_loss
                smooth_loss = loss if smooth_loss is None else smooth_loss
                smooth_loss += _LOSS_GAIN * (loss - smooth_loss)
                progress.update(task, completed=done, description=f"loss {smooth_loss:.3f}")

            trainer.train(report)
    console.print(f"weights are in {trainer.weights_path}")
