"""Names of classes: the user's, the file's, or COCO's."""

import ast
from collections.abc import Mapping
from pathlib import Path

from approx_perception.detectors._base import read_class_names
from approx_perception.detectors.onnx._coco import coco_names
from approx_perception.detectors.onnx._recognition import RecognisedNetwork
from approx_perception.detectors.onnx._stated import StatedNetwork, stated_path
from approx_perception.exceptions import WeightsError, counted, shown
from approx_perception.files import read_text
from approx_perception.notices import notice

__all__ = ["class_names_of"]

_ENDINGS = ("*.names", "*classes.txt")
_LONGEST_METADATA = 1_000_000


def class_names_of(
    network: RecognisedNetwork, named: Path | None, stated: StatedNetwork
) -> tuple[str, ...]:
    """Choose names: those of a file that the user names, of `NAME.network.yaml`, of the weights,
    of the only file of names beside them, or COCO's, which is told.

    Raises
    ------
    WeightsError
        If there are none, or not as many as the network has classes.
    """
    path, count = network.file.path, network.convention.class_count
    if named is not None:
        return _from_file(named, network)
    if stated.class_names:
        return _counted(stated.class_names, count, str(stated_path(path)))
    if text := network.metadata.get("names", ""):
        return _counted(_from_metadata(text, path), count, f"the metadata of {path}")
    beside = [file for ending in _ENDINGS for file in path.parent.glob(ending)]
    if len(beside) == 1:
        return _from_file(beside[0], network)
    names = coco_names(network.convention.coco_count)
    if count not in (None, len(names)):
        raise WeightsError(
            f"{network.convention.name} needs the names of its {counted(count, 'class')}: name a "
            f"file with one a line, as --class-names or beside {path.name}, where {len(beside)} "
            "could be meant"
        )
    notice(f"{path.name} does not name its classes: the {len(names)} names of COCO are taken")
    return names


def _from_file(path: Path, network: RecognisedNetwork) -> tuple[str, ...]:
    count = network.convention.class_count
    if count is None:
        count = sum(
            bool(line.strip()) for line in read_text(path, "class names", WeightsError).splitlines()
        )
    one_more = ""
    if network.convention.name == "yolox":
        one_more = (
            "if it has no objectness column, as YOLOv8 and later, it is no YOLOX: write "
            f"'convention: ultralytics' into {stated_path(network.file.path).name} beside it"
        )
    return read_class_names(path, count, one_more)


def _counted(names: tuple[str, ...], count: int | None, where: str) -> tuple[str, ...]:
    if count not in (None, len(names)):
        raise WeightsError(
            f"{where} names {counted(len(names), 'class')}, but the network has {count}"
        )
    return names


def _from_metadata(text: str, path: Path) -> tuple[str, ...]:
    """Read the text of a Python dict ``{0: 'person', ...}`` or list."""
    try:
        value = ast.literal_eval(text[:_LONGEST_METADATA])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise WeightsError(
            f"the metadata of {path} has class names that are no Python dict: {shown(text)}"
        ) from error
    if isinstance(value, Mapping) and set(value) == set(range(len(value))):
        value = [value[index] for index in range(len(value))]
    if not isinstance(value, list) or not value or not all(isinstance(n, str) for n in value):
        raise WeightsError(
            f"the metadata of {path} has class names that are not {{0: name, ...}}: {shown(text)}"
        )
    return tuple(value)
