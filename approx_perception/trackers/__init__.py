"""Trackers: all objects of a frame in one call."""

from collections.abc import Callable
from functools import partial

from approx_perception.branches import TRACKER_NAMES, TrackerSettings
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.trackers._base import Tracker, TrackerUpdate
from approx_perception.trackers.correlation import CorrelationTracker
from approx_perception.trackers.dense_flow import DenseFlowTracker, dis, farneback
from approx_perception.trackers.median_flow import MedianFlowTracker

__all__ = ["Tracker", "TrackerUpdate", "create_tracker"]

_FACTORIES: dict[str, Callable[[int], Tracker]] = {
    "median_flow": MedianFlowTracker,
    "kcf": partial(CorrelationTracker, "kcf"),
    "csrt": partial(CorrelationTracker, "csrt"),
    "mosse": partial(CorrelationTracker, "mosse"),
    "dense_flow": lambda ds: DenseFlowTracker(farneback(), ds),
    "dis_flow": lambda ds: DenseFlowTracker(dis(), ds),
}


def create_tracker(settings: TrackerSettings) -> Tracker:
    """Build a tracker by name.

    Raises
    ------
    ConfigurationError
        If there is no such tracker, or this OpenCV lacks it.
    """
    if settings.name not in _FACTORIES:
        raise ConfigurationError(
            f"there is no tracker {shown(settings.name)}; choose {choices(TRACKER_NAMES)}"
        )
    return _FACTORIES[settings.name](settings.ds)
