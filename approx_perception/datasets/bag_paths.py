"""Which paths are bags; without rosbags, which takes a moment to import."""

from pathlib import Path

from approx_perception.exceptions import DatasetError, choices

__all__ = ["METADATA", "STORAGE_ENDINGS", "is_bag", "storage_files"]

STORAGE_ENDINGS = (".mcap", ".db3")
METADATA = "metadata.yaml"
_COMPRESSED_ENDINGS = tuple(f"{ending}.zstd" for ending in STORAGE_ENDINGS)
_ROS_1 = b"#ROSBAG"


def storage_files(folder: Path) -> list[Path]:
    """Files of a folder that hold messages; hidden ones are other programs' business."""
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix in STORAGE_ENDINGS and not p.name.startswith(".") and p.is_file()
    )


def is_bag(path: Path) -> bool:
    """Whether a path is a rosbag2: a storage file, or a folder with one or with metadata.

    Raises
    ------
    DatasetError
        If it is a bag that is not read as it is: of ROS 1, compressed without metadata, or with
        the ending in capitals.
    """
    if path.is_dir():
        if (path / METADATA).exists() or storage_files(path):
            return True
        for file in sorted(p for p in path.iterdir() if p.is_file()):
            if file.name.endswith((".bag", ".bag.active")):
                _refuse_ros_1(file)
            _refuse_other_endings(file)
        return False
    _refuse_ros_1(path)
    _refuse_other_endings(path)
    return path.suffix in STORAGE_ENDINGS


def _refuse_ros_1(file: Path) -> None:
    with file.open("rb") as content:
        is_ros_1 = content.read(len(_ROS_1)) == _ROS_1
    if is_ros_1:
        raise DatasetError(
            f"{file} is a bag of ROS 1; convert it: rosbags-convert --src {file} "
            f"--dst {file.with_suffix('')}_ros2"
        )


def _refuse_other_endings(file: Path) -> None:
    """Say what to do with a storage file that is not read as it is."""
    name = file.name.lower()
    if name.endswith(_COMPRESSED_ENDINGS):
        raise DatasetError(
            f"{file} is a compressed file of a bag without its {METADATA}; name the folder that "
            f"has both, or unpack it: zstd -d {file}"
        )
    if file.suffix not in STORAGE_ENDINGS and name.endswith(STORAGE_ENDINGS):
        raise DatasetError(
            f"{file} is a file of a bag whose ending is not {choices(STORAGE_ENDINGS)}; rename it "
            f"to {file.with_suffix(file.suffix.lower()).name}"
        )
