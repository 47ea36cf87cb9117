"""Types of the messages that bags hold."""

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from approx_perception.share import share_folder

__all__ = ["typestore_with_ours"]


def typestore_with_ours() -> Typestore:
    """Types of ROS 2 Jazzy and this package's messages."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for path in sorted(share_folder("msg").glob("*.msg")):
        text = path.read_text(encoding="utf-8")
        store.register(get_types_from_msg(text, f"approx_perception/msg/{path.stem}"))
    return store
