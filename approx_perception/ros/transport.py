"""Make Fast DDS carry images: its default shared memory is smaller than one."""

import os
from collections.abc import MutableMapping
from pathlib import Path

from approx_perception.share import share_folder

__all__ = ["profile_problem", "set_image_transport"]

#: Humble and Jazzy read the first, Kilted and later the second.
_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def profile_problem(environment: MutableMapping[str, str] = os.environ) -> str:
    """Say why Fast DDS has no profile, whose reader keeps silent about it; empty where it has."""
    named = {name: environment[name] for name in _VARIABLES if environment.get(name)}
    if not named:
        return "no Fast DDS profile is set"
    lost = [f"{name} names {path}" for name, path in named.items() if not Path(path).is_file()]
    return f"{lost[0]}, which is no file" if lost else ""


def set_image_transport(environment: MutableMapping[str, str] = os.environ) -> None:
    """Name our profile, unless the user names one; call before rclpy starts."""
    if not any(environment.get(name) for name in _VARIABLES):
        profile = str(share_folder("config") / "fastdds_shared_memory.xml")
        environment.update(dict.fromkeys(_VARIABLES, profile))
