"""Readers and writers of frames and ground truth."""

from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.sources import SOURCE_HELP, is_synthetic, open_source

__all__ = ["SOURCE_HELP", "FrameSource", "LabelledFrame", "is_synthetic", "open_source"]
