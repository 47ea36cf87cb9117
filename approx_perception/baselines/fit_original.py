"""Fit ApproxDet's own latency models to the records, for the baseline policy."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.baselines.original_latency import (
    OriginalModel,
    detector_terms,
    tracker_terms,
)
from approx_perception.branches import BranchSpace
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import Columns
from approx_perception.latency.records import ProfileRecords

__all__ = ["fit_original", "level_coordinates", "original_of_profile"]

Vector = npt.NDArray[np.float64]


def level_coordinates(levels: Sequence[Mapping[str, Any]]) -> Vector:
    """``(L, 3)``: busy cores, memory as a share of the most asked for, GPU share."""
    memory = np.array([level["memory_mb_s"] for level in levels], np.float64)
    cpu = [level["cpu_cores"] * level["cpu_share"] for level in levels]
    gpu = [level["gpu_share"] for level in levels]
    return np.stack([cpu, memory / max(memory.max(), 1.0), gpu], axis=1).astype(np.float64)


def _least_squares(terms: Vector, ms: Vector) -> Vector:
    return np.asarray(np.linalg.lstsq(terms, ms, rcond=1e-8)[0])


def fit_original(columns: Columns, levels: Vector, space: BranchSpace) -> OriginalModel:
    """Fit one linear model for each detector setting, and two for each tracker.

    Parameters
    ----------
    columns
        Of records.
    levels
        ``(L, 3)`` of `level_coordinates`.
    space
        Whose parts they are.
    """
    part, level = (columns[name].astype(int) for name in ("part", "level"))
    contention = levels[level]
    of_detector = detector_terms(
        columns["image_height"], columns["image_width"], contention[:, 0], contention[:, 2]
    )
    of_tracker = tracker_terms(
        columns["object_count"], columns["total_area_px2"],
        columns["mean_width_px"], columns["mean_height_px"], contention,
    )  # fmt: skip

    def fit(terms: Vector, first: int, count: int) -> Vector:
        steady = columns["before"] < 0
        rows = [steady & (part == index) for index in range(first, first + count)]
        weights = [_least_squares(terms[row], columns["ms"][row]) for row in rows]
        return np.array(weights).reshape(count, terms.shape[1])

    settings, trackers = len(space.detector_settings), len(space.trackers)
    return OriginalModel(
        levels,
        fit(of_detector, 0, settings),
        fit(of_tracker, settings, trackers),
        fit(of_tracker, settings + trackers, trackers),
        _switching_ms(columns, settings),
    )


def _switching_ms(columns: Columns, part_count: int) -> Vector:
    """``(P, P)`` median excess of a part that runs first after another; P is ``part_count``."""
    switching = np.zeros((part_count, part_count))
    before, after = columns["before"].astype(int), columns["part"].astype(int)
    rows = before >= 0
    if not rows.any():
        return switching
    # Compared with the same part when it runs again and again, on images of the same size.
    alike = columns["image_width"] == columns["image_width"][rows][0]
    steady = alike & ~rows & (columns["level"] == 0)
    for second in np.unique(after[rows]):
        steady_ms = np.median(columns["ms"][steady & (after == second)])
        for first in np.unique(before[rows]):
            pair = (before == first) & (after == second)
            if pair.any():
                excess_ms = float(np.median(columns["ms"][pair]) - steady_ms)
                switching[first, second] = max(excess_ms, 0.0)
    return switching


def original_of_profile(profile: Path, space: BranchSpace) -> OriginalModel:
    """Fit to what a profile of that space measured, which lies beside it.

    Raises
    ------
    ConfigurationError
        If that is missing or damaged.
    """
    try:
        records = ProfileRecords.load(profile.with_suffix(".records.json"))
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the policy 'approxdet' is fitted to the records beside a profile: {error}"
        ) from error
    levels = level_coordinates(records.metadata["levels"])
    return fit_original(records.latency, levels, space)
