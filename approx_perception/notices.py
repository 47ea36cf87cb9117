"""What a user must hear of although the work goes on: one sentence each."""

import logging

__all__ = ["NOTICES", "notice"]

#: Verbs print what comes here, each sentence once; without a handler Python prints it to stderr.
NOTICES = logging.getLogger("approx_perception")


def notice(sentence: str) -> None:
    """Tell the user something that is no error: what was left out, and why."""
    NOTICES.warning("%s", sentence)
