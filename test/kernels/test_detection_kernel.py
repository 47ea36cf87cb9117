import numpy as np
import pytest

from approx_perception.clock import MonotonicClock
from approx_perception.kernels.detection import DetectionKernel, DetectionOptions
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.structures import Decision, Detections, Frame
from approx_perception.testing.contracts import KernelContract, textured_image
from approx_perception.testing.fakes import FakeDetector, small_space


class TestDetectionKernel(KernelContract):
    @pytest.fixture
    def kernel(self):
        def find(_image, _settings):
            return Detections.from_arrays([[60, 60, 120, 120]], [0.9], [0])

        return DetectionKernel(FakeDetector(find), small_space())


def test_a_forecast_follows_detected_and_tracked_frames_where_it_is_wanted():
    texture = textured_image()

    def find(image, _settings):
        # The texture goes 4 px a frame to the right, with its object.
        shift = next(4 * k for k in range(20) if (np.roll(texture, 4 * k, 1) == image).all())
        return Detections.from_arrays([[60 + shift, 60, 120 + shift, 120]], [0.9], [0])

    kernel = DetectionKernel(FakeDetector(find), small_space())
    branch = next(b for b in kernel.space if b.si > 1 and b.tracker_settings is not None)
    state, timer = kernel.state(), StageTimer(MonotonicClock(), 0.0)
    for wanted, horizon_ms in ((True, 0.0), (True, 50.0), (False, None)):
        state.reset()
        state.options = DetectionOptions(forecast_ms=horizon_ms)
        for k in range(10):
            kind = kernel.space.compiled.kinds[0 if k % branch.si == 0 else 1]
            decision = Decision(branch, kind, k % branch.si == 0, False, 0.0, 0.0, 0.0, "")
            frame = Frame(np.roll(texture, 4 * k, 1), round(k * 1e9 / 30), "camera", k)
            given = state.run(frame, decision, timer)
            assert (given.forecast is not None) == wanted
        if wanted:
            assert given.forecast.horizon_ms == horizon_ms
            moved = given.forecast.after(100.0).boxes - given.output.boxes
            np.testing.assert_allclose(moved, [[12, 0, 12, 0]], atol=3)


def test_a_forecast_is_there_while_the_detector_runs_beside():
    texture = textured_image()

    def frame_at(k):
        return Frame(np.roll(texture, 2 * k, 1), round(k * 1e9 / 30), "camera", k)

    def find(image, _settings):
        shift = next(2 * k for k in range(40) if (np.roll(texture, 2 * k, 1) == image).all())
        return Detections.from_arrays([[60 + shift, 60, 120 + shift, 120]], [0.9], [0])

    kernel = DetectionKernel(FakeDetector(find), small_space())
    branch = next(b for b in kernel.space if b.si > 1 and b.tracker_settings is not None)
    state, timer = kernel.state(), StageTimer(MonotonicClock(), 0.0)
    state.options = DetectionOptions(forecast_ms=0.0)
    nothing_yet = state.carry(frame_at(0), branch, timer)
    assert len(nothing_yet.forecast.after(10.0)) == 0
    for k in range(0, 16, 4):
        frames = [frame_at(i) for i in range(k, k + 5)]
        found = state.find(frames[0], branch)
        for frame in frames[1:-1]:
            given = state.carry(frame, branch, timer)
        given = state.bring_forward(found, frames, branch, timer)
    moved = given.forecast.after(100.0).boxes - given.output.boxes
    np.testing.assert_allclose(moved, [[6, 0, 6, 0]], atol=2)
