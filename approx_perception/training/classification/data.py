"""What a user names as training data: synthetic clips, a folder of class folders, or a CSV."""

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.image_header import IMAGE_ENDINGS
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.datasets.losses import Losses
from approx_perception.datasets.synthetic import CLASS_NAMES, CLIP_SCENARIOS, SyntheticVideo
from approx_perception.exceptions import DatasetError, choices, counted, shown
from approx_perception.files import check_file, is_folder, read_text
from approx_perception.notices import notice
from approx_perception.structures import COMPLEXITY_CATEGORIES
from approx_perception.training.classification.samples import Pool, Sample, write_pool
from approx_perception.training.training_run import SYNTHETIC

__all__ = ["TrainingData", "open_training_data"]

#: Frames of each scenario's pool: easy ones are learned from fewer.
_CLIP_FRAMES = {name: 6000 if name == "object_easy" else 12000 for name in CLIP_SCENARIOS}
#: Of a pool: smaller than what a camera gives, and four times as quick to draw.
_DRAWN_SIZE = (320, 240)
_CAMERA_SIZE = (640, 480)
_FRAMES_PER_CLIP = 2
_CLIPS_PER_VIDEO = 8
#: Clips that tell where categories of complexity end, and that judge; a frame of each.
_TYPICAL_CLIPS, _JUDGED_CLIPS = 80, 240
#: Every tenth image of a user judges.
_HELD_OUT = 10
#: Of fewer, a share of 0.9 is known to 0.03 or worse.
_FEW_HELD_OUT = 100
_COLUMNS = ["path", "class"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a run needs.

    Attributes
    ----------
    name
        For the model card.
    class_names
        What labels mean.
    pool
        To train on.
    typical
        Draws images of the training set as cameras give them.
    held_out
        Draws images that judge; none of them is in the pool.
    """

    name: str
    class_names: tuple[str, ...]
    pool: Pool
    typical: Callable[[], Iterator[Sample]]
    held_out: Callable[[], Iterator[Sample]]


def open_training_data(data: str, folder: Path, workers: int = 1) -> TrainingData:
    """Read or draw training data into a folder, unless they lie there.

    Parameters
    ----------
    data
        ``synthetic``, a folder ``DIR/CLASS/IMAGE``, or a CSV file with the columns path and class.
    folder
        For small versions of the images.
    workers
        Processes that draw.

    Raises
    ------
    DatasetError
        If there is nothing to learn from. Images that cannot be read are left out with a notice.
    """
    if data == SYNTHETIC:
        return _clips(folder, workers)
    path = Path(data)
    if data and is_folder(path):
        return _images(path, _in_class_folders(path), folder)
    if path.suffix.lower() == ".csv":
        return _images(path, _in_table(path), folder)
    raise DatasetError(
        f"{shown(data)} is no training data; name {SYNTHETIC}, a folder with a folder of images "
        f"for each class, or a CSV file with the columns {','.join(_COLUMNS)}"
    )


def _clips(folder: Path, workers: int) -> TrainingData:
    paths = {name: folder / f"{name}-train.npy" for name in CLIP_SCENARIOS}
    with ProcessPoolExecutor(max(workers, 1), get_context("spawn")) as processes:
        list(processes.map(_draw, paths, paths.values()))
    return TrainingData(
        f"{SYNTHETIC} ({', '.join(CLIP_SCENARIOS)})", CLASS_NAMES, Pool(list(paths.values())),
        lambda: _frames_of_all("train", _TYPICAL_CLIPS),
        lambda: _frames_of_all("val", _JUDGED_CLIPS),
    )  # fmt: skip


def _draw(scenario: str, path: Path) -> None:
    count = _CLIP_FRAMES[scenario]
    frames = _clip_frames(scenario, "train", _DRAWN_SIZE, _FRAMES_PER_CLIP, count)
    write_pool(path, frames, count, f"{scenario} {count}")


def _clip_frames(
    scenario: str, split: str, size: tuple[int, int], per_clip: int, count: int
) -> Iterator[Sample]:
    """Frames at chance moments of clips, the same ones each time."""
    rng = np.random.default_rng(0)
    length = 200
    for position in range(count):
        clip, moment = divmod(position, per_clip)
        seed, place = divmod(clip, _CLIPS_PER_VIDEO)
        if not place and not moment:
            video = SyntheticVideo(scenario, split, seed, _CLIPS_PER_VIDEO * length, *size)  # type: ignore[arg-type]
        frame = video.render(place * length + int(rng.integers(length)))
        truth = frame.ground_truth
        row = truth.main_object
        if row is None:
            raise AssertionError(f"a clip of {scenario} shows no object")
        yield Sample(frame.image, int(truth.class_ids[row]), truth.boxes[row])


def _frames_of_all(split: str, clips: int) -> Iterator[Sample]:
    for scenario in CLIP_SCENARIOS:
        yield from _clip_frames(scenario, split, _CAMERA_SIZE, 1, clips)


def _images(path: Path, entries: list[tuple[Path, str]], folder: Path) -> TrainingData:
    """Images of a user's list."""
    names = tuple(sorted({name for _, name in entries}))
    if len(names) < 2:
        raise DatasetError(f"{path} names {counted(len(names), 'class')}; at least 2 are needed")
    held_out: list[tuple[Path, str]] = []
    kept: list[tuple[Path, str]] = []
    for name in names:
        of_class = [entry for entry in entries if entry[1] == name]
        if len(of_class) < 2:
            raise DatasetError(f"{path} has one image of the class {shown(name)}; 2 are needed")
        held_out += of_class[::_HELD_OUT]
        kept += [entry for index, entry in enumerate(of_class) if index % _HELD_OUT]
    listed = "\n".join(f"{file} {file.stat().st_mtime_ns} {name}" for file, name in kept)
    write_pool(
        folder / "images.npy", _read(path, kept, names), len(kept),
        hashlib.sha256(listed.encode()).hexdigest(),
    )  # fmt: skip
    pool = Pool([folder / "images.npy"])
    _check(path, pool, names, len(held_out))
    return TrainingData(
        path.name, names, pool,
        lambda: _read(path, kept, names), lambda: _read(path, held_out, names),
    )  # fmt: skip


def _check(path: Path, pool: Pool, names: tuple[str, ...], held_out: int) -> None:
    """Refuse too few images to train on; tell where too few judge."""
    if len(pool) < COMPLEXITY_CATEGORIES:
        raise DatasetError(
            f"{path} leaves {counted(len(pool), 'image')} to train on, every tenth of a class "
            f"being held out; at least {COMPLEXITY_CATEGORIES} are needed"
        )
    if unseen := sorted(set(range(len(names))) - set(pool.labels.tolist())):
        raise DatasetError(
            f"{path} has no image of the class {shown(names[unseen[0]])} that can be read"
        )
    if held_out < _FEW_HELD_OUT:
        notice(
            f"{path} has few images: only {counted(held_out, 'image')} of it, every tenth of a "
            "class, will judge the branches, so the table of accuracy is rough, and so are the "
            f"choices of a scheduler that goes by it; {_FEW_HELD_OUT * _HELD_OUT} images or more "
            "make it trustworthy"
        )


def _read(
    source: Path, entries: Sequence[tuple[Path, str]], names: tuple[str, ...]
) -> Iterator[Sample]:
    """Those that can be read; what was lost is told."""
    losses, decoder = Losses(source, "images"), ImageDecoder()

    def read(path: Path) -> npt.NDArray[np.uint8]:
        return decoder.file(path.read_bytes())

    for path, name in entries:
        image = losses.attempt(path, read, path)
        if image is not None:
            height, width = image.shape[:2]
            yield Sample(image, names.index(name), np.array([0, 0, width, height], np.float32))
    losses.tell()


def _in_class_folders(path: Path) -> list[tuple[Path, str]]:
    folders = sorted(each for each in path.iterdir() if each.is_dir() and each.name[0] != ".")
    if not folders:
        raise DatasetError(f"{path} has no class folders; images stand in DIR/CLASS/IMAGE")
    entries = []
    for folder in folders:
        images = [
            (file, folder.name)
            for file in sorted(folder.iterdir())
            if file.suffix.lower() in IMAGE_ENDINGS and file.name[0] != "."
        ]
        if not images:
            raise DatasetError(f"{folder} holds no images ({', '.join(IMAGE_ENDINGS)})")
        entries += images
    return entries


def _in_table(path: Path) -> list[tuple[Path, str]]:
    rows = csv.reader(read_text(path, "training data", DatasetError).splitlines(), strict=True)
    try:
        numbered = [(rows.line_num, [value.strip() for value in row]) for row in rows if row]
    except csv.Error as error:
        raise DatasetError(f"{path}:{rows.line_num}: {error}") from error
    header = numbered[0][1] if numbered else []
    if header != _COLUMNS:
        raise DatasetError(
            f"{path} begins with {shown(','.join(header))}, expected {','.join(_COLUMNS)}"
        )
    entries = []
    for line, row in numbered[1:]:
        if len(row) != 2 or not all(row):
            raise DatasetError(
                f"{path}:{line} is {shown(','.join(row))}, expected a path and a class"
            )
        file = path.parent / row[0]
        check_file(file, f"image of {path}:{line}", DatasetError)
        if file.suffix.lower() not in IMAGE_ENDINGS:
            raise DatasetError(
                f"{path}:{line}: {shown(str(file))} is no image; it must end with one of "
                f"{choices(IMAGE_ENDINGS)}"
            )
        entries.append((file, row[1]))
    return entries
