"""Any kernel on a recorded machine: what it does is real, and what that takes is the machine's."""

from collections.abc import Sequence
from dataclasses import replace

from approx_perception.clock import FakeClock
from approx_perception.datasets import LabelledFrame
from approx_perception.kernels import Batch, Kernel, KernelOutput
from approx_perception.pipeline import FrameUnderWay, Stream
from approx_perception.pipeline.driver import Conditions, Driver, Listener, drive
from approx_perception.scheduling import Scheduler
from approx_perception.simulation.recorded_machine import SimulatedMachine
from approx_perception.structures import SLA, Frame, FrameResult, LoadReading

__all__ = ["SimulatedStream", "simulate"]


class SimulatedStream(Stream):
    """The real pipeline on a simulated machine, which is as it is at each frame's number.

    Parameters
    ----------
    kernel, scheduler, sla
        See `Stream`.
    machine
        What the kernel's parts cost.
    hears_load
        Whether a load monitor speaks.
    """

    def __init__(
        self,
        kernel: Kernel,
        scheduler: Scheduler,
        sla: SLA,
        machine: SimulatedMachine,
        hears_load: bool = True,
    ) -> None:
        self._machine, self._frame = machine, 0
        # Nothing but the parts takes time, and they are charged for.
        load = self._reading if hears_load else LoadReading
        super().__init__(kernel, scheduler, sla, FakeClock(), load)

    def process(self, frame: Frame) -> FrameResult:
        """See `Stream.process`."""
        self._frame = frame.sequence
        return super().process(replace(frame, decode_ms=self._machine.overhead_ms))

    def _run(self, work: FrameUnderWay, batch: Batch | None) -> KernelOutput:
        given = super()._run(work, batch)
        part_ms = self._machine.part_ms(self._frame, given.content)
        for part, stage in work.timer.part_stages.items():
            work.timer.charge(part, stage, float(part_ms[part]), 1)
        return given

    def _reading(self) -> LoadReading:
        return self._machine.reading(self._frame)


def simulate(
    stream: SimulatedStream,
    frames: Sequence[LabelledFrame],
    slas: Sequence[SLA],
    listeners: Sequence[Listener],
) -> None:
    """Process frames, each under its SLA.

    Parameters
    ----------
    stream
        Fresh, for its scheduler learns.
    frames
        Taken for one stream, whatever their sources, and numbered anew.
    slas
        Of each frame.
    listeners
        Told of every frame.
    """
    changes = [i for i, sla in enumerate(slas) if i == 0 or sla != slas[i - 1]]
    conditions = Conditions({first: slas[first] for first in changes}, {})
    drive(
        (
            replace(entry, frame=replace(entry.frame, sequence=index, source_id="simulation"))
            for index, entry in enumerate(frames)
        ),
        [Driver(stream, conditions, listeners, "simulation")],
    )  # fmt: skip
