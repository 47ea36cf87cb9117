"""Say what else a file looks like that no convention fits."""

from approx_perception.detectors.onnx._rows import grid
from approx_perception.detectors.onnx.conventions import Trial

__all__ = ["hint"]


def hint(trial: Trial) -> str:
    """A clause for an error, or nothing."""
    shapes = trial.shapes
    first = shapes[0] if shapes else ()
    cells = len(grid(trial.size[1], trial.size[0])[0])
    looks = (
        (
            any("mask" in name for name in trial.names)
            or (len(shapes) > 1 and len(shapes[-1]) == 4 and len(first) < 4),
            "it gives masks beside boxes, which are not supported: export a network of boxes alone",
        ),
        (
            any("keypoint" in name for name in trial.names),
            "it gives key points, which are not supported: export a network of boxes alone",
        ),
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
