"""A kernel that is no detection is timed, fitted and predicted by its profile."""

import numpy as np
import pytest

from approx_perception.assembly.measuring import PartTimer
from approx_perception.clock import FakeClock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.exceptions import DatasetError
from approx_perception.profiling.plan import ProfilePlan
from approx_perception.profiling.profiler import Profiler, clips_of, join_units
from approx_perception.profiling.recording import estimate_seconds
from approx_perception.testing.toy_kernel import ToyKernel

VIDEO = SyntheticVideo("crowd", "val", 0, 6)


@pytest.fixture
def kernel(clock):
    return ToyKernel(clock=clock)


def profiler_of(kernel, clock, folder, **plan):
    return Profiler(kernel, {}, 0, ProfilePlan([], **plan), folder, clock, has_truth=False)


def test_parts_are_timed_on_content_and_image_size(kernel, clock):
    columns = PartTimer(kernel, clock).time(clips_of([VIDEO], 1)[0], level=2, turn=1)
    parts = len(kernel.space)
    # Of four images, the first run of each part does not count.
    assert np.bincount(columns["part"].astype(int)).tolist() == [3] * parts
    assert set(columns["level"]) == {2}
    assert set(columns["round"]) == {1}
    assert set(columns["before"]) == {-1}
    assert (columns["image_width"] == next(iter(VIDEO)).frame.image.shape[1]).all()
    expected = [kernel.ms(kernel.space[int(part)]) for part in columns["part"]]
    np.testing.assert_allclose(columns["ms"], expected, atol=1e-3)


def test_switching_is_timed_for_every_ordered_pair(kernel, clock, tmp_path):
    profiler = profiler_of(kernel, clock, tmp_path, tours=2)
    columns = join_units(profiler.measure_switching(clips_of([VIDEO], 1), lambda *_: None))
    pairs = list(zip(columns["before"], columns["part"], strict=True))
    count = len(kernel.space)
    assert len(pairs) == 2 * count * (count - 1) == 2 * len(set(pairs))


def test_stages_are_estimated_by_trying_them(kernel, clock, tmp_path):
    profiler = profiler_of(kernel, clock, tmp_path)
    seconds = estimate_seconds(profiler, clips_of([VIDEO], 1))
    once_ms = sum(kernel.ms(branch) for branch in kernel.space)
    assert seconds["switching"] == pytest.approx(3 * len(kernel.space) * once_ms / 1e3, rel=0.01)


def test_clips_are_of_one_size_and_have_two_images():
    clips = clips_of([VIDEO, VIDEO, VIDEO], 2)
    assert [len(clip) for clip in clips] == [4, 4]
    with pytest.raises(DatasetError, match="two frames or more"):
        clips_of([SyntheticVideo("crowd", "val", 0, 1)], 3)


@pytest.fixture
def clock():
    return FakeClock()
