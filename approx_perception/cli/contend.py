"""``approx-perception contend``: keep the machine busy by a known amount."""

from __future__ import annotations

import signal
from types import FrameType

from approx_perception.cli._console import console
from approx_perception.cli._verb import verb

__all__ = ["contend"]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@verb
def contend(cpu: int, cpu_share: float, memory_mb_s: float, gpu: float, seconds: float) -> None:
    """Contend for cores, memory and GPU, as other software on a robot would.

    Stops after the time asked for, on Ctrl-C, or when it is killed, and says what it got.
    """
    from approx_perception.profiling.contention_generator import (
        ContentionGenerator,
        ContentionLevel,
    )

    level = ContentionLevel(cpu, cpu_share, memory_mb_s, gpu)
    signal.signal(signal.SIGTERM, _interrupt)
    generator = ContentionGenerator(level, seconds)
    console.print(f"{level} for {seconds:g} s")
    with generator:
        generator.wait()
    for kind, unit in (("cpu", "cores"), ("memory", "MB/s"), ("gpu", "of the GPU")):
        if kind in generator.achieved:
            console.print(f"{kind}: had {generator.achieved[kind]:.2f} {unit}")
