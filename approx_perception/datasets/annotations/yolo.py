"""Ground truth in the text files of YOLO: one file an image, boxes relative to it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from approx_perception.datasets.annotations._base import (
    Annotations,
    TruthRow,
    checked_number,
    ground_truth_of,
    read_number,
)
from approx_perception.datasets.annotations.joining import Join
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.exceptions import ConfigurationError, DatasetError, shown
from approx_perception.files import read_bytes, read_text, read_yaml_table
from approx_perception.structures import GroundTruth

__all__ = ["YoloAnnotations", "names_in", "read_data_file"]

_NAMES_FILE = "classes.txt"
#: Folders above the labels in which a ``data.yaml`` is looked for.
_LEVELS_UP = 3
#: A side beyond this is in px: others reach a little over the edge of the image.
_LARGEST_SHARE = 2.0
#: Class, and centre and sides of the box; more numbers are the corners of an outline.
_BOX_COLUMNS = 5

#: Class id and corners x1 y1 x2 y2 in shares of the image.
_Row = tuple[int, tuple[float, float, float, float]]


class YoloAnnotations(Annotations):
    """``000000.txt``, ``000001.txt`` ...: lines of ``class x y width height`` in 0..1.

    ``x y`` is the centre. Longer lines are outlines (``class x1 y1 x2 y2 ...``), of which the box
    around them is taken. Files belong to images by name. An image without a file shows no object.

    Parameters
    ----------
    folder
        Of the text files.
    class_names
        What class numbers mean; left out, ``classes.txt`` in the folder says it, or ``names`` of a
        ``data.yaml`` in one of the folders above.

    Raises
    ------
    DatasetError
        If there are no names, or a line cannot be used; names file and line.
    """

    def __init__(self, folder: Path, class_names: Sequence[str] = ()) -> None:
        self.name, self._folder = str(folder), folder
        self.class_names, self._names_file = _names_of(folder, class_names)
        files = sorted(path for path in folder.glob("*.txt") if path.name != _NAMES_FILE)
        self._lines = {path.stem: self._read(path) for path in files}
        self.object_count = sum(map(len, self._lines.values()))
        self._rows: Mapping[str, Sequence[TruthRow]] = {}

    def join(self, paths: Sequence[Path], frame_count: int = 0) -> Join:
        """See `Annotations`; by name.

        Raises
        ------
        DatasetError
            If the frames have no files.
        """
        if not paths:
            raise DatasetError(
                f"{self.name} holds labels of image files; give the folder of these images as "
                "the source"
            )
        without = [path.name for path in paths if path.stem not in self._lines]
        remarks = [f"{len(without)} images have no label file, as {without[0]}"] if without else []
        return Join(lambda index: paths[index], tuple(remarks))

    def ground_truth(self, key: Path) -> GroundTruth:
        """Return what is in an image file; see `Annotations`."""
        if not self._lines.get(key.stem):
            return ground_truth_of([])
        # Decoded for its size: a header does not tell how a camera was held.
        image = ImageDecoder().file(read_bytes(key, "image", DatasetError))
        return self.truth_of(key.stem, image.shape[1], image.shape[0])

    def truth_of(self, stem: str, width: int, height: int) -> GroundTruth:
        """Return what is in the image of that name and size in px."""
        scale = (width, height) * 2
        rows: list[TruthRow] = []
        for class_id, corners in self._lines.get(stem, []):
            x1, y1, x2, y2 = (c * side for c, side in zip(corners, scale, strict=True))
            rows.append(((x1, y1, x2, y2), class_id, -1, False))
        return ground_truth_of(rows)

    def _read(self, path: Path) -> list[_Row]:
        rows = []
        for number, line in enumerate(read_text(path, "labels", DatasetError).splitlines(), 1):
            if line.strip():
                try:
                    rows.append(self._row(line.split()))
                except ValueError as error:
                    raise DatasetError(f"{path}, line {number}: {error}") from error
        return rows

    def _row(self, columns: list[str]) -> _Row:
        if len(columns) < _BOX_COLUMNS or (len(columns) > _BOX_COLUMNS and len(columns) % 2 == 0):
            raise ValueError(
                f"there are {len(columns)} columns, expected the class and x, y, width, height of "
                "a box, or the class and the corners of an outline"
            )
        class_id = checked_number("class", read_number(columns[0]))
        if not 0 <= class_id < len(self.class_names):
            raise ValueError(
                f"the class is {class_id}, but {self._names_file} names the {len(self.class_names)}"
                f" classes 0 to {len(self.class_names) - 1}"
            )
        values = [read_number(column) for column in columns[1:]]
        if not all(abs(value) <= _LARGEST_SHARE for value in values):
            wrong = next(value for value in values if not abs(value) <= _LARGEST_SHARE)
            raise ValueError(f"{wrong:g} is no share of the image from 0 to 1")
        if len(columns) > _BOX_COLUMNS:
            across, down = values[::2], values[1::2]
            return class_id, (min(across), min(down), max(across), max(down))
        x, y, width, height = values
        if width < 0 or height < 0:
            raise ValueError(f"the box has the sides {width:g} and {height:g}")
        return class_id, (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _names_of(folder: Path, given: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Class names, and what says them."""
    if given:
        return tuple(given), "the class map"
    if (path := folder / _NAMES_FILE).is_file():
        lines = read_text(path, "class names", DatasetError).splitlines()
        return tuple(line.strip() for line in lines if line.strip()), _NAMES_FILE
    for above in (folder, *folder.absolute().parents[:_LEVELS_UP]):
        if (path := above / "data.yaml").is_file():
            return names_in(read_data_file(path), path), path.name
    raise DatasetError(
        f"nothing names the classes of {folder}: write them into {folder / _NAMES_FILE}, one a "
        "line, or into data.yaml in a folder above"
    )


def read_data_file(path: Path) -> dict[object, object]:
    """Read a ``data.yaml`` of YOLO.

    Raises
    ------
    DatasetError
        If it is none.
    """
    try:
        return read_yaml_table(path, "YOLO data file", "'names' and 'train'")
    except ConfigurationError as error:
        raise DatasetError(str(error)) from error


def names_in(content: Mapping[object, object], path: Path) -> tuple[str, ...]:
    """Class names of a ``data.yaml``: a list, or a table from 0 on.

    Raises
    ------
    DatasetError
        If it has none.
    """
    names = content.get("names")
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names or not _are_texts(names):
        raise DatasetError(
            f"{path}: names is {shown(names)}, expected a list of class names, or lines of "
            "'number: name' from 0 on"
        )
    return tuple(str(name).strip() for name in names)


def _are_texts(values: Iterable[object]) -> bool:
    return all(
        isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip()
        for value in values
    )
