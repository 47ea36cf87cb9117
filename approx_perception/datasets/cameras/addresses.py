"""What a user types for a camera, and what of it others may read."""

import re
import sys
from pathlib import Path

__all__ = ["camera_address", "is_camera", "is_web", "missing_device", "public_name"]

_PREFIX = "camera:"
_SCHEMES = ("rtsp", "rtsps", "http", "https")
_URL = re.compile(rf"({_PREFIX})?({'|'.join(_SCHEMES)})://", re.IGNORECASE)
_DEVICE = re.compile(r"/dev/video\d+")
_DEVICES = Path("/dev")
_SECRET = "***"


def is_camera(name: str) -> bool:
    """Whether what the user types means a camera."""
    return bool(name.startswith(_PREFIX) or _URL.match(name) or _DEVICE.fullmatch(name))


def camera_address(name: str) -> str:
    """Number, device file or URL of a camera."""
    return name.removeprefix(_PREFIX)


def is_web(address: str) -> bool:
    """Whether a camera speaks HTTP."""
    return address.lower().startswith(("http://", "https://"))


def public_name(name: str) -> str:
    """The same without what may be secret: user, password, and values behind ``?``."""
    scheme = _URL.match(name)
    if scheme is None:
        return name
    rest = name[scheme.end() :]
    place, mark, query = rest.partition("?")
    host, slash, path = place.partition("/")
    if "@" in rest and "@" not in host:
        # A password with a slash or a question mark in it: all before the host goes.
        host, slash, path, mark, query = f"{_SECRET}@{rest.rpartition('@')[2]}", "", "", "", ""
    elif "@" in host:
        host = f"{_SECRET}@{host.rpartition('@')[2]}"
    values = re.sub(r"=[^&]*", f"={_SECRET}", query) if "=" in query else query and _SECRET
    return f"{scheme[0]}{host}{slash}{path}{mark}{values}"


def missing_device(address: str) -> str:
    """Why there is no such camera on this machine, naming those that are; empty if there may be."""
    if not sys.platform.startswith("linux"):
        return ""
    path = _DEVICES / f"video{address}" if address.isdecimal() else Path(address)
    if path.exists():
        return ""
    devices = sorted(_DEVICES.glob("video*"), key=lambda own: (len(own.name), own.name))
    if devices:
        return f"{path} is not there; this machine has {', '.join(map(str, devices))}"
    return f"{path} is not there; this machine has no camera (/dev/video*)"
