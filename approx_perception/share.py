"""Find the files that are installed beside the package: configuration and message texts."""

from pathlib import Path

from approx_perception.exceptions import ConfigurationError

__all__ = ["share_folder"]

_NAME = "approx_perception"


def share_folder(name: str) -> Path:
    """Folder ``config`` or ``msg``, in a source tree, a pip or a colcon installation.

    Raises
    ------
    ConfigurationError
        If the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    candidates = [parent / "share" / _NAME / name for parent in package.parents]
    if (package.parent / "package.xml").exists():
        candidates.insert(0, package.parent / name)
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise ConfigurationError(f"this installation of {_NAME} lacks its folder {name!r}")
