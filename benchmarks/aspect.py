"""Detection latency predicted for images of another aspect than it was calibrated with.

    python benchmarks/aspect.py
    python benchmarks/aspect.py --detector yolox --weights yolox_nano_dyn.onnx

Calibrated as the node does at start, with images of 640x480; then every detector setting is timed
on images of other sizes. Errors of the median latency, over settings, with and without what is
known of the pixels that the network sees. Writes a table to the terminal.
"""

import argparse
import time

import cv2
import numpy as np

from approx_perception.assembly import KernelOptions, load_network, load_space
from approx_perception.assembly.calibration import calibrate, calibration_images
from approx_perception.assembly.measuring import PartTimer
from approx_perception.clock import MonotonicClock
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency

CALIBRATED = (640, 480)
SIZES = (CALIBRATED, (480, 640), (640, 360), (960, 540), (640, 160))
WARM_UP = 2


def median_ms(detector: Detector, image: np.ndarray, settings: DetectorSettings) -> float:
    samples = []
    for _ in range(12):
        start = time.perf_counter()
        detector.detect(image, settings)
        samples.append(1e3 * (time.perf_counter() - start))
    return float(np.median(samples[WARM_UP:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    arguments = parser.parse_args()
    detector, _ = load_network(
        KernelOptions(detector=arguments.detector, weights=arguments.weights)
    )
    space, clock = load_space("", arguments.detector), MonotonicClock()
    kernel = DetectionKernel(detector, space)
    PartTimer(kernel, clock).preheat(calibration_images(CALIBRATED))
    model = calibrate(kernel, CALIBRATED, clock)
    without, informed = (
        AdaptiveLatency(space, model, DetectionCosts(space, input_px))
        for input_px in (None, detector.input_px)
    )
    large = calibration_images((1280, 960))[0]
    print(f"{detector.description}, calibrated with {CALIBRATED[0]}x{CALIBRATED[1]}\n")
    print("| images | pixels seen | error without | with |")
    print("|---|---|---|---|")
    for size in SIZES:
        image = np.ascontiguousarray(cv2.resize(large, size))
        settings = space.detector_settings
        share = np.mean(
            [detector.input_px(s, size) / detector.input_px(s, CALIBRATED) for s, _ in settings]
        )
        measured = np.array([median_ms(detector, image, DetectorSettings(*s)) for s in settings])
        errors = [
            np.median(predictor.idle_ms(size)[: len(settings)] / measured) - 1
            for predictor in (without, informed)
        ]
        print(
            f"| {size[0]}x{size[1]} | {share:.2f} times | {errors[0]:+.1%} | {errors[1]:+.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
