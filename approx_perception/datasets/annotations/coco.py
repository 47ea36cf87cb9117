"""Ground truth in COCO JSON, with or without the fields for video."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from approx_perception.datasets.annotations._base import Annotations, ground_truth_from_rows
from approx_perception.exceptions import DatasetError
from approx_perception.structures import GroundTruth

__all__ = ["CocoAnnotations"]

#: Names under which data sets keep an object's identity.
_IDENTITIES = ("track_id", "instance_id")
_NO_IDENTITY = -1


class CocoAnnotations(Annotations):
    """``images``, ``annotations`` and ``categories``; crowds and ``ignore`` are ignored regions.

    Images belong to frames by file name where the source's frames have one of the file's, else in
    the order of ``frame_id`` or ``id``.

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
        self._path = path
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path} cannot be read as JSON: {error}") from error
        tables = {name: self._table(content, name) for name in ("images", "annotations",
                                                                "categories")}  # fmt: skip
        categories = self._entries("categories", tables["categories"], ("id", "name"))
        self.class_names = tuple(str(entry["name"]) for entry in categories)
        self._class_ids = {entry["id"]: index for index, entry in enumerate(categories)}
        images = self._entries("images", tables["images"], ("id",))
        images = self._of_video(content, images, video)
        order = sorted(images, key=lambda image: (image.get("frame_id", 0), image["id"]))
        self._image_ids = [image["id"] for image in order]
        self._by_name: dict[str, Any] = {}
        for image in order:
            name = PurePosixPath(str(image.get("file_name", ""))).name
            if name:
                self._by_name[name] = image["id"]
        self._rows: dict[Any, list[Any]] = {image_id: [] for image_id in self._image_ids}
        needed = ("image_id", "category_id", "bbox")
        known = {image["id"] for image in tables["images"]}
        for number, entry in enumerate(self._entries("annotations", tables["annotations"], needed)):
            if entry["image_id"] not in known:
                raise DatasetError(
                    f"{path}, annotations[{number}]: there is no image {entry['image_id']!r}"
                )
            if entry["image_id"] in self._rows:
                self._rows[entry["image_id"]].append(self._row(number, entry))

    def _table(self, content: Any, name: str) -> list[Any]:
        if not isinstance(content, dict) or not isinstance(content.get(name), list):
            raise DatasetError(f"{self._path} is no COCO file: it has no list {name!r}")
        return list(content[name])

    def _entries(self, table: str, entries: list[Any], needed: tuple[str, ...]) -> list[Any]:
        for number, entry in enumerate(entries):
            for name in needed:
                if not isinstance(entry, dict) or name not in entry:
                    raise DatasetError(f"{self._path}, {table}[{number}] has no {name!r}")
        return entries

    def _of_video(self, content: Any, images: list[Any], video: str) -> list[Any]:
        """Only the images of one video, where the file knows videos."""
        videos = content.get("videos") or []
        names = {entry.get("name"): entry.get("id") for entry in videos if isinstance(entry, dict)}
        if video in names:
            return [image for image in images if image.get("video_id") == names[video]]
        if len(names) > 1:
            raise DatasetError(
                f"{self._path} holds the videos {', '.join(map(str, names))}, but not {video!r}"
            )
        return images

    def _row(self, number: int, entry: dict[str, Any]) -> Any:
        where = f"{self._path}, annotations[{number}]"
        if entry["category_id"] not in self._class_ids:
            raise DatasetError(f"{where}: there is no category {entry['category_id']!r}")
        try:
            x, y, w, h = (float(value) for value in entry["bbox"])
        except (TypeError, ValueError) as error:
            raise DatasetError(
                f"{where}: bbox is {entry['bbox']!r}, expected x, y, width and height"
            ) from error
        identity = next((entry[name] for name in _IDENTITIES if name in entry), _NO_IDENTITY)
        ignored = bool(entry.get("iscrowd", 0)) or bool(entry.get("ignore", 0))
        class_id = self._class_ids[entry["category_id"]]
        return (x, y, x + w, y + h), class_id, int(identity), ignored

    def ground_truth(self, index: int, frame_name: str) -> GroundTruth | None:
        """See `Annotations`."""
        image_id = self._by_name.get(frame_name)
        if image_id is None:
            if index >= len(self._image_ids):
                return None
            image_id = self._image_ids[index]
        return ground_truth_from_rows(self._rows[image_id])
