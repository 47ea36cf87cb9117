"""From latency records to a `LatencyModel`: costs that add up, times slowdowns by contention."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from approx_perception.branches import CompiledSpace
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import Columns
from approx_perception.kernels import CostTerms
from approx_perception.latency import constants
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.latency.records import contents_of

__all__ = ["fit_latency", "part_residuals"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_RESIDUAL_QUANTILES = 64


def fit_latency(
    columns: Columns, load: Vector, compiled: CompiledSpace, terms: CostTerms
) -> LatencyModel:
    """Fit costs, slowdowns and residuals.

    Parameters
    ----------
    columns
        Of records, from a profile or the calibration at start.
    load
        ``(L, 2)`` CPU and GPU share of others at each level, as a monitor read it.
    compiled
        Whose parts they are.
    terms
        The kernel's.

    Raises
    ------
    ConfigurationError
        If a part was not measured.
    """
    rows = _Rows(columns, compiled, terms)
    parts, levels = rows.parts, rows.levels
    base = _fit_base(rows, compiled)
    excess = rows.log_ms - _log_typical_ms(base, rows)
    slowdown = _of_parts(excess, rows, compiled, np.mean)
    slowdown -= slowdown[:, :1]
    residuals = excess - slowdown[parts, levels]
    scatter = _of_parts(residuals, rows, compiled, _deviation)
    scatter = np.hypot(scatter, constants.OWN_BIAS)
    states, state_scatter, state_load = _states(slowdown, scatter, load, compiled.main_parts[0])
    scores = residuals / scatter[parts, levels]
    return LatencyModel(
        base=base, log_slowdown=states, scatter=state_scatter, load=state_load,
        residuals=np.array([
            _quantiles(scores[np.isin(parts, main)]) * state_scatter[main].mean()
            for main in compiled.main_parts
        ]),
        profiled_size=np.array(rows.profiled_size, np.float64),
        is_profiled=slowdown.shape[1] > 1,
    )  # fmt: skip


def part_residuals(
    columns: Columns, model: LatencyModel, compiled: CompiledSpace, terms: CostTerms
) -> list[Vector]:
    """Log residuals of each part around a model's idle costs, in the order of the rows."""
    rows = _Rows(columns, compiled, terms)
    excess = rows.log_ms - _log_typical_ms(model.base, rows)
    return [excess[rows.parts == part] for part in range(len(compiled.parts))]


class _Rows:
    """Records of parts that ran again and again, and the terms of each."""

    def __init__(self, columns: Columns, compiled: CompiledSpace, terms: CostTerms) -> None:
        own = {name: column[columns["before"] < 0] for name, column in columns.items()}
        self.profiled_size = int(columns["image_width"][0]), int(columns["image_height"][0])
        self.parts: Integers = own["part"].astype(np.int64)
        self.levels: Integers = own["level"].astype(np.int64)
        self.log_ms: Vector = np.log(np.maximum(own["ms"], 1e-3))
        contents, content_of = contents_of(own, terms.content_type)
        table = np.array([terms(*each, self.profiled_size) for each in contents])
        #: ``(N, Q)``
        self.terms: Vector = table[content_of, self.parts]
        told = (self.levels == 0) & self.terms.any(axis=1)
        for part in set(range(len(compiled.parts))) - set(self.parts[told].tolist()):
            raise ConfigurationError(
                f"the records hold nothing of {compiled.parts[part].name}, part {part} of the space"
            )


def _fit_base(rows: _Rows, compiled: CompiledSpace) -> Vector:
    """Costs of each part, none below 0, by least squares of the relative error."""
    base = np.zeros((len(compiled.parts), rows.terms.shape[1]))
    for part in range(len(base)):
        own = (rows.parts == part) & (rows.levels == 0)
        # One geometric mean for each different content, so that outliers count little.
        cells, inverse = np.unique(rows.terms[own], axis=0, return_inverse=True)
        counts = np.bincount(inverse.ravel())
        typical = np.exp(np.bincount(inverse.ravel(), rows.log_ms[own]) / counts)
        # What never varied does not tell what it costs: that is in the first term.
        cells[:, 1:] *= np.ptp(cells[:, 1:], axis=0) > 0
        base[part], _ = nnls(cells / typical[:, None], np.ones(len(cells)))
    return base


def _log_typical_ms(base: Vector, rows: _Rows) -> Vector:
    return np.asarray(np.log(np.maximum((base[rows.parts] * rows.terms).sum(axis=1), 1e-3)))


def _of_parts(
    values: Vector, rows: _Rows, compiled: CompiledSpace, statistic: Callable[[Vector], Any]
) -> Vector:
    """``(P, L)`` statistic of each part's values at each level; of its family's if it has none."""
    of_parts = np.zeros((len(compiled.parts), int(rows.levels.max()) + 1))
    family_of = compiled.family_of[rows.parts]
    for part, family in enumerate(compiled.family_of):
        for level in range(of_parts.shape[1]):
            at_level = rows.levels == level
            own = values[at_level & (rows.parts == part)]
            alike = own if len(own) else values[at_level & (family_of == family)]
            of_parts[part, level] = float(statistic(alike)) if len(alike) else 0.0
    return of_parts


def _deviation(values: Vector) -> float:
    """Standard deviation as the median absolute deviation tells it; 0 of nothing."""
    if not len(values):
        return 0.0
    return 1.48 * float(np.median(np.abs(values - np.median(values))))


def _quantiles(residuals: Vector) -> Vector:
    """Quantiles of a sample, centred on its median."""
    levels = (np.arange(_RESIDUAL_QUANTILES) + 0.5) / _RESIDUAL_QUANTILES
    return np.asarray(np.quantile(residuals, levels) - np.median(residuals))


def _between(columns: Vector) -> Vector:
    """``(..., S)``: columns of levels with states between neighbours."""
    count = columns.shape[-1]
    positions = np.linspace(0, count - 1, (count - 1) * (constants.BETWEEN + 1) + 1)
    low = np.minimum(positions.astype(int), count - 2)
    share = positions - low
    return np.asarray(columns[..., low] * (1 - share) + columns[..., low + 1] * share)


def _states(
    slowdown: Vector, scatter: Vector, load: Vector, first: Integers
) -> tuple[Vector, Vector, Vector]:
    """Slowdown, scatter and load of all states: levels in order, states between and beyond.

    Levels are in the order of how they slow down the parts that groups start with.
    """
    if slowdown.shape[1] == 1:
        general = np.log(constants.GENERAL_SLOWDOWN)
        return (
            np.tile(general, (len(slowdown), 1)),
            np.repeat(scatter, len(general), axis=1),
            np.full((len(general), 2), np.nan),
        )
    order = np.argsort(slowdown[first].mean(axis=0), kind="stable")
    # The idle machine comes first, whatever noise says.
    order = np.concatenate([[0], order[order != 0]])
    worst, beyond = order[-1:], np.log(constants.BEYOND)
    return (
        np.concatenate([_between(slowdown[:, order]), slowdown[:, worst] + beyond], axis=1),
        np.concatenate([_between(scatter[:, order]), scatter[:, worst].repeat(len(beyond), 1)], 1),
        np.concatenate([_between(load[order].T).T, load[worst].repeat(len(beyond), 0)]),
    )
