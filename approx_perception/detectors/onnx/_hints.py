"""Say what else a file looks like that no convention fits."""

import re

from approx_perception.detectors.onnx._rows import grid
from approx_perception.detectors.onnx.conventions import Trial

__all__ = ["hint", "more_than_boxes"]

#: How words in the names of outputs begin that are no boxes.
_OTHERS = {
    "masks": ("mask", "proto"), "key points": ("keypoint", "kpt", "landmark"),
    "oriented boxes": ("angle", "rbox", "rotated", "obb"),
}  # fmt: skip


def more_than_boxes(trial: Trial) -> str:
    """Say what a network gives that detections have no place for; empty for nothing."""
    words = [word for name in trial.names for word in re.split("[^a-z]+", name.lower())]
    kinds = [kind for kind, starts in _OTHERS.items() if any(w.startswith(starts) for w in words)]
    # Masks, or what they are made of, are images; where all outputs are, they are heads.
    dimensions = {len(shape) for shape in trial.shapes}
    if not kinds and 4 in dimensions and min(dimensions) < 4:
        kinds = ["masks"]
    if not kinds:
        return ""
    return (
        f"it gives {kinds[0]} beside boxes, which are not supported: export a network of upright "
        "boxes alone"
    )


def hint(trial: Trial) -> str:
    """A clause for an error, or nothing."""
    shapes = trial.shapes
    first = shapes[0] if shapes else ()
    cells = len(grid(trial.size[1], trial.size[0])[0])
    looks = (
        (
            len(shapes) == 1 and len(first) in (2, 3) and first[-1] == 7,
            "it looks like an end-to-end export with a batch index in each row",
        ),
        (
            len(first) == 3 and first[1:] == (cells, 5),
            "it looks like a network of one class without an objectness column",
        ),
        (
            len(first) in (4, 5),
            "it looks like heads before they are decoded (grids of cells); export it with its "
            "decoding",
        ),
        (
            len(first) == 2 and len(shapes) == 1 and first[0] == 1,
            "it looks like a classifier",
        ),
    )
    return next((f"{text}; " for is_like, text in looks if is_like), "")
