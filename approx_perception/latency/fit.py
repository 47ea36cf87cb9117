"""From latency records to a `LatencyModel`: costs that add up, times slowdowns by contention."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from approx_perception.branches import BranchSpace
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import Columns
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.latency.records import DETECTION, INITIALIZATION, STEP, SWITCH

__all__ = ["fit_latency", "part_residuals"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Rows that a part's own slowdown must have to count as much as that of all parts of its kind.
_SHRINKAGE_ROWS = 6.0
#: States between two neighbouring levels, and what lies beyond the worst of them.
_BETWEEN = 3
_BEYOND = (1.25, 1.6, 2.1)
#: States of a machine whose contention was not measured.
_GENERAL_SLOWDOWN = (1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0)
_RESIDUAL_QUANTILES = 64
#: What a part's own noise leaves out: that no two minutes of a machine are the same.
_COMMON_SCATTER = 0.1


def _timed_parts(columns: Columns, space: BranchSpace) -> tuple[Integers, Columns]:
    """Position of each row's part in the model's order, and the rows; switches left out."""
    settings, trackers = len(space.detector_settings), len(space.trackers)
    first = {DETECTION: 0, INITIALIZATION: settings, STEP: settings + trackers}
    kind, part = columns["kind"].astype(int), columns["part"].astype(int)
    rows = np.isin(kind, list(first))
    starts = np.array([first[k] for k in kind[rows]], np.int64)
    return starts + part[rows], {name: column[rows] for name, column in columns.items()}


def _features(columns: Columns) -> Vector:
    """``(N, 4)`` of `BASE_FEATURES`."""
    image_mpx = columns["image_width"] * columns["image_height"] / 1e6
    ones = np.ones(len(image_mpx))
    return np.stack(
        [ones, image_mpx, columns["object_count"], columns["total_area_px2"] / 1e6], axis=1
    )


def _fit_base(
    parts: Integers, features: Vector, log_ms: Vector, count: int, settings: int
) -> Vector:
    """Costs of each part, none below 0, by least squares of the relative error."""
    base = np.zeros((count, features.shape[1]))
    for part in range(count):
        rows = parts == part
        if not rows.any():
            raise ConfigurationError(f"the records hold nothing of part {part} of the space")
        # One geometric mean for each different content, so that outliers count little.
        cells, inverse = np.unique(features[rows], axis=0, return_inverse=True)
        typical = np.exp(np.bincount(inverse.ravel(), log_ms[rows]) / np.bincount(inverse.ravel()))
        terms = cells.copy()
        if part < settings:
            terms[:, 2:] = 0.0
        if len(np.unique(cells[:, 1])) == 1:
            # One image size does not tell what size costs.
            terms[:, 1] = 0.0
        base[part], _ = nnls(terms / typical[:, None], np.ones(len(cells)))
    return base


def _fit_slowdown(
    parts: Integers, levels: Integers, excess: Vector, count: int, settings: int
) -> Vector:
    """``(P, L)`` log slowdown: a part's own, drawn to that of all parts of its kind."""
    level_count = int(levels.max()) + 1
    slowdown = np.zeros((count, level_count))
    for level in range(level_count):
        for kind in (slice(0, settings), slice(settings, count)):
            members = np.arange(count)[kind]
            of_kind = (levels == level) & np.isin(parts, members)
            if not of_kind.any():
                continue
            common = excess[of_kind].mean()
            for part in members:
                own = excess[of_kind & (parts == part)]
                total = own.sum() + _SHRINKAGE_ROWS * common
                slowdown[part, level] = total / (len(own) + _SHRINKAGE_ROWS)
    return np.asarray(slowdown - slowdown[:, :1])


def _order(slowdown: Vector, settings: int) -> Integers:
    """Levels from the least slowdown of detections to the most."""
    order = np.argsort(slowdown[:settings].mean(axis=0), kind="stable")
    # The idle machine comes first, whatever noise says.
    return np.concatenate([[0], order[order != 0]])


def _between(columns: Vector) -> Vector:
    """``(..., S)``: columns of levels with states between neighbours."""
    count = columns.shape[-1]
    positions = np.linspace(0, count - 1, (count - 1) * (_BETWEEN + 1) + 1)
    low = np.minimum(positions.astype(int), count - 2)
    share = positions - low
    return np.asarray(columns[..., low] * (1 - share) + columns[..., low + 1] * share)


def _states(
    slowdown: Vector, scatter: Vector, load: Vector, settings: int
) -> tuple[Vector, Vector, Vector]:
    """Slowdown, scatter and load of all states: levels in order, states between and beyond."""
    if slowdown.shape[1] == 1:
        general = np.log(_GENERAL_SLOWDOWN)
        states = len(general)
        return (
            np.tile(general, (len(slowdown), 1)),
            np.repeat(scatter, states, axis=1),
            np.full((states, 2), np.nan),
        )
    order = _order(slowdown, settings)
    beyond = slowdown[:, order[-1:]] + np.log(_BEYOND)
    return (
        np.concatenate([_between(slowdown[:, order]), beyond], axis=1),
        np.concatenate(
            [_between(scatter[:, order]), scatter[:, order[-1:]].repeat(len(_BEYOND), 1)], 1
        ),
        np.concatenate([_between(load[order].T).T, load[order[-1:]].repeat(len(_BEYOND), 0)]),
    )


def _fit_switching(columns: Columns, count: int) -> Vector:
    """``(D, D)`` median excess of the first detection after another setting."""
    switching = np.zeros((count, count))
    rows = columns["kind"] == SWITCH
    if not rows.any():
        return switching
    # Compared with steady detections of images of the same size.
    alike = columns["image_width"] == columns["image_width"][rows][0]
    steady = alike & (columns["kind"] == DETECTION) & (columns["level"] == 0)
    steady_ms = np.array(
        [np.median(columns["ms"][steady & (columns["part"] == part)]) for part in range(count)]
    )
    before, after = columns["before"][rows].astype(int), columns["part"][rows].astype(int)
    excess = columns["ms"][rows] - steady_ms[after]
    for first in range(count):
        for second in range(count):
            pair = (before == first) & (after == second)
            if pair.any():
                switching[first, second] = max(float(np.median(excess[pair])), 0.0)
    return switching


def fit_latency(columns: Columns, load: Vector, space: BranchSpace) -> LatencyModel:
    """Fit costs, slowdowns, residuals and switching.

    Parameters
    ----------
    columns
        Of `LATENCY_COLUMNS`, from a profile or the calibration at start.
    load
        ``(L, 2)`` CPU and GPU share of others at each level, as a monitor read it.
    space
        Whose parts they are.

    Raises
    ------
    ConfigurationError
        If a part was not measured.
    """
    settings, trackers = len(space.detector_settings), len(space.trackers)
    count = settings + 2 * trackers
    parts, timed = _timed_parts(columns, space)
    features, levels = _features(timed), timed["level"].astype(np.int64)
    log_ms = np.log(np.maximum(timed["ms"], 1e-3))
    idle = levels == 0
    base = _fit_base(parts[idle], features[idle], log_ms[idle], count, settings)
    typical = np.maximum((base[parts] * features).sum(axis=1), 1e-3)
    excess = log_ms - np.log(typical)
    slowdown = _fit_slowdown(parts, levels, excess, count, settings)
    residuals = excess - slowdown[parts, levels]
    scatter = _fit_scatter(residuals, parts, levels, slowdown.shape, settings)
    scores = residuals / scatter[parts, levels]
    states, state_scatter, state_load = _states(slowdown, scatter, load, settings)
    detections, steps = parts < settings, parts >= settings + trackers
    return LatencyModel(
        base=base, log_slowdown=states, load=state_load, scatter=state_scatter,
        detection_scores=_quantiles([scores[detections]]),
        tracking_scores=_quantiles([scores[steps], scores[detections]]),
        switching_ms=_fit_switching(columns, settings),
        profiled_size=np.array([columns["image_width"][0], columns["image_height"][0]], float),
        is_profiled=slowdown.shape[1] > 1,
    )  # fmt: skip


def part_residuals(columns: Columns, model: LatencyModel, space: BranchSpace) -> list[Vector]:
    """Log residuals of each part around a model's idle costs, in the order of the rows."""
    settings, trackers = len(space.detector_settings), len(space.trackers)
    parts, timed = _timed_parts(columns, space)
    typical = np.maximum((model.base[parts] * _features(timed)).sum(axis=1), 1e-3)
    excess = np.log(np.maximum(timed["ms"], 1e-3) / typical)
    return [excess[parts == part] for part in range(settings + 2 * trackers)]


def _fit_scatter(
    residuals: Vector, parts: Integers, levels: Integers, shape: tuple[int, ...], settings: int
) -> Vector:
    """``(P, L)`` robust deviation of residuals: a part's own, drawn to that of its kind."""
    scatter = np.zeros(shape)
    for level in range(shape[1]):
        for kind in (slice(0, settings), slice(settings, shape[0])):
            members = np.arange(shape[0])[kind]
            of_kind = (levels == level) & np.isin(parts, members)
            common = _deviation(residuals[of_kind])
            for part in members:
                own = residuals[of_kind & (parts == part)]
                total = len(own) * _deviation(own) + _SHRINKAGE_ROWS * common
                scatter[part, level] = total / (len(own) + _SHRINKAGE_ROWS)
    return np.hypot(scatter, _COMMON_SCATTER)


def _deviation(values: Vector) -> float:
    """Standard deviation as the median absolute deviation tells it; 0 of nothing."""
    if not len(values):
        return 0.0
    return 1.48 * float(np.median(np.abs(values - np.median(values))))


def _quantiles(choices: Sequence[Vector]) -> Vector:
    """Quantiles of the first sample that has any, centred on its median."""
    residuals = next(values for values in choices if len(values))
    levels = (np.arange(_RESIDUAL_QUANTILES) + 0.5) / _RESIDUAL_QUANTILES
    return np.asarray(np.quantile(residuals, levels) - np.median(residuals))
