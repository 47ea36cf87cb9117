"""The storage files of a rosbag2, read as one stream whatever their metadata say."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection

from approx_perception.datasets.bag_paths import METADATA, STORAGE_ENDINGS, storage_files
from approx_perception.datasets.bag_types import typestore_with_ours
from approx_perception.datasets.damaged_bags import DamagedMcap, DamagedSqlite
from approx_perception.exceptions import DatasetError, counted, reason_of
from approx_perception.files import read_yaml_table
from approx_perception.notices import notice

__all__ = ["BagFiles", "StoredMessage"]

_DAMAGED = {".mcap": DamagedMcap, ".db3": DamagedSqlite}


class StoredMessage:
    """A message that is not decoded yet.

    Attributes
    ----------
    kind
        Type of the message.
    time_ns
        When it was recorded.
    """

    def __init__(self, storage: Any, connection: Connection, time_ns: int, content: bytes) -> None:
        self.kind, self.time_ns = connection.msgtype, time_ns
        self._storage, self._content = storage, content

    def decode(self) -> Any:
        """Its object; fails in many ways on broken data."""
        return self._storage.deserialize(self._content, self.kind)


class BagFiles:
    """A bag, open; a context manager.

    The metadata only say which files there are: quality of service, counts and types are those
    of the storage files. Damaged files are read as far as they go, and the user is told.

    Parameters
    ----------
    path
        Folder of a rosbag2, with or without metadata, or one storage file.

    Raises
    ------
    DatasetError
        If nothing of it can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._storages: list[Any] = []
        reasons = []
        for file in _files_of(path):
            storage, reason = _open(file)
            if reason:
                reasons.append(f"{file.name}: {reason}")
            if storage is not None:
                self._stack.callback(storage.close)
                self._storages.append(storage)
        if not self._storages:
            raise DatasetError(f"{path} is no bag that can be read: {'; '.join(reasons)}")
        for reason in reasons:
            notice(f"{path} is damaged; what can be read of it is read. {reason}")
        #: Those of all files: a topic has one in each.
        self.connections: list[Connection] = [c for s in self._storages for c in s.connections]

    def __enter__(self) -> "BagFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def messages(self, topic: str) -> Iterator[StoredMessage]:
        """Messages of a topic in order of time, up to where the bag breaks off."""
        streams = [self._stream(storage, topic) for storage in self._storages]
        count = 0
        try:
            for message in heapq.merge(*streams, key=lambda message: message.time_ns):
                yield message
                count += 1
        except Exception as error:  # rosbags lets errors of its storages through
            notice(
                f"{self._path} breaks off on {topic} after {counted(count, 'message')}: "
                f"{reason_of(error)}"
            )

    @staticmethod
    def _stream(storage: Any, topic: str) -> Iterator[StoredMessage]:
        connections = [c for c in storage.connections if c.topic == topic]
        # Without any, rosbags would give all.
        for connection, time_ns, content in storage.messages(connections) if connections else ():
            yield StoredMessage(storage, connection, time_ns, content)


def _files_of(path: Path) -> Sequence[Path]:
    """What to open: the files that the metadata name, or all there are."""
    if not path.is_dir():
        return [path]
    information = _metadata(path)
    if str(information.get("compression_mode")).lower() in ("file", "message"):
        # rosbags unpacks these, but only by the folder.
        return [path]
    named = [path / Path(str(n)).name for n in information.get("relative_file_paths") or ()]
    if missing := [file.name for file in named if not file.is_file()]:
        notice(f"{path / METADATA} names {', '.join(missing)}, which is not there")
    present = [file for file in named if file.is_file()]
    files = present or storage_files(path)
    if not files:
        raise DatasetError(
            f"{path} is no bag: it has no storage file ({', '.join(STORAGE_ENDINGS)})"
        )
    return files


def _metadata(folder: Path) -> dict[str, Any]:
    """What ``metadata.yaml`` says; nothing where it is missing or broken."""
    file = folder / METADATA
    if not file.exists():
        notice(f"{folder} has no {METADATA} (did its recorder crash?); its files are read")
        return {}
    try:
        content = read_yaml_table(file, "metadata of a bag", "rosbag2_bagfile_information")
        return dict(content["rosbag2_bagfile_information"])
    except Exception as error:  # any text may stand there
        notice(f"{file} cannot be read; the files beside it are: {reason_of(error)}")
        return {}


def _open(path: Path) -> tuple[Any, str]:
    """Open a file or folder; None if nothing can be read, and what is wrong with it."""
    log = Path(f"{path}-wal")
    reason = f"{log.name} was never merged into it" if log.exists() and log.stat().st_size else ""
    if not reason:
        try:
            reader = AnyReader([path], default_typestore=typestore_with_ours())
            reader.open()
            return reader, ""
        except Exception as error:  # rosbags lets errors of its storages through
            reason = reason_of(error)
    kind = _DAMAGED.get(path.suffix)
    storage = kind(path) if kind else None
    has_messages = storage is not None and any(c.msgcount for c in storage.connections)
    return storage if has_messages else None, reason
