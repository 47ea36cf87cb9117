"""Train AdaScale's regressor of scale on the synthetic set, and put it beside the weights.

    python benchmarks/train_scale.py

Images are of the split `train`, and what is reported is of `val`: how far, in octaves, the scale
that the regressor names is from the best one, beside that of always the largest. Writes
NAME.scale.npz.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from rich.progress import track

from approx_perception.assembly import KernelOptions, load_network, load_space
from approx_perception.baselines.deep_features import DeepFeatures
from approx_perception.baselines.fit_scale import best_scale, box_losses, fit_scale
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.synthetic import SCENARIOS, SyntheticVideo
from approx_perception.detectors import DetectorSettings


def frames(split: str, seeds: range, every: int = 12, count: int = 25) -> Iterator[LabelledFrame]:
    for seed in seeds:
        for name in SCENARIOS:
            video = SyntheticVideo(name, split, seed, count)
            yield from (entry for index, entry in enumerate(video) if index % every == 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=24)
    arguments = parser.parse_args()
    detector, _ = load_network(KernelOptions())
    space = load_space("", "faster_rcnn")
    most = max(nprop for _, nprop, _ in space.detector_settings)
    settings = [DetectorSettings(shape, most) for shape in sorted(space.shapes)]
    train = track(list(frames("train", range(arguments.seeds))), "training")
    features = DeepFeatures(detector)
    features.listen()
    regressor, explained = fit_scale(detector, features, settings, train)
    path = detector.weights_path.with_suffix(".scale.npz")
    regressor.save(path, detector.fingerprint)
    print(f"{path}: explains {explained:.0%} of the training images' variance")
    errors, largest = [], []
    for entry in track(list(frames("val", range(2))), "validation"):
        losses, named = [], []
        for scale in settings:
            losses.append(box_losses(detector.detect(entry.frame.image, scale), entry.ground_truth))
            named.append(regressor.shape(features(), scale.shape))
        best = best_scale(losses)
        if best is not None:
            errors += [abs(np.log2(shape / settings[best].shape)) for shape in named]
            largest.append(np.log2(settings[-1].shape / settings[best].shape))
    print(f"octaves from the best scale on val: regressor {np.mean(errors):.2f}, "
          f"always the largest {np.mean(largest):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
