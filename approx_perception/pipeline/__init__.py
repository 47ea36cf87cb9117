"""The one loop that serves the node, offline runs and tests."""

from approx_perception.pipeline.camera_group import CameraGroup, shared_budgets
from approx_perception.pipeline.frame_pipeline import FramePipeline
from approx_perception.pipeline.mailbox import Mailbox, MailboxCounts
from approx_perception.pipeline.stage_timer import StageTimer

__all__ = [
    "CameraGroup",
    "FramePipeline",
    "Mailbox",
    "MailboxCounts",
    "StageTimer",
    "shared_budgets",
]
