"""``approx-perception contend``: keep the machine busy by a known amount."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated

import typer

from approx_perception.cli._options import console, one_sentence_errors

__all__ = ["contend"]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@one_sentence_errors
def contend(
    cpu: Annotated[int, typer.Option(min=0, help="CPU cores to keep busy.")] = 0,
    cpu_share: Annotated[float, typer.Option(help="Share of each of them, 0..1.")] = 1.0,
    memory_mb_s: Annotated[
        float, typer.Option(help="Memory traffic in MB/s, read and written both counted.")
    ] = 0.0,
    gpu: Annotated[float, typer.Option(help="Share of the time the GPU is busy, 0..1.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0.1, max=86400.0, help="Then it stops.")] = 60.0,
) -> None:
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
