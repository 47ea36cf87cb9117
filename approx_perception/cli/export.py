"""``approx-perception export``: a Faster R-CNN of PyTorch as one ONNX file."""

from __future__ import annotations

from pathlib import Path

from approx_perception.cli._console import console
from approx_perception.cli._verb import verb
from approx_perception.exceptions import ConfigurationError, OutputError, shown
from approx_perception.extras import needed_for

__all__ = ["export"]


@verb
def export(weights: str, out: Path | None, class_names: Path | None, overwrite: bool) -> None:
    """Write a Faster R-CNN as an ONNX file, which runs without PyTorch.

    Takes what train leaves, a state dict of one of torchvision's, or the name of its weights.
    Shape and proposals stay free.
    """
    with needed_for("export", "train"):
        from approx_perception.detectors.faster_rcnn.from_torch.export import write_export
        from approx_perception.detectors.faster_rcnn.from_torch.weights import load_weights

    path = out or Path(f"{Path(weights).stem or 'network'}.onnx")
    if path.suffix.lower() != ".onnx":
        raise ConfigurationError(f"{shown(str(path))} must end in .onnx")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} is there already; replace it with --overwrite")
    with console.status("exporting"):
        write_export(load_weights(weights, class_names), path)
    console.print(f"wrote {path}: approx-perception check {path}", soft_wrap=True)
