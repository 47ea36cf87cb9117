"""What runs beside slows what runs beside it: measured, kept in the profile, predicted."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from approx_perception.clock import MonotonicClock
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.profiling.side_by_side import slowdowns_beside
from approx_perception.structures import SLA, ContentFeatures, Detections, Observation
from approx_perception.testing.contracts import textured_image
from approx_perception.testing.fakes import FakeDetector, small_space
from approx_perception.testing.models import small_latency_model
from approx_perception.testing.toy_kernel import ToyKernel

IMAGES = [textured_image(seed=seed) for seed in (0, 1)]


def test_a_part_that_waits_for_the_detector_is_slower_beside_it(monkeypatch):
    """They share a lock: side by side a step takes the rest of a detection longer."""
    lock = threading.Lock()

    def detect(_image, _settings):
        with lock:
            time.sleep(0.004)
        return Detections.empty()

    kernel = DetectionKernel(FakeDetector(detect), small_space())
    trackers = kernel.trackers()
    tracker = next(iter(trackers.values()))
    move = tracker.update

    def update(image):
        with lock:
            return move(image)

    monkeypatch.setattr(tracker, "update", update)
    monkeypatch.setattr(kernel, "trackers", lambda: trackers)
    log_ratios = slowdowns_beside(kernel, IMAGES, MonotonicClock())
    assert len(log_ratios) == 4
    assert min(log_ratios) >= 0
    assert log_ratios[0] == log_ratios[1]
    assert log_ratios[3] > 0


def test_a_kernel_that_runs_nothing_beside_is_not_timed():
    kernel = ToyKernel()
    assert slowdowns_beside(kernel, IMAGES, MonotonicClock()) == [0.0] * len(kernel.space)


def test_predictions_count_it_only_where_parts_run_side_by_side():
    space, content = small_space(), ContentFeatures(object_count=2, total_area_px2=100.0)
    model = replace(small_latency_model(), beside=np.log([1.5, 1.5, 1.0, 2.0]))
    observation = Observation(SLA(50.0), content)
    alone, beside, unmeasured = (
        AdaptiveLatency(own, of, DetectionCosts(own)).predict(observation)
        for own, of in (
            (space, model), (space.beside, model), (space.beside, small_latency_model()),
        )
    )  # fmt: skip
    plain = AdaptiveLatency(space, small_latency_model(), DetectionCosts(space))
    assert alone.mean_ms.tolist() == plain.predict(observation).mean_ms.tolist()
    assert alone.beside_ms.tolist() == [0.0] * 4
    assert beside.beside_ms[1] / unmeasured.beside_ms[1] == pytest.approx(1.5)
    # A start of 2 ms and two steps of 3 ms, then three frames of a step.
    assert unmeasured.mean_ms[1] / beside.mean_ms[1] == pytest.approx(17 / 32)
