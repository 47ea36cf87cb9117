"""Procedural video with exact ground truth, for training, tests and demonstrations."""

from approx_perception.datasets.synthetic.scenarios import SCENARIOS, Scenario, scenario_names
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
