"""Which images a data set has, where they are, and what says what is in them."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from approx_perception.datasets.annotations import (
    CocoAnnotations,
    XmlAnnotations,
    YoloAnnotations,
)
from approx_perception.datasets.annotations.yolo import names_in, read_data_file
from approx_perception.datasets.image_folder import images_in
from approx_perception.datasets.image_header import IMAGE_ENDINGS
from approx_perception.exceptions import DatasetError, choices, shown
from approx_perception.files import is_folder, read_text
from approx_perception.structures import GroundTruth

__all__ = ["Entry", "Listing", "list_images"]

_DATA_FILE = "data.yaml"
_KINDS = "a COCO .json, a YOLO data.yaml, or a folder that holds one of these or Pascal VOC's .xml"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An image that should be there.

    Attributes
    ----------
    image
        Its file.
    truth
        From its width and height in px to what is in it; a `DatasetError` if these are wrong.
    """

    image: Path
    truth: Callable[[int, int], GroundTruth]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A data set.

    Attributes
    ----------
    class_names
        What class ids mean.
    training
        Images to train on.
    held_out
        Images that the data set keeps to judge by; empty where it does not say.
    """

    class_names: tuple[str, ...]
    training: Sequence[Entry]
    held_out: Sequence[Entry] = ()


def list_images(data: Path) -> Listing:
    """Find the images of a COCO JSON, YOLO folders, or Pascal VOC.

    Raises
    ------
    DatasetError
        If it is none of these, or an annotation is malformed; names file and line or entry.
    """
    if data.is_file() and data.suffix.lower() == ".json":
        return _coco(data)
    if data.is_file() and data.suffix.lower() in (".yaml", ".yml"):
        return _yolo(data)
    if not data.is_dir():
        what = "is no training data" if data.exists() else "is not there"
        raise DatasetError(f"{shown(str(data))} {what}; give {_KINDS}, or synthetic")
    if (data / _DATA_FILE).is_file():
        return _yolo(data / _DATA_FILE)
    for folder in (data / "Annotations", data):
        if any(folder.glob("*.xml")):
            return _voc(folder)
    files = sorted(path for own in (data, data / "annotations") for path in own.glob("*.json"))
    if len(files) > 1:
        raise DatasetError(f"{data} holds several .json; give {choices(map(str, files))}")
    if files:
        return _coco(files[0])
    raise DatasetError(f"{data} holds no training data; give {_KINDS}")


def _coco(path: Path) -> Listing:
    annotations = CocoAnnotations(path)
    names = annotations.file_names()
    if not names:
        raise DatasetError(f"{path}: its images have no file_name, so that none can be found")
    places = _places(path.parent, names.values())
    # Each would have a part of the objects, and one that is trained on could judge.
    files = Counter(os.path.realpath(places[name]) for name in names.values())
    file, count = files.most_common(1)[0]
    if count > 1:
        raise DatasetError(
            f"{path}: {count} of its images are the one file {shown(file)}; each needs its own"
        )
    sizes = annotations.sizes()
    return Listing(
        annotations.class_names,
        [
            Entry(places[name], _checked(annotations.ground_truth, key, sizes.get(key)))
            for key, name in names.items()
        ],
    )


def _checked(
    truth: Callable[[object], GroundTruth], key: object, size: tuple[int, int] | None
) -> Callable[[int, int], GroundTruth]:
    """What is in an image, once it is known to be as large as its boxes were drawn for."""

    def of(width: int, height: int) -> GroundTruth:
        if size is not None and size != (width, height):
            raise DatasetError(
                f"it has {width}x{height} px, but was labelled as one of {size[0]}x{size[1]} px"
            )
        return truth(key)

    return of


def _places(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Where files are: under the folder of the JSON, beside it, or in a folder called images."""
    roots = [own / inner for own in (folder, folder.parent) for inner in ("", "images")]
    by_name: dict[str, Path] = {}
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        tries = [root / part for root in roots for part in (path, path.name)]
        by_name[name] = next((own for own in tries if own.is_file()), folder / path)
    return by_name


def _voc(folder: Path) -> Listing:
    annotations = XmlAnnotations(folder)
    places = [folder, folder.parent / "JPEGImages", folder.parent / "images", folder.parent]
    images = {
        path.stem: path for place in reversed(places) if place.is_dir() for path in images_in(place)
    }
    sizes = annotations.sizes
    entries = []
    for name in annotations.file_names:
        image = images.get(Path(name).stem, folder / f"{Path(name).stem}.jpg")
        entries.append(Entry(image, _checked(annotations.ground_truth, name, sizes.get(name))))
    return Listing(annotations.class_names, entries)


def _yolo(path: Path) -> Listing:
    content = read_data_file(path)
    names = names_in(content, path)
    root = path.parent
    if isinstance(own := content.get("path"), str) and (root / own).is_dir():
        root = root / own
    training = _yolo_images(path, root, content.get("train"), "train")
    held_out = _yolo_images(path, root, content["val"], "val") if content.get("val") else []
    known = set(map(os.path.realpath, training))
    held_out = [image for image in held_out if os.path.realpath(image) not in known]
    labels: dict[Path, YoloAnnotations] = {}
    entries = [_yolo_entry(image, names, labels) for image in training]
    if not any(own.object_count for own in labels.values()):
        looked = choices(own.name for own in labels.values())
        raise DatasetError(f"{path}: no label of an object was found; looked in {looked}")
    return Listing(names, entries, [_yolo_entry(image, names, labels) for image in held_out])


def _yolo_entry(image: Path, names: Sequence[str], labels: dict[Path, YoloAnnotations]) -> Entry:
    """An image whose labels are in the folder ``labels`` where it is in ``images``."""
    parts = list(image.parent.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    folder = Path(*parts)
    if folder not in labels:
        labels[folder] = YoloAnnotations(folder, names)
    own = labels[folder]
    return Entry(image, lambda width, height: own.truth_of(image.stem, width, height))


def _yolo_images(path: Path, root: Path, given: object, key: str) -> list[Path]:
    """Images of a folder, a list of images, or several of them."""
    places = given if isinstance(given, list) else [given]
    images: list[Path] = []
    for place in places:
        if not isinstance(place, str) or not place.strip():
            raise DatasetError(f"{path}: {key} is {shown(given)}, expected a folder of images")
        # Some exporters write ../train/images for what lies beside the file.
        tries = (root / place, path.parent / place, root / place.replace("../", ""))
        found = next((own for own in tries if own.exists()), None)
        if found is None:
            raise DatasetError(f"{path}: {key} is {shown(place)}, but {tries[0]} is not there")
        if found.suffix == ".txt" and found.is_file():
            lines = read_text(found, "list of images", DatasetError).splitlines()
            images += [found.parent / line.strip() for line in lines if line.strip()]
        else:
            folders = {found, *(inner for inner in found.rglob("*") if is_folder(inner))}
            images += [image for folder in sorted(folders) for image in images_in(folder)]
    if not images:
        raise DatasetError(
            f"{path}: {key} is {shown(given)}, which holds no images ({', '.join(IMAGE_ENDINGS)})"
        )
    # A folder that is named twice, or inside another one, gives each image once.
    return list({os.path.realpath(image): image for image in images}.values())
