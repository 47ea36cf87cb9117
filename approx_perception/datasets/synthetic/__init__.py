"""Procedural video with exact ground truth, for training, tests and demonstrations."""

from typing import TYPE_CHECKING

from approx_perception.datasets.synthetic.scenarios import SCENARIOS, Scenario, scenario_names

if TYPE_CHECKING:
    from approx_perception.datasets.synthetic.sprites import CLASS_NAMES
    from approx_perception.datasets.synthetic.video import SPLITS, Split, SyntheticVideo

__all__ = [
    "CLASS_NAMES",
    "SCENARIOS",
    "SPLITS",
    "Scenario",
    "Split",
    "SyntheticVideo",
    "scenario_names",
]


def __getattr__(name: str) -> object:
    """Import what draws when it is asked for: it needs OpenCV, which help texts do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from approx_perception.datasets.synthetic import video

    return getattr(video, name)
