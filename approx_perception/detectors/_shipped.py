"""The network that ships, and how to know it; without torch, so that it costs nothing to ask."""

import filecmp
from importlib import resources
from pathlib import Path

__all__ = ["SHIPPED_CAUTION", "is_shipped", "shipped_weights_path"]

#: What a user of real images must know of it.
SHIPPED_CAUTION = "the network that ships knows only synthetic shapes, no real things: name weights"


def shipped_weights_path() -> Path:
    """File of the network that comes with the package; as torch has it, it ends in ``.pt``."""
    folder = Path(str(resources.files("approx_perception.weights")))
    return folder / "faster_rcnn_compact_synthetic.onnx"


def is_shipped(weights: Path) -> bool:
    """Whether a file holds the network that ships, whatever the file is called."""
    exported = shipped_weights_path()
    own = (exported, exported.with_suffix(".pt"))
    return weights.is_file() and any(filecmp.cmp(weights, each, shallow=False) for each in own)
