"""Procedural video with exact ground truth, for training, tests and demonstrations."""

from typing import TYPE_CHECKING

from approx_perception.datasets.synthetic.scenarios import (
    CLIP_SCENARIOS,
    SCENARIOS,
    Scenario,
    scenario_names,
    scenario_summaries,
)

if TYPE_CHECKING:
    from approx_perception.datasets.synthetic.sprites import CLASS_NAMES
    from approx_perception.datasets.synthetic.video import SPLITS, Split, SyntheticVideo

__all__ = [
    "CLASS_NAMES",
    "CLIP_SCENARIOS",
    "SCENARIOS",
    "SPLITS",
    "Scenario",
    "Split",
    "SyntheticVideo",
    "scenario_names",
    "scenario_summaries",
]


def __getattr__(name: str) -> object:
    """Import what draws when it is asked for: it needs OpenCV, which help texts do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from approx_perception.datasets.synthetic import video

    return getattr(video, name)
