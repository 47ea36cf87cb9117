"""One frame in, one result out: decide, run the kernel, learn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from approx_perception.clock import Clock, MonotonicClock
from approx_perception.kernels import Batch, Kernel, KernelOutput
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.scheduling import Scheduler
from approx_perception.structures import (
    SLA,
    BesideRun,
    Decision,
    Frame,
    FrameResult,
    LoadReading,
    Observation,
)

__all__ = ["FrameUnderWay", "Stream"]


@dataclass(frozen=True, slots=True, eq=False)
class FrameUnderWay:
    """A frame that was decided upon and not processed yet; from `Stream.begin`.

    Attributes
    ----------
    frame, sla, decision
        What is to be done with it, under which SLA.
    main_part
        Position of the part that frames of its kind are known by.
    timer
        Of its stages.
    beside
        What ran beside and is taken in with it.
    """

    frame: Frame
    sla: SLA
    decision: Decision
    main_part: int
    timer: StageTimer
    beside: BesideRun | None = None


class Stream:
    """Process the frames of one camera, one after the other, under a latency SLA.

    Not thread-safe, but `sla`, the options in `state` and the scheduler's policy may be replaced
    from another thread at any time; the next frame honours them.

    Parameters
    ----------
    kernel
        Runs branches; may serve other streams too.
    scheduler
        Decides the branch of each frame; of the kernel's space.
    sla
        In force from the first frame.
    clock
        Where latencies come from.
    load
        Newest reading of load monitors, asked before each frame.
    """

    def __init__(
        self,
        kernel: Kernel,
        scheduler: Scheduler,
        sla: SLA,
        clock: Clock | None = None,
        load: Callable[[], LoadReading] = LoadReading,
    ) -> None:
        self.kernel, self.scheduler, self.sla = kernel, scheduler, sla
        #: What the kernel remembers of this camera.
        self.state: Any = kernel.state()
        self._clock = clock or MonotonicClock()
        self._load = load
        self._source: tuple[str, tuple[int, int]] | None = None
        #: That had the camera before, until it has let go of the network.
        self._before: Stream | None = None

    def take_over(self, before: "Stream") -> None:
        """Go on where another stream of the same camera and kernel stops: nothing is forgotten."""
        self.state, self.sla, self._source = before.state, before.sla, before._source
        self._before = before

    def settle(self) -> None:
        """Wait until nothing of it is under way; between two frames nothing is."""

    def process(self, frame: Frame) -> FrameResult:
        """Process a frame, newer than the one before and with a higher sequence number."""
        return self.finish(self.begin(frame))

    def begin(self, frame: Frame) -> FrameUnderWay:
        """Decide what to do with a frame; `finish` must follow before the next one."""
        sla = self.sla
        timer = StageTimer(self._clock, frame.decode_ms)
        if self._before is not None:
            self._before.settle()
            self._before = None
        with timer.stage("schedule"):
            decision = self.scheduler.decide(self._observe(frame, sla))
            main_part = self.kernel.space.parts_of(decision.branch, decision.kind)[0]
        timer.pause()
        return FrameUnderWay(frame, sla, decision, main_part, timer)

    def finish(self, work: FrameUnderWay, batch: Batch | None = None) -> FrameResult:
        """Process what `begin` decided.

        Parameters
        ----------
        work
            From `begin`.
        batch
            What its main part gave, where that ran for several cameras together.
        """
        frame, decision, timer = work.frame, work.decision, work.timer
        timer.resume()
        try:
            given = self._run(work, batch)
        except Exception as error:
            self.scheduler.fail(timer.latest_part, error)
            raise
        result = FrameResult(
            frame.stamp_ns, frame.source_id, frame.sequence, given.output, decision, work.sla,
            timer.finish(), timer.batch_size, timer.parts, timer.others_ms, given.content,
            given.why_end, work.beside, given.forecast,
        )  # fmt: skip
        self.scheduler.observe(result)
        return result

    def _run(self, work: FrameUnderWay, batch: Batch | None) -> KernelOutput:
        given: KernelOutput = self.state.run(work.frame, work.decision, work.timer, batch)
        return given

    def reset(self) -> None:
        """Forget the scene: the next frame begins a group, and identities start anew."""
        self.scheduler.abort_group()
        self._source = None

    def _observe(self, frame: Frame, sla: SLA) -> Observation:
        image_size = frame.image.shape[1], frame.image.shape[0]
        source = (frame.source_id, image_size)
        if source != self._source:
            self._forget()
            self._source = source
        return Observation(sla, self.state.sense(frame), frame.source_id, image_size, self._load())

    def _forget(self) -> None:
        """What is known of another stream or resolution says nothing about the next frame."""
        self.state.reset()
