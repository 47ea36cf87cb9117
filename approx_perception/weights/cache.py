"""Networks by name: downloaded once to the user's cache, and checked whenever they are used."""

import fcntl
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import yaml

from approx_perception.exceptions import ConfigurationError, WeightsError, choices, shown
from approx_perception.files import (
    file_sha256,
    foreign_kind,
    read_text,
    replace_text,
    user_cache,
)
from approx_perception.notices import notice
from approx_perception.weights.catalogue import CATALOGUE, NamedNetwork
from approx_perception.weights.disk import writing

__all__ = ["MIRROR", "Report", "cached_path", "fetch", "is_named", "weights_file"]

#: Environment variable: where `NAME.onnx` of each network is, in place of its makers' address.
MIRROR = "APPROX_PERCEPTION_MIRROR"
#: Told what is done, and how many bytes of how many there are (0 for unknown).
Report = Callable[[str, int, int], None]
#: Of networks whose size is not known.
_LARGEST_BYTES = 2**30
_SILENCE_S = 30.0
_LOOK_S = 0.2
_LIKE_A_NAME = re.compile(r"[A-Za-z]\w*(-\w+)*", re.ASCII)


def is_named(weights: str) -> bool:
    """Whether weights are a name of the catalogue; a file of that name comes first."""
    return weights in CATALOGUE and not os.path.lexists(weights)


def weights_file(weights: str) -> str:
    """What a user wrote, but the file of a network that is named; downloads it where needed.

    Raises
    ------
    WeightsError
        If it looks like a name and is none; see also `fetch`.
    """
    if is_named(weights):
        return str(fetch(weights))
    if _LIKE_A_NAME.fullmatch(weights) and not os.path.lexists(weights):
        raise WeightsError(
            f"there is no file and no network {shown(weights)}; networks are {choices(CATALOGUE)}"
        )
    return weights


def cached_path(name: str) -> Path:
    """Where the file of a network is kept.

    Raises
    ------
    ConfigurationError
        If the user has no folder for that.
    """
    return user_cache() / "networks" / f"{name}.onnx"


def fetch(
    name: str, report: Report = lambda text, done, total: None, timeout_s: float = _SILENCE_S
) -> Path:
    """File of a network by name, whole and checked; downloaded where it is not there.

    Parameters
    ----------
    name
        Of the catalogue.
    report
        Called while it downloads; what it raises ends that, and the next call goes on from there.
    timeout_s
        How long a server may be silent, in s.

    Raises
    ------
    WeightsError
        If it cannot be had, or is not the file that it should be.
    OutputError
        If it cannot be written.
    """
    network, path = CATALOGUE[name], cached_path(name)
    # What is there needs no place that can be written to.
    if not path.exists():
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.with_name(f".{path.name}.lock").open("ab")
        with lock:
            _wait_for(lock, lambda: report(f"waiting for the download of {name}", 0, 0))
            # Another process may have brought it meanwhile.
            if not path.exists():
                _bring(name, network, path, report, timeout_s)
    _check(name, network, path)
    stated = path.with_name(f"{name}.network.yaml")
    if network.stated and not stated.exists():
        replace_text(stated, yaml.safe_dump(dict(network.stated)))
    return path


def _wait_for(lock: IO[bytes], waiting: Callable[[], None]) -> None:
    """Let one process download at a time; its end frees the lock."""
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waiting()
            time.sleep(_LOOK_S)


def _bring(name: str, network: NamedNetwork, path: Path, report: Report, timeout_s: float) -> None:
    # Only here: what speaks HTTP takes time and memory.
    from approx_perception.weights.download import NotHadError, download

    address, part = _address_of(name, network), path.with_name(f"{path.name}.part")
    host = urlsplit(address).hostname
    text = f"downloading {name} ({network.licence}) from {host}"
    notice(f"{text} to {path}, once")
    try:
        download(
            address, part, network.size or _LARGEST_BYTES,
            lambda done, total: report(text, done, total or network.size or 0), timeout_s,
            # Pieces of two files would be noticed only by the hash.
            may_resume=bool(network.sha256),
        )  # fmt: skip
        if network.size and (got := part.stat().st_size) < network.size:
            raise NotHadError(f"the connection ended after {got} of {network.size} bytes")
        # The hash of a login page would be kept as the network's.
        if not network.sha256 and (kind := foreign_kind(part)):
            part.unlink()
            raise NotHadError(f"what it gives is {kind}")
    except NotHadError as reason:
        raise WeightsError(
            # A mirror that fails is no place to take the file from by hand.
            f"cannot download {name} from {host}: {reason}; put the file {network.address} as "
            f"{path}, or name a server that has {path.name} as {MIRROR}"
        ) from reason
    found = file_sha256(part, "weights file", WeightsError)
    if network.sha256 not in ("", found):
        part.unlink()
        raise WeightsError(
            f"what {address} gives is not {name}: its SHA-256 is {found}, expected is "
            f"{network.sha256}; nothing of it is kept"
        )
    with writing(path):
        part.replace(path)


def _address_of(name: str, network: NamedNetwork) -> str:
    mirror = os.environ.get(MIRROR, "")
    if not mirror:
        return network.address
    try:
        parts = urlsplit(mirror)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname)
        # Errors and logs show addresses.
        is_fit = is_fit and parts.username is None and not parts.query and (parts.port or 1) > 0
    except ValueError:
        is_fit = False
    if not is_fit:
        named = shown(mirror.rpartition("@")[2].partition("?")[0])
        raise ConfigurationError(
            f"{MIRROR} is {named}, which is no address as https://HOST/FOLDER alone"
        )
    return f"{mirror.rstrip('/')}/{name}.onnx"


def _check(name: str, network: NamedNetwork, path: Path) -> None:
    """Compare a file with the hash that is known, or with that of its first use."""
    found = file_sha256(path, "weights file", WeightsError)
    record = path.with_name(f"{path.name}.sha256")
    expected = network.sha256
    if not expected and record.exists():
        expected = read_text(record, "hash", WeightsError, 1000).strip()
    if not expected:
        replace_text(record, f"{found}\n")
        notice(f"no public hash of {name} is known: its SHA-256 {found} is kept and checked later")
    elif found != expected:
        raise WeightsError(
            f"{path} is not {name}: its SHA-256 is {found}, expected is {expected}; delete it, and "
            "it is downloaded anew"
        )
