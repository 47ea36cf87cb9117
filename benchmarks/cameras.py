"""Several cameras in one node: a batch against images one by one, and what deciding for all costs.

    python benchmarks/cameras.py --out docs/cameras

For 2 and 4 cameras and every setting of the shipped space: the median time of a batch divided by
that of its images one by one, in turns in the same run. Writes table.md and picture.png.
"""

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from approx_perception.assembly import KernelOptions, load_network, load_space
from approx_perception.assembly.calibration import calibration_images
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.machine import describe_cpu

CAMERAS = (2, 4)


def ratios(detector: Detector, settings: DetectorSettings, count: int, rounds: int) -> np.ndarray:
    """``(rounds, 2)`` ms of the images one by one and of their batch, in turns."""
    images = calibration_images((640, 480))
    images = [images[i % len(images)] for i in range(count)]
    samples = []
    for _ in range(rounds + 1):
        row = []
        for batches in ([[image] for image in images], [images]):
            start = time.perf_counter()
            for batch in batches:
                detector.detect_together(batch, settings)
            row.append((time.perf_counter() - start) * 1e3)
        samples.append(row)
    return np.array(samples[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("out/cameras"))
    arguments = parser.parse_args()
    detector, threads = load_network(KernelOptions())
    space = load_space("", "faster_rcnn")
    lines = [
        f"{describe_cpu()}, {detector.device}, {threads} threads, 640x480; median of "
        f"{arguments.rounds} rounds, P95 behind it.", "",
        "| cameras | setting | one by one | batch | batch / one by one |", "|---|---|---|---|---|",
    ]  # fmt: skip
    figure, axes = plt.subplots(figsize=(8, 4.5))
    names = [f"{shape}/{nprop}" for shape, nprop, _ in space.detector_settings]
    for count in CAMERAS:
        own = []
        for name, knobs in zip(names, space.detector_settings, strict=True):
            ms = ratios(detector, DetectorSettings(*knobs), count, arguments.rounds)
            (one, batch), (one_95, batch_95) = np.median(ms, 0), np.percentile(ms, 95, 0)
            own.append(float(np.median(ms[:, 1] / ms[:, 0])))
            lines.append(
                f"| {count} | {name} | {one:.1f} ({one_95:.1f}) ms "
                f"| {batch:.1f} ({batch_95:.1f}) ms | {own[-1]:.2f} |"
            )
        axes.plot(names, own, "o-", label=f"{count} cameras")
    axes.axhline(1.0, color="grey", linewidth=1)
    axes.set(ylabel="batch / one by one", xlabel="shape / proposals", ylim=(0, None))
    axes.legend()
    arguments.out.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(arguments.out / "picture.png", dpi=110)
    (arguments.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
