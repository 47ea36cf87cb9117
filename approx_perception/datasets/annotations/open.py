"""Open ground truth by what the user types."""

from collections.abc import Mapping
from pathlib import Path

from approx_perception.datasets.annotations._base import Annotations
from approx_perception.datasets.annotations.coco import CocoAnnotations
from approx_perception.datasets.annotations.imagenet_vid import ImageNetVidAnnotations
from approx_perception.datasets.annotations.mot import MOT_CLASSES, MotAnnotations
from approx_perception.datasets.annotations.own_detections import OwnDetections, is_own_detections
from approx_perception.exceptions import ConfigurationError, DatasetError

__all__ = ["open_annotations"]


def open_annotations(
    path: Path,
    video: str = "",
    classes: Mapping[int, str | None] | None = None,
    run_start: int | None = 0,
) -> Annotations:
    """Open a file or folder of ground truth.

    Parameters
    ----------
    path
        ``.json`` (COCO), ``.txt`` or ``.csv`` (MOTChallenge, or ``detections.txt`` of a run), or a
        folder of XML (ImageNet VID).
    video
        Name of the source, where a file holds several.
    classes
        Names of the numbers in a MOTChallenge file; left out, 1 is ``person``.
    run_start
        See `OwnDetections`.

    Raises
    ------
    DatasetError
        If it is missing, of another kind, or cannot be read.
    """
    if not path.exists():
        raise DatasetError(f"there is no ground truth {str(path)!r}")
    is_mot = path.suffix in (".txt", ".csv") and not is_own_detections(path)
    if classes and not is_mot:
        raise ConfigurationError(
            f"the class map names the number {next(iter(classes))}, but the classes of {path} have "
            "names; numbers are for MOTChallenge files"
        )
    if path.is_dir():
        return ImageNetVidAnnotations(path)
    if path.suffix == ".json":
        return CocoAnnotations(path, video)
    if path.suffix in (".txt", ".csv"):
        if is_mot:
            return MotAnnotations(path, classes or MOT_CLASSES)
        return OwnDetections(path, run_start)
    raise DatasetError(
        f"{path} is no ground truth: give a COCO .json, a MOTChallenge .txt, a detections.txt of "
        "approx-perception run, a folder of ImageNet VID .xml, or a topic of a bag"
    )
