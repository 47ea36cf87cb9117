"""Storage files of bags that are damaged, for example because the recorder crashed.

They are read from their beginning to where they break, without the index at their end. Both
readers offer what `rosbags.highlevel.AnyReader` does, as far as it is used.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from mcap.records import Channel, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.typesys import get_types_from_msg

from approx_perception.datasets.bag_types import typestore_with_ours

__all__ = ["DamagedMcap", "DamagedSqlite"]


class _DamagedFile(ABC):
    """Reads whole messages up to the damage.

    Attributes
    ----------
    connections
        Topics with their types and the number of messages that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._types = typestore_with_ours()
        #: By the file's own number: topic, type.
        self._topics: dict[int, tuple[str, str]] = {}
        counts = Counter(number for number, _, _ in self._records(with_data=False))
        self.connections = [
            Connection(
                number, topic, kind, MessageDefinition(MessageDefinitionFormat.NONE, ""), "",
                counts[number], ConnectionExtRosbag2("cdr", []), self,
            )
            for number, (topic, kind) in self._topics.items()
        ]  # fmt: skip

    @abstractmethod
    def _records(self, with_data: bool) -> Iterator[tuple[int, int, bytes]]:
        """Number of the topic, time in ns and content of each message; notes topics on the way."""

    def messages(
        self, connections: Collection[Connection]
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Messages of some topics in the order of the file."""
        wanted = {connection.id: connection for connection in connections}
        for number, time_ns, content in self._records(with_data=True):
            if number in wanted:
                yield wanted[number], time_ns, content

    def deserialize(self, content: bytes, kind: str) -> object:
        """Turn a message's content into an object."""
        return self._types.deserialize_cdr(content, kind)

    def close(self) -> None:  # noqa: B027
        """Nothing is open between two uses."""


class DamagedMcap(_DamagedFile):
    """An mcap file without its end."""

    def _records(self, with_data: bool) -> Iterator[tuple[int, int, bytes]]:
        schemas: dict[int, str] = {}
        for record in self._whole_records():
            if isinstance(record, Schema):
                schemas[record.id] = record.name
                self._learn(record)
            elif isinstance(record, Channel):
                self._topics[record.id] = record.topic, schemas.get(record.schema_id, "")
            elif isinstance(record, Message):
                yield record.channel_id, record.log_time, record.data if with_data else b""

    def _whole_records(self) -> Iterator[McapRecord]:
        # Whatever is wrong, nothing behind it can be found.
        with self._path.open("rb") as file, suppress(Exception):
            yield from StreamReader(file, record_size_limit=None).records

    def _learn(self, schema: Schema) -> None:
        """Take the type's definition from the file, where we have none."""
        if schema.encoding == "ros2msg" and schema.name not in self._types.fielddefs:
            with suppress(Exception):
                self._types.register(get_types_from_msg(schema.data.decode(), schema.name))


class DamagedSqlite(_DamagedFile):
    """A db3 file that is cut, or has a write-ahead log beside it that was never merged."""

    def _records(self, with_data: bool) -> Iterator[tuple[int, int, bytes]]:
        columns = "topic_id, timestamp, data" if with_data else "topic_id, timestamp, ''"
        with closing(self._connect()) as connection, suppress(sqlite3.Error):
            # Else SQLite refuses a file that is shorter than it says as a whole.
            connection.execute("PRAGMA writable_schema = ON")
            for number, topic, kind in connection.execute("SELECT id, name, type FROM topics"):
                self._topics[number] = topic, kind
            yield from connection.execute(f"SELECT {columns} FROM messages ORDER BY id")

    def _connect(self) -> sqlite3.Connection:
        # A file that is taken as immutable is read without its write-ahead log.
        has_log = Path(f"{self._path}-wal").exists()
        options = "mode=ro" if has_log else "mode=ro&immutable=1"
        return sqlite3.connect(f"file:{quote(str(self._path))}?{options}", uri=True)
