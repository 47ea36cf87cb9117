"""One frame in, one result out, while the slow part of branches runs beside."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from approx_perception.clock import Clock
from approx_perception.kernels import Batch, Kernel, KernelOutput
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.latency.constants import SMOOTHING
from approx_perception.pipeline.beside import (
    BesideMachine,
    BringForward,
    FrameArrived,
    PartEnded,
    Reset,
    StartPart,
)
from approx_perception.pipeline.beside_runner import BesideRunner, Work
from approx_perception.pipeline.stream import FrameUnderWay, Stream
from approx_perception.scheduling import Scheduler
from approx_perception.structures import SLA, BesideRun, Decision, Frame, LoadReading

__all__ = ["PipelinedStream"]


class PipelinedStream(Stream):
    """Carry every frame; what the slow part finds is brought forward to the frame that is then new.

    A group begins when the slow part is started. Its branch carries from the next time on that
    something is brought forward: then the carrying part begins anew anyway.

    Parameters
    ----------
    kernel, sla, clock, load
        See `Stream`; its states are `RunsBeside`.
    scheduler
        Of the kernel's `Space.beside`.
    runner
        Runs the slow part; may serve other streams too.
    """

    def __init__(
        self,
        kernel: Kernel,
        scheduler: Scheduler,
        sla: SLA,
        runner: BesideRunner,
        clock: Clock | None = None,
        load: Callable[[], LoadReading] = LoadReading,
    ) -> None:
        super().__init__(kernel, scheduler, sla, clock, load)
        self._runner, self._machine = runner, BesideMachine()
        self._last_stamp_ns, self._period_ms = 0, 0.0

    def settle(self) -> None:
        """See `Stream.settle`."""
        self._runner.settle()

    def begin(self, frame: Frame) -> FrameUnderWay:
        """See `Stream.begin`."""
        sla = self.sla
        timer = StageTimer(self._clock, frame.decode_ms)
        with timer.stage("schedule"):
            observation = self._observe(frame, sla)
            beside = self._take_in(frame)
            can_begin = not self._machine.is_busy and self._runner.may_start(self)
            self._see_period(frame.stamp_ns)
            decision = self.scheduler.decide(
                replace(observation, can_begin=can_begin, period_ms=self._period_ms)
            )
            decision = self._as_it_is(decision, can_begin)
            main_part = self.scheduler.space.parts_of(decision.branch, decision.kind)[0]
        timer.pause()
        return FrameUnderWay(frame, sla, decision, main_part, timer, beside)

    def _as_it_is(self, decision: Decision, can_begin: bool) -> Decision:
        """The kind tells whether something is brought forward, not how far the group is."""
        if decision.starts_group and not can_begin:
            # A first group, which waits for its turn.
            self.scheduler.abort_group()
        kinds = self.scheduler.space.compiled.kinds
        kind = kinds[0 if self._machine.brings_forward else -1]
        return replace(decision, kind=kind, starts_group=decision.starts_group and can_begin)

    def _take_in(self, frame: Frame) -> BesideRun | None:
        work = self._runner.ended(self, frame.stamp_ns)
        if work is None:
            return None
        self._machine.handle(PartEnded(work.ticket, work.found, work.error is not None))
        if work.error is not None:
            self.scheduler.fail(work.part, work.error)
        delay_ms = (frame.stamp_ns - work.stamp_ns) / 1e6
        return BesideRun(work.part, work.ms, delay_ms, work.error)

    def _see_period(self, stamp_ns: int) -> None:
        passed_ms, self._last_stamp_ns = (stamp_ns - self._last_stamp_ns) / 1e6, stamp_ns
        if not self._period_ms:
            # The first stamp is no period.
            self._period_ms = passed_ms if 0 < passed_ms < stamp_ns / 1e6 else 0.0
        elif passed_ms > 0:
            self._period_ms += SMOOTHING * (passed_ms - self._period_ms)

    def _run(self, work: FrameUnderWay, batch: Batch | None) -> KernelOutput:
        branch, given = work.decision.branch, None
        arrived = FrameArrived(work.frame, work.decision.starts_group)
        for instruction in self._machine.handle(arrived):
            if isinstance(instruction, StartPart):
                self._start(instruction, work)
            elif isinstance(instruction, BringForward):
                frames = [instruction.origin, *instruction.between, instruction.frame]
                given = self.state.bring_forward(instruction.found, frames, branch, work.timer)
            else:
                given = self.state.carry(work.frame, branch, work.timer)
        if given is None:
            raise AssertionError("a frame without an instruction")
        return given  # type: ignore[no-any-return]

    def _start(self, instruction: StartPart, work: FrameUnderWay) -> None:
        space, branch, frame = self.scheduler.space, work.decision.branch, work.frame
        part = int(space.compiled.beside[space.index(branch)])
        find = partial(self.state.find, frame, branch)
        # Of a model, it runs here and now.
        work.timer.pause()
        self._runner.start(self, Work(instruction.ticket, part, find, frame.stamp_ns))
        work.timer.resume()

    def _forget(self) -> None:
        super()._forget()
        self._machine.handle(Reset())
