"""How a source that is live ends: by a clock, or when the user has seen enough."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer, current_thread, main_thread
from typing import Any

from approx_perception.datasets import FrameSource
from approx_perception.notices import notice

__all__ = ["ended_in_time"]


@contextmanager
def ended_in_time(source: FrameSource, seconds: float | None) -> Iterator[None]:
    """Stop a live source after so long, or when Ctrl-C is pressed; a second one interrupts.

    Parameters
    ----------
    source
        Is told to stop: what was seen until then is a whole result.
    seconds
        From now on; None for no end of its own.
    """
    timer = Timer(seconds, source.stop) if seconds is not None else None
    is_main = current_thread() is main_thread()
    old: Any = signal.getsignal(signal.SIGINT) if is_main else None

    def end(*_: object) -> None:
        signal.signal(signal.SIGINT, old)
        notice("ending: results are written; Ctrl-C again stops at once")
        source.stop()

    if timer is not None:
        timer.daemon = True
        timer.start()
    if is_main:
        signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()
        if is_main:
            signal.signal(signal.SIGINT, old)
