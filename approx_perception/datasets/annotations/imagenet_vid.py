"""Ground truth in the XML of ImageNet VID: one file a frame."""

from pathlib import Path
from xml.etree import ElementTree

from approx_perception.datasets.annotations._base import Annotations, ground_truth_from_rows
from approx_perception.exceptions import DatasetError
from approx_perception.structures import GroundTruth

__all__ = ["VID_CLASSES", "ImageNetVidAnnotations"]

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


class ImageNetVidAnnotations(Annotations):
    """``000000.xml``, ``000001.xml`` ...: one file for each frame, in alphabetical order.

    Files belong to frames by name (``000007.JPEG`` and ``000007.xml``), else by position.

    Parameters
    ----------
    folder
        Of one snippet.

    Raises
    ------
    DatasetError
        If there are no such files; naming the file that cannot be read when it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.class_names = tuple(VID_CLASSES.values())
        self._class_ids = {wnid: index for index, wnid in enumerate(VID_CLASSES)}
        self._class_ids |= {name: index for index, name in enumerate(self.class_names)}
        self._files = sorted(folder.glob("*.xml"))
        if not self._files:
            raise DatasetError(f"{folder} holds no XML files of ImageNet VID")
        self._by_stem = {path.stem: path for path in self._files}

    def ground_truth(self, index: int, frame_name: str) -> GroundTruth | None:
        """See `Annotations`."""
        path = self._by_stem.get(Path(frame_name).stem)
        if path is None:
            if index >= len(self._files):
                return None
            path = self._files[index]
        try:
            root = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError) as error:
            raise DatasetError(f"{path} cannot be read: {error}") from error
        return ground_truth_from_rows(
            [self._row(path, number, item) for number, item in enumerate(root.iter("object"))]
        )

    def _row(
        self, path: Path, number: int, item: ElementTree.Element
    ) -> tuple[tuple[float, float, float, float], int, int, bool]:
        where = f"{path}, object {number}"
        name = item.findtext("name", "")
        if name not in self._class_ids:
            raise DatasetError(f"{where}: {name!r} is no class of ImageNet VID")
        texts = [item.findtext(f"bndbox/{side}", "") for side in ("xmin", "ymin", "xmax", "ymax")]
        try:
            x1, y1, x2, y2 = (float(text) for text in texts)
            track_id = int(item.findtext("trackid", "-1"))
        except ValueError as error:
            raise DatasetError(f"{where}: {error}") from error
        return (x1, y1, x2, y2), self._class_ids[name], track_id, False
