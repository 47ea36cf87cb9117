"""Open ground truth by what the user types."""

from collections.abc import Mapping
from pathlib import Path

from approx_perception.datasets.annotations._base import Annotations
from approx_perception.datasets.annotations.coco import CocoAnnotations
from approx_perception.datasets.annotations.mot import MOT_CLASSES, MotAnnotations
from approx_perception.datasets.annotations.own_detections import OwnDetections, is_own_detections
from approx_perception.datasets.annotations.xml_folder import XmlAnnotations
from approx_perception.datasets.annotations.yolo import YoloAnnotations
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
        folder of XML (Pascal VOC, ImageNet VID) or of the text files of YOLO.
    video
        Name of the source, where a file holds several.
    classes
        Names of the numbers in a MOTChallenge file (left out, 1 is ``person``) or in those of YOLO.
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
    if path.is_dir() and _is_yolo(path):
        return YoloAnnotations(path, _in_order(classes or {}, path))
    if classes and not is_mot:
        raise ConfigurationError(
            f"the class map names the number {next(iter(classes))}, but the classes of {path} have "
            "names; numbers are for files of MOTChallenge and YOLO"
        )
    if path.is_dir():
        return XmlAnnotations(path)
    if path.suffix == ".json":
        return CocoAnnotations(path, video)
    if path.suffix in (".txt", ".csv"):
        if is_mot:
            return MotAnnotations(path, classes or MOT_CLASSES)
        return OwnDetections(path, run_start)
    raise DatasetError(
        f"{path} is no ground truth: give a COCO .json, a MOTChallenge .txt, a detections.txt of "
        "approx-perception run, a folder of .xml (Pascal VOC, ImageNet VID) or of YOLO's .txt, or "
        "a topic of a bag"
    )


def _is_yolo(folder: Path) -> bool:
    """Whether a folder holds text files, and no XML."""
    return any(folder.glob("*.txt")) and not any(folder.glob("*.xml"))


def _in_order(classes: Mapping[int, str | None], path: Path) -> tuple[str, ...]:
    """Names of the numbers from 0 on.

    Raises
    ------
    ConfigurationError
        If one is missing.
    """
    names = [classes.get(number) for number in range(len(classes))]
    if missing := [number for number, name in enumerate(names) if not name]:
        raise ConfigurationError(
            f"the class map names no class {missing[0]}; {path} numbers its classes from 0 on"
        )
    return tuple(name for name in names if name)
