"""Make Fast DDS carry images: its default shared memory is smaller than one."""

import os
from collections.abc import MutableMapping

from approx_perception.share import share_folder

__all__ = ["profile_is_set", "set_image_transport"]

#: Humble and Jazzy read the first, Kilted and later the second.
_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def profile_is_set(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Tell whether some Fast DDS profile is named."""
    return any(environment.get(name) for name in _VARIABLES)


def set_image_transport(environment: MutableMapping[str, str] = os.environ) -> None:
    """Name our profile, unless the user names one; call before rclpy starts."""
    if not profile_is_set(environment):
        profile = str(share_folder("config") / "fastdds_shared_memory.xml")
        environment.update(dict.fromkeys(_VARIABLES, profile))
