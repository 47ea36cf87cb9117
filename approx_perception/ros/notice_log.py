"""Notices of the library in a node's log."""

import logging
from typing import Any

from approx_perception.notices import NOTICES

__all__ = ["log_notices"]


class _NoticesInLog(logging.Handler):
    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self._log.warning(record.getMessage())


def log_notices(log: Any) -> None:
    """Send what users must hear of, such as a camera that is lost, to a node's log from now on."""
    NOTICES.addHandler(_NoticesInLog(log))
    NOTICES.propagate = False
