"""A detector that fails and returns nonsense at random, under the real pipeline."""

from pathlib import Path

import numpy as np

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.clock import FakeClock
from approx_perception.detectors import DetectorSettings
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.structures import SLA, Detections, Frame
from approx_perception.testing.fakes import FakeDetector, small_space, stream_of
from approx_perception.testing.models import small_latency
from test.torture.report import Findings

WHAT = "a detector that fails and returns what is not finite, all trackers"
FRAMES = 6_000
ODD = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0, -5.0, 1e-9], np.float32)


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """Frames go on coming out, all finite; errors name what failed."""
    rng = np.random.default_rng(seed)
    clock = FakeClock()

    def find(image: np.ndarray, settings: DetectorSettings) -> Detections:
        draw = rng.random()
        is_lost = settings.shape == 320 and 2000 < findings.counts["frames"] < 3000
        if draw < 0.05 or is_lost:
            raise RuntimeError("the provider was lost")
        count = int(rng.integers(0, 12))
        boxes = rng.uniform(-20, 200, (count, 4)).astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        scores = rng.random(count).astype(np.float32)
        if draw < 0.3 and count:
            boxes[int(rng.integers(count)), int(rng.integers(4))] = rng.choice(ODD)
            scores[int(rng.integers(count))] = rng.choice(ODD)
        return Detections.from_arrays(boxes, scores, rng.integers(0, 2, count))

    space = small_space()
    latency = small_latency(space)
    accuracy = np.array([0.5, 0.4, 0.8, 0.7])
    detector = FakeDetector(find, clock, 10.0)
    scheduler = Scheduler(space, MostAccurate(), latency, ConstantAccuracy(accuracy))
    pipeline = stream_of(detector, scheduler, clock, SLA(40.0))
    in_a_row, findings.counts["frames"] = 0, 0
    for index in range(FRAMES):
        findings.count("frames")
        width, height = (64, 48) if index % 500 else (int(rng.integers(1, 20)), 8)
        image = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
        try:
            result = pipeline.process(Frame(image, index * 33_000_000, "camera", index))
        except Exception as error:
            findings.count("frames that failed")
            in_a_row += 1
            if in_a_row == 30:
                findings.fault(f"frame {index}: 30 failures in a row: {error!r}")
            continue
        in_a_row = 0
        found = result.detections
        if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
            findings.fault(f"frame {index}: not finite: {found.boxes.tolist()}")
        expected = (result.decision.expected_ms, result.decision.expected_quantile_ms)
        if not np.isfinite(expected).all():
            findings.fault(f"frame {index}: expected {expected}")
