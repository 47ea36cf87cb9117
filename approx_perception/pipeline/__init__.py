"""The one loop that serves the node, offline runs and tests."""

from approx_perception.pipeline.frame_pipeline import FramePipeline
from approx_perception.pipeline.mailbox import Mailbox, MailboxCounts
from approx_perception.pipeline.stage_timer import StageTimer

__all__ = ["FramePipeline", "Mailbox", "MailboxCounts", "StageTimer"]
