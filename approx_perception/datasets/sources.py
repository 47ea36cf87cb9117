"""Open any source of frames by what the user types."""

import re
from pathlib import Path

from approx_perception.datasets._base import FrameSource
from approx_perception.datasets.image_folder import ImageFolder
from approx_perception.datasets.span import SourceSpan
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.datasets.video_file import VideoFile
from approx_perception.exceptions import DatasetError

__all__ = ["SOURCE_HELP", "open_source"]

SOURCE_HELP = (
    "A rosbag2 (folder or .mcap), a video, a folder of images (also in MOTChallenge layout), "
    "or synthetic:SCENARIO, with :SPLIT:SEED behind it if wanted (test:0). "
    "SOURCE[48:104] is frames 48 to 103 of it alone."
)
_SYNTHETIC = "synthetic:"
_SPAN = re.compile(r"(?P<name>.+)\[(?P<start>\d*):(?P<stop>\d*)\]")


def open_source(
    name: str,
    topic: str | None = None,
    frame_count: int | None = None,
    seed: int = 0,
    ground_truth: str | None = None,
) -> FrameSource:
    """Open a bag, a video, a folder of images or a synthetic scenario.

    Parameters
    ----------
    name
        A path, or ``synthetic:SCENARIO``; with ``[START:STOP]`` behind it, those frames alone.
    topic
        Image topic, where a bag has several.
    frame_count, seed
        Length and variant of a synthetic video.
    ground_truth
        File or folder of ground truth, or a topic of the bag; see `open_annotations`. Left out:
        what the source has itself.

    Raises
    ------
    DatasetError
        If it is missing or cannot be read.
    """
    if (span := _SPAN.fullmatch(name)) and not Path(name).exists():
        whole = open_source(span["name"], topic, frame_count, seed, ground_truth)
        return SourceSpan(
            whole, int(span["start"] or 0), int(span["stop"]) if span["stop"] else None
        )
    if name.startswith(_SYNTHETIC):
        video = _synthetic(name.removeprefix(_SYNTHETIC), frame_count or 300, seed)
        return video if ground_truth is None else _annotated(video, ground_truth)
    path = Path(name)
    if not path.exists():
        raise DatasetError(f"there is no source {name!r}; give a bag, a video, a folder of images "
                           "or synthetic:SCENARIO")  # fmt: skip
    is_bag = path.suffix == ".mcap" or (path / "metadata.yaml").exists() or any(path.glob("*.mcap"))
    is_topic = is_bag and ground_truth is not None and not Path(ground_truth).exists()
    if ground_truth is not None and not is_topic:
        return _annotated(open_source(name, topic), ground_truth, path.stem)
    if is_bag:
        # rosbags takes a moment to import; other sources do without it.
        from approx_perception.datasets.rosbag import RosBag

        return RosBag(path, topic, ground_truth)
    if path.is_dir():
        return ImageFolder(path)
    return VideoFile(path)


def _annotated(source: FrameSource, ground_truth: str, video: str = "") -> FrameSource:
    from approx_perception.datasets.annotations import AnnotatedSource, open_annotations

    return AnnotatedSource(source, open_annotations(Path(ground_truth), video))


def _synthetic(text: str, frame_count: int, seed: int) -> SyntheticVideo:
    """Read ``SCENARIO[:SPLIT[:SEED]]``."""
    scenario, _, rest = text.partition(":")
    split, _, own_seed = rest.partition(":")
    if own_seed and not own_seed.isdecimal():
        raise DatasetError(f"the seed of {_SYNTHETIC}{text} is {own_seed!r}, not a whole number")
    return SyntheticVideo(scenario, split or "test", int(own_seed or seed), frame_count)  # type: ignore[arg-type]
