"""Open ground truth by what the user types."""

from pathlib import Path

from approx_perception.datasets.annotations._base import Annotations
from approx_perception.datasets.annotations.coco import CocoAnnotations
from approx_perception.datasets.annotations.imagenet_vid import ImageNetVidAnnotations
from approx_perception.datasets.annotations.mot import MotAnnotations
from approx_perception.exceptions import DatasetError

__all__ = ["open_annotations"]


def open_annotations(path: Path, video: str = "") -> Annotations:
    """Open a file or folder of ground truth.

    Parameters
    ----------
    path
        ``.json`` (COCO), ``.txt`` or ``.csv`` (MOTChallenge), or a folder of XML (ImageNet VID).
    video
        Name of the source, where a file holds several.

    Raises
    ------
    DatasetError
        If it is missing, of another kind, or cannot be read.
    """
    if path.is_dir():
        return ImageNetVidAnnotations(path)
    if not path.exists():
        raise DatasetError(f"there is no ground truth {str(path)!r}")
    if path.suffix == ".json":
        return CocoAnnotations(path, video)
    if path.suffix in (".txt", ".csv"):
        return MotAnnotations(path)
    raise DatasetError(
        f"{path} is no ground truth: give a COCO .json, a MOTChallenge .txt, a folder of ImageNet "
        "VID .xml, or a topic of a bag"
    )
