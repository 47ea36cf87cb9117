"""What one detection of the shipped Faster R-CNN takes: torchvision, torch with less, and ours.

    python benchmarks/faster_rcnn.py --out docs/results/faster_rcnn

Systems take turns on the same frames in one process, on one thread. ``torchvision`` is the network
as users call it, with its own transform; ``torch`` leaves the transform out, folds batch norms and
keeps channels last, and is the quicker of float32 and a bfloat16 backbone at each setting. Ours is
the exported network in each runtime and precision that is here. CPU time hardly changes where other
programs run beside it; wall time does. With ``--accuracy`` also AP50 on the synthetic test videos.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FasterRCNN

from approx_perception.datasets.synthetic import CLASS_NAMES, SCENARIOS, SyntheticVideo
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.detectors.faster_rcnn.from_torch.network import forward
from approx_perception.detectors.faster_rcnn.from_torch.weights import load_weights
from approx_perception.detectors.faster_rcnn.sizes import padded_size, resized_size
from approx_perception.machine import environment
from approx_perception.metrics.average_precision import match_frame, mean_ap50
from approx_perception.runtimes import RuntimeOptions
from approx_perception.runtimes.opening import setups
from approx_perception.structures import Detections

Image = npt.NDArray[np.uint8]
Detect = Callable[[Image, DetectorSettings], Detections]
SETTINGS = (
    DetectorSettings(160, 20), DetectorSettings(224, 100), DetectorSettings(320, 100),
    DetectorSettings(448, 100), DetectorSettings(576, 100),
)  # fmt: skip
_WARM_UPS = 3


@dataclass
class Times:
    """Milliseconds of one system at one setting."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def numbers(self) -> dict[str, float]:
        return {
            "ms": float(np.median(self.wall)), "p95_ms": float(np.percentile(self.wall, 95)),
            "cpu_ms": float(np.median(self.cpu)),
        }  # fmt: skip


def torchvision_as_called(network: FasterRCNN) -> Detect:
    """``model(images)``: RGB in 0..1, resized, normalised and padded by torchvision."""

    @torch.inference_mode()
    def detect(image: Image, settings: DetectorSettings) -> Detections:
        network.transform.min_size = (settings.shape,)
        network.transform.max_size = 2 * settings.shape
        network.rpn._post_nms_top_n["testing"] = settings.nprop
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        found = network([torch.from_numpy(rgb).permute(2, 0, 1).float() / 255])[0]
        return _detections(found)

    return detect


def torch_with_less(network: FasterRCNN, precision: torch.dtype) -> Detect:
    """As this package ran it before networks were exported."""
    fuse_batch_norm(network)
    network.to(memory_format=torch.channels_last)
    mean, spread = (
        torch.tensor(values).view(3, 1, 1) * 255
        for values in (network.transform.image_mean, network.transform.image_std)
    )

    @torch.inference_mode()
    def detect(image: Image, settings: DetectorSettings) -> Detections:
        size = resized_size(image.shape[0], image.shape[1], settings.shape)
        small = cv2.cvtColor(cv2.resize(image, size[::-1]), cv2.COLOR_BGR2RGB)
        pixels = (torch.from_numpy(small).permute(2, 0, 1).float() - mean) / spread
        height, width = padded_size(*size)
        batch = nn.functional.pad(pixels, (0, width - size[1], 0, height - size[0]))[None]
        batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            levels = network.backbone(batch)
        levels = {name: level.float() for name, level in levels.items()}
        found, _ = forward(network, batch, [size], settings.nprop, features=levels)
        scale = torch.tensor([image.shape[1] / size[1], image.shape[0] / size[0]] * 2)
        return _detections({**found[0], "boxes": found[0]["boxes"] * scale})

    return detect


def fuse_batch_norm(module: nn.Module) -> None:
    """Fold batch norms into the convolutions before them, where a Sequential holds both."""
    for child in module.children():
        fuse_batch_norm(child)
    layers = list(module) if isinstance(module, nn.Sequential) else []
    for position, (first, second) in enumerate(pairwise(layers)):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            module[position] = nn.utils.fuse_conv_bn_eval(first, second)
            module[position + 1] = nn.Identity()


def _detections(found: dict[str, Tensor]) -> Detections:
    boxes, scores, labels = (found[key].numpy() for key in ("boxes", "scores", "labels"))
    return Detections.from_arrays(boxes, scores, labels - 1)


def systems(threads: int) -> dict[str, Detect]:
    """All that is compared, by name; ours last."""
    torch.set_num_threads(threads)
    found = {
        "torchvision": torchvision_as_called(load_weights("", None).network),
        "torch float32": torch_with_less(load_weights("", None).network, torch.float32),
        "torch bfloat16": torch_with_less(load_weights("", None).network, torch.bfloat16),
    }
    for setup in setups(RuntimeOptions(device="cpu")):
        options = DetectorOptions("", None, "cpu", threads, setup.precision, setup.runtime)
        name = f"{setup.runtime} {setup.precision}"
        found[name] = load_detector("faster_rcnn", options).detect
    return found


def measure(
    compared: dict[str, Detect], images: Sequence[Image], repeats: int
) -> dict[str, list[dict[str, float]]]:
    """Times of each system at each setting of `SETTINGS`."""
    numbers: dict[str, list[dict[str, float]]] = {name: [] for name in compared}
    for settings in SETTINGS:
        times = {name: Times() for name in compared}
        for turn in track(range(-_WARM_UPS, repeats), str(settings)):
            for name, detect in compared.items():
                image = images[turn % len(images)]
                wall, cpu = time.perf_counter(), time.process_time()
                detect(image, settings)
                if turn >= 0:
                    times[name].cpu.append(1e3 * (time.process_time() - cpu))
                    times[name].wall.append(1e3 * (time.perf_counter() - wall))
        for name, own in times.items():
            numbers[name].append(own.numbers())
    return numbers


def accuracies(compared: dict[str, Detect], frames: int) -> dict[str, list[float]]:
    """AP50 on the test videos at each setting of `SETTINGS`."""
    entries = [entry for name in SCENARIOS for entry in SyntheticVideo(name, "test", 0, frames)]
    found: dict[str, list[float]] = {}
    for name, detect in compared.items():
        found[name] = [
            mean_ap50(
                [
                    match_frame(detect(entry.frame.image, settings), entry.ground_truth)
                    for entry in track(entries, f"AP50 of {name} at {settings}")
                ],
                len(CLASS_NAMES),
            ).mean
            for settings in SETTINGS
        ]
    return found


def table(numbers: dict[str, list[dict[str, float]]], clock: str) -> list[str]:
    """Markdown: milliseconds, and how many times as fast the best of ours is."""
    ours = [name for name in numbers if not name.startswith("torch")]
    before = [name for name in numbers if name.startswith("torch ")]
    lines = [
        f"| shape, nprop | {' | '.join(numbers)} | torchvision / ours | torch / ours |",
        "|---" * (len(numbers) + 3) + "|",
    ]
    for index, settings in enumerate(SETTINGS):
        row = {name: own[index][clock] for name, own in numbers.items()}
        best = min(row[name] for name in ours)
        ratios = (row["torchvision"] / best, min(row[name] for name in before) / best)
        cells = [f"{value:.1f}" for value in row.values()] + [f"{ratio:.1f}x" for ratio in ratios]
        lines.append(f"| {settings.shape}, {settings.nprop} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--accuracy", type=int, default=0, metavar="FRAMES",
                        help="of each scenario, for AP50; 0 for none")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    compared = systems(arguments.threads)
    images = [e.frame.image for name in SCENARIOS for e in SyntheticVideo(name, "test", 0, 2)]
    numbers = measure(compared, images, arguments.repeats)
    lines = ["CPU time, ms (median):", "", *table(numbers, "cpu_ms"), "", "Wall time, ms (median):",
             "", *table(numbers, "ms"), "", "Wall time, ms (P95):", "",
             *table(numbers, "p95_ms")]  # fmt: skip
    content = {"environment": environment(), "threads": arguments.threads, "times": numbers}
    if arguments.accuracy:
        content["ap50"] = accuracies(compared, arguments.accuracy)
        lines += ["", f"| AP50 | {' | '.join(str(each) for each in SETTINGS)} |", "|---" * 6 + "|"]
        for name, values in content["ap50"].items():
            lines.append(f"| {name} | {' | '.join(f'{value:.4f}' for value in values)} |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")
    arguments.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
