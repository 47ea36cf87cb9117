"""What Ultralytics writes into its files beside the graph."""

from collections.abc import Mapping

from approx_perception.detectors.onnx.conventions._base import Trial
from approx_perception.exceptions import shown
from approx_perception.files import whole_number

__all__ = ["check_task", "is_ultralytics", "stride_of"]

_TASKS = {
    "segment": "masks", "obb": "oriented boxes", "pose": "key points", "classify": "no boxes",
}  # fmt: skip
_USUAL_STRIDE = 32


def is_ultralytics(metadata: Mapping[str, str]) -> bool:
    """Whether a file tells so."""
    return "names" in metadata and ("stride" in metadata or "task" in metadata)


def check_task(trial: Trial) -> None:
    """Refuse networks that give more than boxes, or none."""
    task = trial.metadata.get("task", "detect")
    if task != "detect":
        gives = _TASKS.get(task, "something else than boxes")
        raise trial.refusal(
            f"its task is {shown(task)}, so it gives {gives}; only upright boxes are supported: "
            "export a network of the task 'detect'"
        )


def stride_of(metadata: Mapping[str, str]) -> int:
    """Coarsest stride, 32 px where the file does not say."""
    text = metadata.get("stride", "")
    stride = whole_number(text) if text.isdigit() else _USUAL_STRIDE
    return stride if stride in (8, 16, 32, 64, 128) else _USUAL_STRIDE
