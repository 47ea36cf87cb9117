"""Which paths are bags; without rosbags, which takes a moment to import."""

from pathlib import Path

from approx_perception.exceptions import DatasetError

__all__ = ["METADATA", "STORAGE_ENDINGS", "is_bag", "storage_files"]

STORAGE_ENDINGS = (".mcap", ".db3")
METADATA = "metadata.yaml"
_ROS_1 = b"#ROSBAG"


def storage_files(folder: Path) -> list[Path]:
    """Files of a folder that hold messages; hidden ones are other programs' business."""
    return sorted(
        p for p in folder.iterdir() if p.suffix in STORAGE_ENDINGS and not p.name.startswith(".")
    )


def is_bag(path: Path) -> bool:
    """Whether a path is a rosbag2: a storage file, or a folder with one or with metadata.

    Raises
    ------
    DatasetError
        If it is a bag of ROS 1.
    """
    if path.is_dir():
        if (path / METADATA).exists() or storage_files(path):
            return True
        for file in sorted(path.glob("*.bag")):
            _refuse_ros_1(file)
        return False
    _refuse_ros_1(path)
    return path.suffix in STORAGE_ENDINGS


def _refuse_ros_1(file: Path) -> None:
    with file.open("rb") as content:
        is_ros_1 = content.read(len(_ROS_1)) == _ROS_1
    if is_ros_1:
        raise DatasetError(
            f"{file} is a bag of ROS 1; convert it: rosbags-convert --src {file} "
            f"--dst {file.with_suffix('')}_ros2"
        )
