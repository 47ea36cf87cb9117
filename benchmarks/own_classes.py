"""Whether `train --data` is of use within minutes: 200 images of two classes never seen before.

    python benchmarks/own_classes.py draw --out out/own      # data.yaml, images/, labels/
    approx-perception train --data out/own/data.yaml --out out/own/trained
    python benchmarks/own_classes.py judge out/own/trained/weights.onnx --out out/own

The classes are drawn by the renderer of synthetic video in place of its own eight. Training images
are of its train split, those that judge of its test split.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from approx_perception.assembly import load_space
from approx_perception.branches import BranchSpace
from approx_perception.datasets.synthetic import SCENARIOS, scene, sprites, video
from approx_perception.datasets.synthetic.renderer import RenderedFrame
from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.training.detection.accuracy import measure_accuracy
from approx_perception.training.detection.samples import LabelledImage

_COUNTS = {"train": 200, "test": 48}
_SCENARIOS = [name for name in SCENARIOS if name != "swarm"]


def _arrow() -> sprites.Mask:
    half = [(-1, -0.3), (0.1, -0.3), (0.1, -0.85), (1, 0)]
    return sprites._polygon(half + [(x, -y) for x, y in reversed(half[:-1])])


def _house() -> sprites.Mask:
    mask = sprites._polygon([(-0.8, 1), (-0.8, -0.1), (0, -1), (0.8, -0.1), (0.8, 1)])
    return cv2.subtract(mask, sprites._polygon([(-0.25, 1), (-0.25, 0.3), (0.25, 0.3), (0.25, 1)]))


def draw_own_classes() -> tuple[str, ...]:
    """Put two new classes in place of the shipped ones, in this process alone."""
    names = ("arrow", "house")
    sprites._SHAPES.clear()
    sprites._SHAPES.update({"arrow": _arrow, "house": _house})
    for module in (sprites, scene, video):
        module.CLASS_NAMES = names
    return names


def frames(split: str) -> Iterator[RenderedFrame]:
    """Each of a video of its own, at a chance moment."""
    rng = np.random.default_rng(0)
    for index in range(_COUNTS[split]):
        scenario = _SCENARIOS[index % len(_SCENARIOS)]
        yield video.SyntheticVideo(scenario, split, index, 600).render(int(rng.integers(600)))


def write_yolo(frame: RenderedFrame, folder: Path, name: str) -> None:
    """An image and its labels; ignored objects have none."""
    height, width = frame.image.shape[:2]
    truth, scale = frame.ground_truth, np.array([width, height] * 2)
    lines = []
    for box, class_id in zip(truth.boxes / scale, truth.class_ids, strict=True):
        middle, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        lines.append(" ".join([str(class_id), *(f"{value:.6f}" for value in (*middle, *sides))]))
    lines = [line for line, ignored in zip(lines, truth.ignored, strict=True) if not ignored]
    for kind, content in (
        ("images", cv2.imencode(".jpg", frame.image)[1].tobytes()),
        ("labels", "\n".join(lines).encode()),
    ):
        path = folder / kind / f"{name}.{'jpg' if kind == 'images' else 'txt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def judge(weights: str, out: Path) -> str:
    """AP50 of each setting on the test split, as a table."""
    images = []
    for index, frame in enumerate(frames("test")):
        path = out / "test" / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), frame.image)
        images.append(LabelledImage(path, frame.ground_truth))
    detector = load_detector(
        "faster_rcnn", DetectorOptions(weights, device="cpu", precision="float32")
    )
    space = load_space("", "faster_rcnn")
    assert isinstance(space, BranchSpace)
    return "\n".join(measure_accuracy(detector, images, space).lines())


def main() -> None:
    """Draw, or judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("draw", "judge"))
    parser.add_argument("weights", nargs="?", default="")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    names = draw_own_classes()
    if given.what == "judge":
        print(judge(given.weights, given.out))
        return
    for index, frame in enumerate(frames("train")):
        write_yolo(frame, given.out, f"{index:03d}")
    content = f"train: images\nnames: [{', '.join(names)}]\n"
    (given.out / "data.yaml").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
