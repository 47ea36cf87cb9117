"""``approx-perception train``: a multi-branch network, also of your own classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from approx_perception.cli._console import console, progress_bar
from approx_perception.cli._verb import verb
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.extras import needed_for
from approx_perception.files import claimed
from approx_perception.reports.output_folder import check_folder, mark

__all__ = ["train"]

_LOSS_GAIN = 0.02


@verb
def train(
    out: Path, task: str, data: str, device: str, threads: int, workers: int, **recipe: Any
) -> None:
    """Train a network for all branches: a Faster R-CNN, or an ApproxNet (--task classification).

    With --data a detector learns your classes from your labelled images: every fifth of them, or
    what the data set itself holds out, judges every branch. Can be stopped at any time; the same
    command goes on from the last checkpoint. Leaves weights.onnx, which --weights of other verbs
    takes and which runs without PyTorch, what branches are worth (weights.accuracy.json), a model
    card (weights.md), and of a detector weights.pt, to begin with another time.
    """
    # Only here: torch takes seconds to import.
    with needed_for("training", "train"):
        import torch

        from approx_perception.detectors._torch_files import choose_device
        from approx_perception.training.by_task import TRAINERS
        from approx_perception.training.training_run import plain
    from approx_perception.reports.run_files import write_config

    if task not in TRAINERS:
        raise ConfigurationError(f"there is no task {shown(task)}; choose {choices(TRAINERS)}")
    torch.set_num_threads(threads)
    given = {name: value for name, value in recipe.items() if value not in (None, False)}
    check_folder(out)
    with claimed(out) as folder:
        folder.mkdir(exist_ok=True)
        trainer = TRAINERS[task](given, data, out, choose_device(device), workers)
        own = (out / "config.yaml", trainer.checkpoint_path, trainer.weights_path)
        mark(folder, [path.name for path in own])
        if trainer.iteration:
            console.print(f"going on from batch {trainer.iteration}")
        write_config(own[0], {"task": task, **plain(trainer.recipe), "data": data})
        smooth_loss: float | None = None
        with progress_bar() as progress:
            bar = progress.add_task(
                "training", total=trainer.recipe.iterations, completed=trainer.iteration
            )

            def report(done: int, loss: float) -> None:
                nonlocal smooth_loss
                smooth_loss = loss if smooth_loss is None else smooth_loss
                smooth_loss += _LOSS_GAIN * (loss - smooth_loss)
                progress.update(bar, completed=done, description=f"loss {smooth_loss:.3f}")

            trainer.train(report)
    console.print(f"weights are in {trainer.weights_path}")
