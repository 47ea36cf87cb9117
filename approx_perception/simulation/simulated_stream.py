"""Any kernel on a recorded machine: what it does is real, and what that takes is the machine's."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from approx_perception.clock import FakeClock
from approx_perception.datasets import LabelledFrame
from approx_perception.kernels import Batch, Kernel, KernelOutput
from approx_perception.pipeline import FrameUnderWay, Stream
from approx_perception.pipeline.beside_runner import ModelledBeside
from approx_perception.pipeline.driver import Conditions, Driver, Listener, drive
from approx_perception.pipeline.pipelined_stream import PipelinedStream
from approx_perception.scheduling import Scheduler
from approx_perception.simulation.recorded_machine import SimulatedMachine
from approx_perception.structures import SLA, Content, Frame, FrameResult, LoadReading

__all__ = ["SimulatedPipelinedStream", "SimulatedStream", "simulate"]


class _Recorded:
    """What a machine takes, as it is at the number of the frame that is processed."""

    def __init__(self, machine: SimulatedMachine) -> None:
        self.machine, self.frame = machine, 0

    def begin(self, frame: Frame) -> Frame:
        """Go on to a frame; nothing but the parts takes time, and they are charged for."""
        self.frame = frame.sequence
        return replace(frame, decode_ms=self.machine.overhead_ms)

    def part_ms(self, content: Content) -> npt.NDArray[np.float64]:
        return self.machine.part_ms(self.frame, content)

    def reading(self) -> LoadReading:
        return self.machine.reading(self.frame)


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
        self._recorded = _Recorded(machine)
        load = self._recorded.reading if hears_load else LoadReading
        super().__init__(kernel, scheduler, sla, FakeClock(), load)

    def process(self, frame: Frame) -> FrameResult:
        """See `Stream.process`."""
        return super().process(self._recorded.begin(frame))

    def _run(self, work: FrameUnderWay, batch: Batch | None) -> KernelOutput:
        given = super()._run(work, batch)
        work.timer.charge_all(self._recorded.part_ms(given.content))
        return given


class SimulatedPipelinedStream(PipelinedStream):
    """The same with two resources: frames in one, what runs beside them in the other.

    Parameters
    ----------
    kernel, scheduler, sla, machine
        See `SimulatedStream`.
    slowdown
        What either takes while both are at work, to what it takes alone.
    """

    def __init__(
        self,
        kernel: Kernel,
        scheduler: Scheduler,
        sla: SLA,
        machine: SimulatedMachine,
        slowdown: float = 1.0,
    ) -> None:
        self._recorded, clock = _Recorded(machine), FakeClock()
        self._slowdown = slowdown
        runner = ModelledBeside(clock, self._beside_ms)
        super().__init__(kernel, scheduler, sla, runner, clock, self._recorded.reading)
        self._content = Content()

    def process(self, frame: Frame) -> FrameResult:
        """See `Stream.process`."""
        frame = self._recorded.begin(frame)
        self._content = self.state.sense(frame)
        return super().process(frame)

    def _beside_ms(self, part: int) -> float:
        return self._slowdown * float(self._recorded.part_ms(self._content)[part])

    def _run(self, work: FrameUnderWay, batch: Batch | None) -> KernelOutput:
        given = super()._run(work, batch)
        slowdown = self._slowdown if self._machine.is_busy else 1.0
        work.timer.charge_all(slowdown * self._recorded.part_ms(given.content))
        return given


def simulate(
    stream: Stream,
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
