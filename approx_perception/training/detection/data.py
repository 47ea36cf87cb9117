"""What a user names as training data: synthetic video, COCO JSON, YOLO folders or VOC XML."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.datasets.losses import Losses
from approx_perception.datasets.synthetic import CLASS_NAMES
from approx_perception.detectors._base import check_class_names
from approx_perception.exceptions import DatasetError, counted, shown
from approx_perception.files import replace_bytes
from approx_perception.notices import notice
from approx_perception.structures import GroundTruth
from approx_perception.training.detection.listings import Entry, Listing, list_images
from approx_perception.training.detection.samples import (
    ImageSamples,
    LabelledImage,
    Samples,
    SyntheticSamples,
)
from approx_perception.training.training_run import SYNTHETIC

__all__ = ["TrainingData", "open_training_data"]

#: Every fifth image judges, where the data do not say which.
_HELD_OUT = 5
#: Below, training is refused, or the user warned.
_FEWEST_IMAGES, _FEW_IMAGES = 5, 50
_FEW_OBJECTS = 20
#: Larger images are kept small: decoding them for each batch takes longer than learning from them.
_SHORT_SIDE_PX = 1152
_JPEG_QUALITY = 95
_MIN_SIDE_PX = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a run needs.

    Attributes
    ----------
    name
        For the model card.
    class_names
        What class ids mean.
    samples
        To train on.
    held_out
        Images that judge; none of them is among the samples. None for synthetic video.
    objects
        Of each class: how many are trained on.
    """

    name: str
    class_names: tuple[str, ...]
    samples: Samples
    held_out: Sequence[LabelledImage] = ()
    objects: tuple[int, ...] = ()


def open_training_data(data: str, folder: Path) -> TrainingData:
    """Read a user's images and their objects, and say what of them cannot be used.

    Parameters
    ----------
    data
        ``synthetic``; a COCO JSON; a YOLO ``data.yaml``; or a folder that holds one of these, or
        XML of Pascal VOC.
    folder
        For small versions of large images.

    Raises
    ------
    DatasetError
        If an annotation is malformed (names file and line or entry), or too little is left.
    WeightsError
        If a class has a name that no network can have.
    """
    if data == SYNTHETIC:
        return TrainingData(SYNTHETIC, CLASS_NAMES, SyntheticSamples())
    listing = list_images(Path(data))
    check_class_names(listing.class_names, Path(data))
    reader = _Reader(data, folder)
    training, held_out = _divided(listing)
    train, judge = reader.read(training), reader.read(held_out)
    reader.tell()
    counts = _object_counts(train, len(listing.class_names))
    _tell_of_classes(data, listing.class_names, counts)
    used = np.flatnonzero(counts)
    names, counts = tuple(listing.class_names[index] for index in used), counts[used]
    train, judge = ([_renumbered(each, used) for each in own] for own in (train, judge))
    _check_count(data, train, judge)
    return TrainingData(
        f"{Path(data).name} ({counted(len(train), 'image')}, {len(judge)} held out, "
        f"{counted(len(names), 'class')})",
        names, ImageSamples(train), judge, tuple(counts.tolist()),
    )  # fmt: skip


def _divided(listing: Listing) -> tuple[Sequence[Entry], Sequence[Entry]]:
    """Entries to train on, and others to judge by."""
    if listing.held_out:
        return listing.training, listing.held_out
    # By their names: the same images again are divided alike.
    entries = sorted(listing.training, key=lambda entry: _digest(entry.image.name))
    return (
        [entry for index, entry in enumerate(entries) if index % _HELD_OUT],
        entries[::_HELD_OUT],
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


class _Reader:
    """Reads images once: whether they can be decoded, and where in them objects are."""

    def __init__(self, data: str, folder: Path) -> None:
        self._data, self._folder = data, folder
        self._losses = Losses(data, "images")
        self._empty = self._outside = self._clipped = 0
        self._first = ""

    def read(self, entries: Sequence[Entry]) -> list[LabelledImage]:
        """All that can be used."""
        found = (self._losses.attempt(entry.image, self._image, entry) for entry in entries)
        return [image for image in found if image is not None]

    def _image(self, entry: Entry) -> LabelledImage:
        image = ImageDecoder().file(entry.image.read_bytes())
        height, width = image.shape[:2]
        truth = self._inside(entry, entry.truth(width, height), width, height)
        self._empty += not len(truth)
        scale = _SHORT_SIDE_PX / min(height, width)
        if scale >= 1:
            return LabelledImage(entry.image, truth)
        small = replace(truth, boxes=(truth.boxes * np.float32(scale)).astype(np.float32))
        return LabelledImage(self._small_version(entry.image, image, scale), small)

    def _inside(self, entry: Entry, truth: GroundTruth, width: int, height: int) -> GroundTruth:
        """Objects cut to the image, without those of which nothing is left."""
        limits = np.array([width, height] * 2, np.float32)
        boxes = np.clip(truth.boxes, 0, limits)
        kept = (boxes[:, 2:] - boxes[:, :2] >= _MIN_SIDE_PX).all(axis=1)
        beyond = np.abs(boxes - truth.boxes).max(axis=1, initial=0) > _MIN_SIDE_PX
        self._clipped += int((beyond & kept).sum())
        self._outside += int((~kept).sum())
        if not kept.all() and not self._first:
            box = [round(float(side), 1) for side in truth.boxes[~kept][0]]
            self._first = f"{box} in {entry.image} of {width}x{height} px"
        return GroundTruth(
            boxes[kept], truth.class_ids[kept], truth.track_ids[kept], truth.ignored[kept]
        )

    def _small_version(self, path: Path, image: npt.NDArray[np.uint8], scale: float) -> Path:
        status = path.stat()
        small = self._folder / (
            f"{_digest(f'{path.absolute()} {status.st_mtime_ns} {status.st_size}')[:24]}.jpg"
        )
        if not small.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            pixels = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            replace_bytes(small, cv2.imencode(".jpg", pixels, quality)[1].tobytes())
        return small

    def tell(self) -> None:
        """Say what cannot be used.

        Raises
        ------
        DatasetError
            If no image can be.
        """
        self._losses.refuse_if_all()
        self._losses.tell()
        if self._outside:
            notice(
                f"{self._data}: {counted(self._outside, 'box')} left out, empty or outside of the "
                f"image; the first is {self._first}"
            )
        if self._clipped:
            boxes = counted(self._clipped, "box")
            notice(f"{self._data}: {boxes} cut to the image, of which a part was outside")
        if self._empty:
            notice(
                f"{self._data}: {counted(self._empty, 'image')} without an object; the network "
                "learns from them that there is none"
            )


def _check_count(data: str, train: Sequence[LabelledImage], judge: Sequence[LabelledImage]) -> None:
    """Refuse what nothing can be learned from, and warn of little."""
    with_objects = [
        sum(bool((~each.truth.ignored).any()) for each in own) for own in (train, judge)
    ]
    if with_objects[0] < _FEWEST_IMAGES or not with_objects[1]:
        raise DatasetError(
            f"{data} leaves {counted(with_objects[0], 'image')} with objects to train on and "
            f"{with_objects[1]} to judge by; at least {_FEWEST_IMAGES} and 1 are needed"
        )
    if len(train) < _FEW_IMAGES:
        notice(
            f"{data} leaves {counted(len(train), 'image')} to train on: expect little, "
            "label some hundreds"
        )


def _object_counts(images: Sequence[LabelledImage], class_count: int) -> npt.NDArray[np.int64]:
    """How many objects of each class there are."""
    ids = [each.truth.class_ids[~each.truth.ignored] for each in images]
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *ids]), minlength=class_count)


def _tell_of_classes(data: str, names: Sequence[str], counts: npt.NDArray[np.int64]) -> None:
    own = list(zip(names, counts.tolist(), strict=True))
    if few := [f"{name} ({count})" for name, count in own if 0 < count < _FEW_OBJECTS]:
        notice(f"{data} has few objects to learn from of {', '.join(few)}: label more of them")
    if unused := [name for name, count in own if not count]:
        notice(
            f"{data} has no object to learn from of {shown(', '.join(unused))}: the network will "
            "not know them"
        )


def _renumbered(image: LabelledImage, used: npt.NDArray[np.int64]) -> LabelledImage:
    """The same image with classes numbered by their place in ``used``, and no others."""
    truth = image.truth
    kept = np.isin(truth.class_ids, used)
    class_ids = np.searchsorted(used, truth.class_ids[kept])
    return LabelledImage(
        image.path,
        GroundTruth(truth.boxes[kept], class_ids, truth.track_ids[kept], truth.ignored[kept]),
    )
