"""Ground truth in COCO JSON, with or without the fields for video."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from approx_perception.datasets.annotations._base import (
    Annotations,
    Identities,
    TruthRow,
    checked_box,
)
from approx_perception.datasets.annotations.joining import (
    Join,
    join_by_count,
    join_by_path,
)
from approx_perception.datasets.frame_names import frame_numbers
from approx_perception.exceptions import DatasetError, shown
from approx_perception.files import read_json, whole_number

__all__ = ["CocoAnnotations"]

#: Names under which data sets keep an object's identity, in the entry or in its ``attributes``.
_IDENTITIES = ("track_id", "instance_id")


class CocoAnnotations(Annotations):
    """``images``, ``annotations`` and ``categories``; crowds and ``ignore`` are ignored regions.

    Images belong to frames by ``file_name``. Where the source's frames have no files, the number of
    an image counts: its ``frame_id``, or the number in its ``file_name``; from 0 on if one is 0,
    else from 1 on. Images without, beside others that have one, belong to no frame; where not one
    has any, all are taken in the order of their ``id``.

    Parameters
    ----------
    path
        JSON file.
    video
        Name of the video, where the file has several (``videos``).

    Raises
    ------
    DatasetError
        Naming the entry that cannot be used.
    """

    def __init__(self, path: Path, video: str = "") -> None:
        self._path, self.name = path, str(path)
        content = read_json(path, "ground truth", DatasetError)
        tables = {name: self._table(content, name) for name in ("images", "annotations",
                                                                "categories")}  # fmt: skip
        categories = self._entries("categories", tables["categories"], ("id", "name"))
        self.class_names = tuple(dict.fromkeys(str(entry["name"]) for entry in categories))
        self._class_ids = {
            entry["id"]: self.class_names.index(str(entry["name"])) for entry in categories
        }
        images = self._entries("images", tables["images"], ("id",))
        known = {image["id"] for image in images}
        self._images = self._of_video(content, images, video)
        self._identity = Identities()
        self._rows: dict[Any, list[TruthRow]] = {image["id"]: [] for image in self._images}
        needed = ("image_id", "category_id", "bbox")
        for number, entry in enumerate(self._entries("annotations", tables["annotations"], needed)):
            if entry["image_id"] not in known:
                raise DatasetError(
                    f"{path}, annotations[{number}]: there is no image {shown(entry['image_id'])}"
                )
            if entry["image_id"] in self._rows:
                self._rows[entry["image_id"]].append(self._row(number, entry))
        self.object_count = sum(map(len, self._rows.values()))

    def _table(self, content: Any, name: str) -> list[Any]:
        if not isinstance(content, dict) or not isinstance(content.get(name), list):
            raise DatasetError(f"{self._path} is no COCO file: it has no list {name!r}")
        return list(content[name])

    def _entries(self, table: str, entries: list[Any], needed: tuple[str, ...]) -> list[Any]:
        for number, entry in enumerate(entries):
            for name in needed:
                if not isinstance(entry, dict) or name not in entry:
                    raise DatasetError(f"{self._path}, {table}[{number}] has no {name!r}")
                is_key = name == "id" or name.endswith("_id")
                if is_key and not isinstance(entry[name], int | str):
                    raise DatasetError(
                        f"{self._path}, {table}[{number}]: {name} is {shown(entry[name])}, "
                        "expected a number"
                    )
        return self._unique(table, entries) if "id" in needed else entries

    def _unique(self, table: str, entries: list[Any]) -> list[Any]:
        """One entry for each id; of two that differ, one would be lost."""
        unique: dict[Any, Any] = {}
        for number, entry in enumerate(entries):
            if unique.setdefault(entry["id"], entry) != entry:
                raise DatasetError(
                    f"{self._path}, {table}[{number}]: another entry has the id "
                    f"{shown(entry['id'])} too"
                )
        return list(unique.values())

    def _of_video(self, content: Any, images: list[Any], video: str) -> list[Any]:
        """Only the images of one video, where the file knows videos."""
        videos = self._table({"videos": [], **content}, "videos")
        names = {
            str(entry.get("name")): entry.get("id") for entry in videos if isinstance(entry, dict)
        }
        if video in names:
            return [image for image in images if image.get("video_id") == names[video]]
        if len(names) > 1:
            raise DatasetError(
                f"{self._path} holds the videos {', '.join(names)[:200]}, but not {shown(video)}"
            )
        return images

    def _row(self, number: int, entry: dict[str, Any]) -> TruthRow:
        where = f"{self._path}, annotations[{number}]"
        if entry["category_id"] not in self._class_ids:
            raise DatasetError(f"{where}: there is no category {shown(entry['category_id'])}")
        box = entry["bbox"]
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            raise DatasetError(
                f"{where}: bbox is {shown(box)}, expected x, y, width and height as numbers"
            )
        x, y, w, h = map(float, box)
        attributes = entry.get("attributes")
        places = (entry, attributes if isinstance(attributes, dict) else {})
        given = (place.get(name) for place in places for name in _IDENTITIES)
        try:
            identity = self._identity(next((v for v in given if v is not None), None))
            corners = checked_box(x, y, x + w, y + h)
        except ValueError as error:
            raise DatasetError(f"{where}: {error}") from error
        ignored = bool(entry.get("iscrowd", 0)) or bool(entry.get("ignore", 0))
        return corners, self._class_ids[entry["category_id"]], identity, ignored

    def file_names(self) -> dict[Any, str]:
        """Path of each image that has one, by its key."""
        return {
            image["id"]: name
            for image in self._images
            if isinstance(name := image.get("file_name"), str) and name.strip()
        }

    def sizes(self) -> dict[Any, tuple[int, int]]:
        """Width and height in px of each image that tells them, by its key."""
        sizes = {
            image["id"]: (_whole(image.get("width")), _whole(image.get("height")))
            for image in self._images
        }
        return {key: (width, height) for key, (width, height) in sizes.items() if width and height}

    def join(self, paths: Sequence[Path], frame_count: int = 0) -> Join:
        """See `Annotations`; by path, else by number, else by order."""
        names = self.file_names()
        keys = sorted(self._rows, key=lambda key: (isinstance(key, str), key))
        if paths and names:
            found = join_by_path(paths, names)
            nameless = [key for key in keys if key not in names]
            remark = f"{len(nameless)} of its images have no file_name, as {shown(nameless[:1])}"
            return Join(found.key_of, (*found.remarks, *([remark] if nameless else [])))
        frame_ids = {image["id"]: _whole(image.get("frame_id")) for image in self._images}
        in_names = dict(zip(names, frame_numbers(list(names.values())), strict=True))
        # The one of which more is known; of two, what the file means to be a number.
        numbers = max(frame_ids, in_names, key=lambda own: sum(n is not None for n in own.values()))
        known = [number for number in numbers.values() if number is not None]
        if len(set(known)) < len(known):
            raise DatasetError(f"{self._path}: two images have the same frame_id")
        return join_by_count(keys, [numbers.get(key) for key in keys], frame_count, paths)


def _whole(value: object) -> int | None:
    """A whole number, which may be written as a text or with a point; None for all else."""
    if isinstance(value, str):
        return whole_number(value.strip())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
