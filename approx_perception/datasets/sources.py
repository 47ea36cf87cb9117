"""Open any source of frames by what the user types."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from approx_perception.datasets._base import FrameSource
from approx_perception.datasets.bag_paths import is_bag
from approx_perception.datasets.cameras import is_camera
from approx_perception.datasets.image_header import IMAGE_ENDINGS, MAX_IMAGE_PX
from approx_perception.datasets.span import SourceSpan
from approx_perception.exceptions import ConfigurationError, DatasetError, shown
from approx_perception.files import MOST_DIGITS, read_yaml_table, whole_number

__all__ = ["SOURCE_HELP", "is_synthetic", "open_source"]

SOURCE_HELP = (
    "A rosbag2 (folder, .mcap or .db3), a video, a folder of images (also in MOTChallenge layout), "
    "synthetic:SCENARIO, with :SPLIT:SEED behind it if wanted (test:0), a camera (camera:0, "
    "/dev/video0, rtsp://..., or http://... of MJPEG), or "
    "classes:FOLDER of folders that are named after the class of their images. "
    "SOURCE[48:104] is frames 48 to 103 of it alone."
)
_CHOICES = "a bag, a video, a folder of images, synthetic:SCENARIO, camera:0 or classes:FOLDER"
_SYNTHETIC, _CLASSES = "synthetic:", "classes:"
_SPAN = re.compile(
    rf"(?P<name>.+)\[(?P<start>\d{{0,{MOST_DIGITS}}}):(?P<stop>\d{{0,{MOST_DIGITS}}})\]"
)


def is_synthetic(name: str) -> bool:
    """Whether what the user types means a synthetic video."""
    return name.startswith(_SYNTHETIC)


def open_source(
    name: str,
    topic: str | None = None,
    frame_count: int | None = None,
    seed: int = 0,
    ground_truth: str | None = None,
    class_numbers: Mapping[int, str | None] | None = None,
    max_image_px: int = MAX_IMAGE_PX,
) -> FrameSource:
    """Open a bag, a video, a folder of images, a synthetic scenario or a camera.

    Parameters
    ----------
    name
        A path, ``synthetic:SCENARIO``, a camera (see `Camera`) or ``classes:FOLDER``; with
        ``[START:STOP]`` behind it, those frames alone.
    topic
        Image topic, where a bag has several.
    frame_count, seed
        Length and variant of a synthetic video.
    ground_truth
        File or folder of ground truth, or a topic of the bag; see `open_annotations`. Left out:
        what the source has itself.
    class_numbers
        Names of the classes that a MOTChallenge file numbers; left out, 1 is ``person``.
    max_image_px
        Larger images are refused before they are decoded.

    Raises
    ------
    DatasetError
        If it is missing or cannot be read.
    """
    if not name:
        raise DatasetError(f"no source is named; give {_CHOICES}")
    whole = partial(
        _open_whole, topic=topic, frame_count=frame_count, seed=seed, max_image_px=max_image_px
    )
    span = _SPAN.fullmatch(name)
    if span is None or Path(name).exists():
        return whole(name, ground_truth=ground_truth, class_numbers=class_numbers)
    bounds = int(span["start"] or 0), int(span["stop"]) if span["stop"] else None
    if ground_truth and _is_of_a_run(ground_truth) and _run_start(ground_truth, name) is None:
        # A run numbers the frames that it was given: most likely these.
        return _annotated(SourceSpan(whole(span["name"]), *bounds), ground_truth, run_start=None)
    source = whole(span["name"], ground_truth=ground_truth, class_numbers=class_numbers)
    return SourceSpan(source, *bounds)


def _open_whole(
    name: str,
    topic: str | None,
    frame_count: int | None,
    seed: int,
    max_image_px: int,
    ground_truth: str | None = None,
    class_numbers: Mapping[int, str | None] | None = None,
) -> FrameSource:
    source: FrameSource
    video = ""
    if is_synthetic(name):
        source = _synthetic(name.removeprefix(_SYNTHETIC), frame_count or 300, seed)
    elif is_camera(name):
        source = _camera(name, ground_truth, max_image_px)
    elif name.startswith(_CLASSES):
        source = _class_folders(name.removeprefix(_CLASSES), max_image_px)
    else:
        path = _existing(name)
        video = _video_name(path)
        own = path / "gt" / "gt.txt"
        if is_bag(path):
            is_topic = ground_truth is not None and not Path(ground_truth).exists()
            source = _bag(path, topic, ground_truth if is_topic else None, max_image_px)
            ground_truth = None if is_topic else ground_truth
        else:
            source = _pictures(path, max_image_px)
            if ground_truth is None and own.exists():
                return _with_own_truth(source, own, class_numbers)
    if ground_truth is None:
        return source
    run_start = (_is_of_a_run(ground_truth) and _run_start(ground_truth, name)) or 0
    return _annotated(source, ground_truth, video, class_numbers, run_start)


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.exists():
        raise DatasetError(f"there is no source {shown(name)}; give {_CHOICES}")
    if not (path.is_file() or path.is_dir()):
        # Reading a pipe waits for somebody who writes.
        raise DatasetError(f"{shown(name)} is neither a file nor a folder but a pipe or a device")
    return path


def _bag(path: Path, topic: str | None, truth_topic: str | None, max_image_px: int) -> FrameSource:
    # rosbags takes a moment to import; other sources do without it.
    from approx_perception.datasets.rosbag import RosBag

    return RosBag(path, topic, truth_topic, max_image_px)


def _pictures(path: Path, max_image_px: int) -> FrameSource:
    """A folder of images, one image, or a video."""
    from approx_perception.datasets.image_folder import ImageFolder
    from approx_perception.datasets.video_file import VideoFile

    is_image = path.suffix.lower() in IMAGE_ENDINGS and path.suffix.lower() != ".gif"
    kind = ImageFolder if path.is_dir() or is_image else VideoFile
    return kind(path, max_image_px)


def _class_folders(name: str, max_image_px: int) -> FrameSource:
    from approx_perception.datasets.class_folders import ClassFolders

    if not name:
        # An empty path is the folder of now.
        raise DatasetError(f"{_CLASSES} names no folder; write {_CLASSES}FOLDER")
    return ClassFolders(_existing(name), max_image_px)


def _video_name(path: Path) -> str:
    """What a file of several videos may call a source."""
    if not path.is_dir():
        return path.stem
    path = path.absolute()
    return path.parent.name if path.name == "img1" else path.name


def _annotated(
    source: FrameSource,
    ground_truth: str,
    video: str = "",
    class_numbers: Mapping[int, str | None] | None = None,
    run_start: int | None = 0,
) -> FrameSource:
    """A source with the truth that the user names; an error if none of it is of the source."""
    from approx_perception.datasets.annotations import AnnotatedSource, open_annotations

    annotations = open_annotations(Path(ground_truth), video, class_numbers, run_start)
    annotated = AnnotatedSource(source, annotations)
    annotated.check_is_of_use()
    return annotated


def _with_own_truth(
    source: FrameSource, path: Path, class_numbers: Mapping[int, str | None] | None
) -> FrameSource:
    from approx_perception.datasets.annotations import AnnotatedSource, open_annotations

    return AnnotatedSource(source, open_annotations(path, classes=class_numbers))


def _is_of_a_run(ground_truth: str) -> bool:
    from approx_perception.datasets.annotations import is_own_detections

    path = Path(ground_truth)
    return path.suffix in (".txt", ".csv") and path.exists() and is_own_detections(path)


def _run_start(ground_truth: str, name: str) -> int | None:
    """First frame of the run whose detections are truth, by its config.yaml; None if not known.

    That of another source tells nothing.
    """
    path = Path(ground_truth).parent / "config.yaml"
    try:
        own = read_yaml_table(path, "configuration of a run", "source").get("source")
    except ConfigurationError:
        return None
    if not isinstance(own, str):
        return None
    parts = [_SPAN.fullmatch(text) for text in (own, name)]
    base, wanted = (
        Path(part["name"] if part else text).absolute().name
        for part, text in zip(parts, (own, name), strict=True)
    )
    if base != wanted:
        return None
    return whole_number(parts[0]["start"] or "0") if parts[0] else 0


def _synthetic(text: str, frame_count: int, seed: int) -> FrameSource:
    """Read ``SCENARIO[:SPLIT[:SEED]]``."""
    scenario, _, rest = text.partition(":")
    split, _, own_seed = rest.partition(":")
    if own_seed and whole_number(own_seed) is None:
        raise DatasetError(
            f"the seed of {shown(_SYNTHETIC + text)} is {shown(own_seed)}; it must be a whole "
            f"number of at most {MOST_DIGITS} digits"
        )
    from approx_perception.datasets.synthetic import SyntheticVideo

    return SyntheticVideo(scenario, split or "test", int(own_seed or seed), frame_count)  # type: ignore[arg-type]


def _camera(name: str, ground_truth: str | None, max_image_px: int) -> FrameSource:
    if ground_truth is not None:
        raise DatasetError(f"a camera has no ground truth; {shown(ground_truth)} cannot be used")
    from approx_perception.datasets.cameras.camera import Camera

    return Camera(name, max_image_px)
