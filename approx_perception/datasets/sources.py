"""Open any source of frames by what the user types."""

from pathlib import Path

from approx_perception.datasets._base import FrameSource
from approx_perception.datasets.image_folder import ImageFolder
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.datasets.video_file import VideoFile
from approx_perception.exceptions import DatasetError

__all__ = ["SOURCE_HELP", "open_source"]

SOURCE_HELP = (
    "A rosbag2 (folder or .mcap), a video, a folder of images (also in MOTChallenge layout), "
    "or synthetic:SCENARIO."
)
_SYNTHETIC = "synthetic:"


def open_source(
    name: str, topic: str | None = None, frame_count: int | None = None, seed: int = 0
) -> FrameSource:
    """Open a bag, a video, a folder of images or a synthetic scenario.

    Parameters
    ----------
    name
        A path, or ``synthetic:SCENARIO``.
    topic
        Image topic, where a bag has several.
    frame_count, seed
        Length and variant of a synthetic video.

    Raises
    ------
    DatasetError
        If it is missing or cannot be read.
    """
    if name.startswith(_SYNTHETIC):
        scenario = name.removeprefix(_SYNTHETIC)
        return SyntheticVideo(scenario, "test", seed, frame_count or 300)
    path = Path(name)
    if not path.exists():
        raise DatasetError(f"there is no source {name!r}; give a bag, a video, a folder of images "
                           "or synthetic:SCENARIO")  # fmt: skip
    if path.suffix == ".mcap" or (path / "metadata.yaml").exists() or any(path.glob("*.mcap")):
        # rosbags takes a moment to import; other sources do without it.
        from approx_perception.datasets.rosbag import RosBag

        return RosBag(path, topic)
    if path.is_dir():
        return ImageFolder(path)
    return VideoFile(path)
