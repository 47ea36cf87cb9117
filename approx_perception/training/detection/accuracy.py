"""What each setting of a trained detector is worth on images that were held out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from approx_perception.accuracy.table import AccuracyTable
from approx_perception.branches import Branch, BranchSpace
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.files import replace_text
from approx_perception.metrics.average_precision import (
    AveragePrecision,
    FrameMatch,
    match_frame,
    mean_ap50,
)
from approx_perception.training.detection.samples import LabelledImage

__all__ = ["HeldOutAccuracy", "measure_accuracy"]

#: More tell little more.
_MOST_IMAGES = 300


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutAccuracy:
    """AP50 of a detector on images that it was not trained on.

    Attributes
    ----------
    by_setting
        Of each shape and number of proposals, detection on every image.
    image_count
        Images that judged.
    class_names
        What class ids mean.
    """

    by_setting: dict[DetectorSettings, AveragePrecision]
    image_count: int
    class_names: tuple[str, ...]

    def save(self, path: Path, origin: str) -> None:
        """Write what the scheduler reads beside the weights, ``NAME.accuracy.json``."""
        branches = {
            Branch(setting.shape, setting.nprop): own.mean
            for setting, own in self.by_setting.items()
        }
        table = AccuracyTable(origin, branches)
        replace_text(path, json.dumps(table.to_dict(), indent=1) + "\n")

    def lines(self) -> list[str]:
        """Tables in Markdown: settings, and classes at the best of them."""
        shapes = sorted({setting.shape for setting in self.by_setting})
        rows = sorted({setting.nprop or 0 for setting in self.by_setting})
        lines = [
            f"| nprop | {' | '.join(f'shape {shape}' for shape in shapes)} |",
            f"|---|{'---|' * len(shapes)}",
        ]
        for nprop in rows:
            own = [self.by_setting[DetectorSettings(shape, nprop or None)] for shape in shapes]
            lines.append(f"| {nprop or '-'} | {' | '.join(f'{each.mean:.3f}' for each in own)} |")
        best, value = max(self.by_setting.items(), key=lambda item: item[1].mean)
        lines += ["", f"By class, at shape {best.shape} and nprop {best.nprop}:", ""]
        lines += ["| class | AP50 |", "|---|---|"]
        return lines + [
            f"| {self.class_names[class_id]} | {own:.3f} |"
            for class_id, own in value.per_class.items()
        ]


def measure_accuracy(
    detector: Detector, images: Sequence[LabelledImage], space: BranchSpace
) -> HeldOutAccuracy:
    """Detect in images with every setting of a space, and compare with what is in them.

    Parameters
    ----------
    detector
        Knows the classes by which the images are labelled, in the same order.
    images
        Of many, some are taken evenly.
    space
        Its shapes and numbers of proposals.
    """
    settings = list(dict.fromkeys(DetectorSettings(branch.shape, branch.nprop) for branch in space))
    chosen = images[:: -(-len(images) // _MOST_IMAGES)]
    matches: list[list[FrameMatch]] = [[] for _ in settings]
    decoder = ImageDecoder()
    for image in chosen:
        found = detector.detect_each(decoder.file(image.path.read_bytes()), settings)
        for own, detections in zip(matches, found, strict=True):
            own.append(match_frame(detections, image.truth))
    count = len(detector.class_names)
    values = [mean_ap50(own, count) for own in matches]
    return HeldOutAccuracy(
        dict(zip(settings, values, strict=True)), len(chosen), detector.class_names
    )
