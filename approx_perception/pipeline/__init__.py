"""The one loop that serves the node, offline runs and tests."""

from approx_perception.pipeline.camera_group import CameraGroup, Outcome, shared_budgets
from approx_perception.pipeline.mailbox import Mailbox, MailboxCounts
from approx_perception.pipeline.stream import FrameUnderWay, Stream

__all__ = [
    "CameraGroup",
    "FrameUnderWay",
    "Mailbox",
    "MailboxCounts",
    "Outcome",
    "Stream",
    "shared_budgets",
]
