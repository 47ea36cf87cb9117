"""Records made of known costs; the fit must find them again."""

import numpy as np
import pytest

from approx_perception.baselines.fit_original import fit_original, level_coordinates
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.fit import fit_latency, part_residuals
from approx_perception.structures import ContentFeatures
from test.recorded_machine import columns_of

SPACE = BranchSpace("fit", [160, 320], [], [1, 4], [TrackerSettings("median_flow", 1)])
SLOWDOWN = (1.0, 3.0, 1.5)
LOAD = np.array([[0.0, np.nan], [0.9, np.nan], [0.5, np.nan]])
DETECTION_MS = (10.0, 25.0)
COSTS = DetectionCosts(SPACE)
START, STEP = 2, 3


def make_records(levels=3, noise=0.05, seed=0, counts=(1, 4, 16)):
    rng = np.random.default_rng(seed)
    rows = []

    def add(part, before, level, size, count, area, ms):
        side = np.sqrt(area / count) if count else 0.0
        ms = ms * SLOWDOWN[level] * np.exp(noise * rng.standard_normal())
        rows.append((part, before, level, 0, *size, count, area, side, side, ms))

    for level in range(levels):
        for size in ((640, 480), (1280, 960)) if level == 0 else ((640, 480),):
            mpx = size[0] * size[1] / 1e6
            for _ in range(20):
                for part, ms in enumerate(DETECTION_MS):
                    add(part, -1, level, size, 0, 0.0, ms + 2 * mpx)
                for count in counts:
                    area = count * float(rng.choice([900.0, 6400.0]))
                    add(START, -1, level, size, count, area, 1 + 0.1 * count)
                    add(STEP, -1, level, size, count, area, 0.5 + mpx + 0.4 * count)
    for _ in range(3):
        for before, after in ((0, 1), (1, 0)):
            extra = 6.0 if after else 0.0
            add(after, before, 0, (640, 480), 0, 0.0,
                DETECTION_MS[after] + 2 * 0.307 + extra)  # fmt: skip
    return columns_of(rows)


def fit(columns, load=LOAD):
    return fit_latency(columns, load, SPACE.compiled, COSTS)


@pytest.mark.parametrize("count", [1, 3, 8, 20])
@pytest.mark.parametrize("size", [(640, 480), (960, 720)])
def test_costs_are_found_also_between_what_was_measured(count, size):
    model = fit(make_records())
    content = ContentFeatures(object_count=count, total_area_px2=count * 2500.0)
    mpx = size[0] * size[1] / 1e6
    expected = [10 + 2 * mpx, 25 + 2 * mpx, 1 + 0.1 * count, 0.5 + mpx + 0.4 * count]
    np.testing.assert_allclose(model.base_ms(COSTS(content, size, (640, 480))), expected, rtol=0.08)


def test_states_run_from_idle_through_the_levels_and_beyond():
    model = fit(make_records())
    slowdown = np.exp(model.log_slowdown)
    np.testing.assert_allclose(slowdown[:, 0], 1.0)
    assert (np.diff(slowdown[0]) > 0).all()
    # Levels in order of slowdown: 1.5 before 3, each with what a monitor read there.
    for factor, load in ((1.5, 0.5), (3.0, 0.9)):
        state = int(np.abs(slowdown[0] - factor).argmin())
        np.testing.assert_allclose(slowdown[:, state], factor, rtol=0.06)
        assert model.load[state, 0] == pytest.approx(load)
    assert slowdown[0, -1] > 4.0
    assert model.is_profiled


def test_one_level_gives_general_states():
    model = fit(make_records(levels=1), LOAD[:1])
    assert not model.is_profiled
    assert model.log_slowdown.shape[1] > 3
    assert np.isnan(model.load).all()


def test_one_image_size_and_one_count_are_enough():
    columns = make_records(levels=1, counts=(4,))
    rows = columns["image_width"] == 640
    model = fit({k: v[rows] for k, v in columns.items()}, LOAD[:1])
    content = ContentFeatures(object_count=4, total_area_px2=10_000.0)
    np.testing.assert_allclose(
        model.base_ms(COSTS(content, (640, 480), (640, 480)))[:2], [10.6, 25.6], rtol=0.05
    )


def test_residuals_are_those_of_each_part():
    columns = make_records(levels=1)
    model = fit(columns, LOAD[:1])
    residuals = part_residuals(columns, model, SPACE.compiled, COSTS)
    assert [len(part) for part in residuals] == [40, 40, 120, 120]
    assert all(abs(float(part.mean())) < 0.05 for part in residuals)


def test_a_part_without_records_is_named():
    columns = make_records()
    rows = columns["part"] != 1
    with pytest.raises(ConfigurationError, match="nothing of detector setting shape=320, part 1"):
        fit({k: v[rows] for k, v in columns.items()})


def test_original_models_fit_the_levels():
    levels = level_coordinates(
        [
            {"cpu_cores": cores, "cpu_share": 1.0, "memory_mb_s": memory, "gpu_share": 0.0}
            for cores, memory in ((0, 0.0), (2, 0.0), (0, 4000.0))
        ]
    )
    np.testing.assert_allclose(levels, [[0, 0, 0], [2, 0, 0], [0, 1, 0]])
    model = fit_original(make_records(noise=0.01), levels, SPACE)
    assert model.detector.shape == (2, 15)
    assert model.step.shape == (1, 36)
