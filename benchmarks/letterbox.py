"""A YOLOX detection in a letterbox padded least, beside the same one in a square letterbox.

    python benchmarks/letterbox.py --weights yolox_nano_dyn.onnx --source SEQUENCE

Both take turns on each frame. For the square one the frame is padded before the clock starts, so
that scale and objects are the same. Writes a table to the terminal.
"""

import argparse
import time

import cv2
import numpy as np

from approx_perception.assembly import load_space
from approx_perception.datasets import open_source
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector


def square(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    side = max(height, width)
    grey = (114, 114, 114)
    return cv2.copyMakeBorder(
        image, 0, side - height, 0, side - width, cv2.BORDER_CONSTANT, value=grey
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    options = DetectorOptions(arguments.weights, num_threads=arguments.threads)
    detector = load_detector("onnx", options)
    images = [entry.frame.image for entry in open_source(arguments.source)]
    height, width = images[0].shape[:2]
    print(f"{len(images)} images of {width}x{height}; ms: median, P95\n")
    print("| shape | padded least | square | ratio of medians |")
    print("|---|---|---|---|")
    for shape in load_space("", "onnx").shapes:
        settings = DetectorSettings(shape)
        kinds = images, [square(image) for image in images]
        for kind in kinds:
            detector.detect(kind[0], settings)
        taken_ms = np.zeros((2, len(images)))
        for index in range(len(images)):
            for kind, own_ms in zip(kinds, taken_ms, strict=True):
                start = time.perf_counter()
                detector.detect(kind[index], settings)
                own_ms[index] = 1e3 * (time.perf_counter() - start)
        medians = np.median(taken_ms, axis=1)
        cells = [
            f"{median:.2f}, {p95:.2f}"
            for median, p95 in zip(medians, np.percentile(taken_ms, 95, axis=1), strict=True)
        ]
        print(f"| {shape} | {cells[0]} | {cells[1]} | {medians[0] / medians[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
