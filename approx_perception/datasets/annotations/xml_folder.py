"""Ground truth in XML, one file an image: Pascal VOC and ImageNet VID."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from approx_perception.datasets.annotations._base import (
    Annotations,
    Identities,
    TruthRow,
    checked_box,
    read_number,
)
from approx_perception.datasets.annotations.joining import Join, join_by_count, join_by_path
from approx_perception.datasets.frame_names import by_number, frame_numbers
from approx_perception.exceptions import DatasetError, shown
from approx_perception.files import read_bytes, whole_number

__all__ = ["VID_CLASSES", "XmlAnnotations"]

#: WordNet ids of the 30 classes of ImageNet VID, in their usual order.
VID_CLASSES = {
    "n02691156": "airplane", "n02419796": "antelope", "n02131653": "bear", "n02834778": "bicycle",
    "n01503061": "bird", "n02924116": "bus", "n02958343": "car", "n02402425": "cattle",
    "n02084071": "dog", "n02121808": "domestic_cat", "n02503517": "elephant", "n02118333": "fox",
    "n02510455": "giant_panda", "n02342885": "hamster", "n02374451": "horse", "n02129165": "lion",
    "n01674464": "lizard", "n02484322": "monkey", "n03790512": "motorcycle", "n02324045": "rabbit",
    "n02509815": "red_panda", "n02411705": "sheep", "n01726692": "snake", "n02355227": "squirrel",
    "n02129604": "tiger", "n04468005": "train", "n01662784": "turtle", "n04530566": "watercraft",
    "n02062744": "whale", "n02391049": "zebra",
}  # fmt: skip


_WORDNET_ID = re.compile(r"n\d{8}")


class XmlAnnotations(Annotations):
    """``000000.xml``, ``000001.xml`` ...: one file for each image.

    Files belong to frames by name (``000007.JPEG`` and ``000007.xml``). Where the source's frames
    have no files, the number in the name counts: from 0 on if one is 0, else from 1 on. Objects
    marked ``difficult`` are ignored regions, as in Pascal VOC.

    Parameters
    ----------
    folder
        Of one snippet, or of one data set.

    Attributes
    ----------
    class_names
        The 30 classes of ImageNet VID where all names are among them (as WordNet ids or as words);
        else the names that the files hold, sorted.

    Raises
    ------
    DatasetError
        If there are no such files; naming the file that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._identity = Identities()
        files = sorted(folder.glob("*.xml"), key=lambda path: by_number(path.name))
        if not files:
            raise DatasetError(f"{folder} holds no XML files of Pascal VOC or ImageNet VID")
        roots = {path: _root(path) for path in files}
        objects = [(path, list(root.iter("object"))) for path, root in roots.items()]
        #: Width and height in px of each file's image, where it tells them.
        self.sizes = {path.name: size for path, root in roots.items() if (size := _size(root))}
        self._class_ids = self._read_classes(objects)
        self._rows = {
            path.name: [self._row(path, number, item) for number, item in enumerate(items)]
            for path, items in objects
        }
        self.object_count = sum(map(len, self._rows.values()))

    @property
    def file_names(self) -> tuple[str, ...]:
        """Files in the order of the numbers in their names."""
        return tuple(self._rows)

    def join(self, paths: Sequence[Path], frame_count: int = 0) -> Join:
        """See `Annotations`; by name, else by number, else by order."""
        names = list(self._rows)
        if paths:
            return join_by_path(paths, dict(zip(names, names, strict=True)))
        return join_by_count(names, frame_numbers(names), frame_count)

    def _read_classes(
        self, objects: Sequence[tuple[Path, Sequence[ElementTree.Element]]]
    ) -> dict[str, int]:
        """Set `class_names`; return the number of each name."""
        known = {wnid: index for index, wnid in enumerate(VID_CLASSES)}
        known |= {name: index for index, name in enumerate(VID_CLASSES.values())}
        used: set[str] = set()
        for path, items in objects:
            for number, item in enumerate(items):
                name = _name(item)
                if not name or (_WORDNET_ID.fullmatch(name) and name not in known):
                    what = "is no class of ImageNet VID" if name else "names no class"
                    raise DatasetError(f"{path}, object {number}: {shown(name)} {what}")
                used.add(name)
        if used <= known.keys():
            self.class_names = tuple(VID_CLASSES.values())
            return known
        names = {name: VID_CLASSES.get(name, name) for name in used}
        self.class_names = tuple(sorted(set(names.values())))
        return {name: self.class_names.index(own) for name, own in names.items()}

    def _row(self, path: Path, number: int, item: ElementTree.Element) -> TruthRow:
        texts = [item.findtext(f"bndbox/{side}", "") for side in ("xmin", "ymin", "xmax", "ymax")]
        try:
            x1, y1, x2, y2 = map(read_number, texts)
            box = checked_box(x1, y1, x2, y2)
            track_id = self._identity(item.findtext("trackid"))
        except ValueError as error:
            raise DatasetError(f"{path}, object {number}: {error}") from error
        is_ignored = item.findtext("difficult", "0").strip() == "1"
        return box, self._class_ids[_name(item)], track_id, is_ignored


def _name(item: ElementTree.Element) -> str:
    return item.findtext("name", "").strip()


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    """Width and height in px; some writers leave zeros."""
    width, height = (
        whole_number(root.findtext(f"size/{side}", "").strip()) for side in ("width", "height")
    )
    return (width, height) if width and height else None


def _root(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(read_bytes(path, "ground truth", DatasetError))
    except (ValueError, ElementTree.ParseError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
