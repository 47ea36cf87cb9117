"""The thread in which all cameras are processed, newest image first come first served."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue

from approx_perception.clock import Clock
from approx_perception.pipeline import CameraGroup, Outcome, shared_budgets
from approx_perception.ros.camera import Camera
from approx_perception.ros.health import WatchdogLimits
from approx_perception.ros.intake import WaitingImage
from approx_perception.structures import Frame, FrameResult

__all__ = ["Worker"]

_IDLE_S = 0.1
_JOIN_S = 2.0


class Worker:
    """Takes what waits, processes it, publishes it; and does jobs between two frames.

    While it runs, streams and budgets are its own: who wants to change them gives it a job.

    Parameters
    ----------
    cameras
        All of the node.
    group
        Of their streams.
    clock
        Monotonic.
    refuse
        Told a camera, what went wrong with a frame of it, and what that means.
    tell_failure
        Told what went wrong with anything else.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        group: CameraGroup,
        clock: Clock,
        refuse: Callable[[Camera, Exception, str], None],
        tell_failure: Callable[[Exception], None],
    ) -> None:
        self._cameras, self._clock = cameras, clock
        #: Replaced when a camera has another stream.
        self.group = group
        self._refuse, self._tell_failure = refuse, tell_failure
        self.limits = WatchdogLimits()
        self._arrived = threading.Event()
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._is_stopping = False
        #: Held while a result is published, so that none follows `stop`.
        self._publishing = threading.Lock()
        self._active: frozenset[str] = frozenset()
        self._thread = threading.Thread(target=self._work, name="perception", daemon=True)

    @property
    def is_alive(self) -> bool:
        """False after it ended, or died, which it should not."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that an image has come."""
        self._arrived.set()

    def between_frames(self, job: Callable[[], None]) -> None:
        """Have the thread do something when no frame is under way."""
        self._jobs.put(job)
        self._arrived.set()

    def stop(self) -> None:
        """End after the frame under way; nothing is published any more.

        A frame may take longer than anybody wants to wait here: `is_alive` tells.
        """
        with self._publishing:
            self._is_stopping = True
        self._arrived.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_JOIN_S)

    def _work(self) -> None:
        while not self._is_stopping:
            self._arrived.wait(_IDLE_S)
            self._arrived.clear()
            while not self._is_stopping and self._step():
                continue

    def _step(self) -> bool:
        """Do what waits, jobs first; False where nothing does."""
        if not self._jobs.empty():
            self._do(self._jobs.get())
            return True
        taken = [(camera, camera.intake.take()) for camera in self._cameras]
        waiting = [(camera, image) for camera, image in taken if image is not None]
        if not waiting:
            return False
        # The oldest first.
        self._do(partial(self._process, sorted(waiting, key=lambda pair: pair[1].arrival_ns)))
        return True

    def _do(self, job: Callable[[], None]) -> None:
        """Do something between frames; whatever goes wrong, the thread goes on."""
        try:
            job()
        except Exception as error:
            self._tell_failure(error)

    def _process(self, waiting: Sequence[tuple[Camera, WaitingImage]]) -> None:
        """Decode, process and publish what waits; one bad frame leaves the others alone."""
        self.share_budgets()
        began_ns = self._clock.monotonic_ns()
        decoded: list[tuple[Camera, WaitingImage, Frame]] = []
        for camera, image in waiting:
            camera.health.begins()
            with self._refusing(camera):
                frame, began_anew = camera.intake.decode(image)
                camera.note(frame, image.message.header.frame_id, began_anew)
                decoded.append((camera, image, frame))
        outcomes: Sequence[Outcome]
        try:
            outcomes = self.group.process([(camera.name, frame) for camera, _, frame in decoded])
        except Exception as error:
            outcomes = [error] * len(decoded)
        for (camera, image, frame), outcome in zip(decoded, outcomes, strict=True):
            with self._refusing(camera):
                if isinstance(outcome, Exception):
                    raise outcome
                wait_ms = (began_ns - image.arrival_ns) / 1e6
                self._publish(camera, image, frame, outcome, wait_ms)

    def _publish(
        self, camera: Camera, image: WaitingImage, frame: Frame, result: FrameResult, wait_ms: float
    ) -> None:
        group_ms = camera.stream.scheduler.groups.processing_ms
        with self._publishing:
            if self._is_stopping:
                return
            age_ms = camera.outputs.publish(image.message.header, frame, result, group_ms)
        camera.health.succeeded(result, age_ms, wait_ms, self.limits)
        if result.beside is not None and result.beside.error is not None:
            self._refuse(camera, result.beside.error, "the network failed beside the frames")

    @contextmanager
    def _refusing(self, camera: Camera) -> Iterator[None]:
        """What goes wrong with a frame is told, and goes to log and diagnostics of its camera."""
        try:
            yield
        except Exception as error:
            camera.health.failed(error)
            if not self._is_stopping:
                self._refuse(camera, error, "frame refused")

    def share_budgets(self, always: bool = False) -> None:
        """Split budgets among the cameras that send images, where these have changed.

        Before `start`, and in a job.
        """
        active = frozenset(c.name for c in self._cameras if c.health.is_active)
        if not always and active == self._active:
            return
        self._active = active
        slas = {c.name: c.sla for c in self._cameras if not active or c.name in active}
        shares = shared_budgets(slas)
        for camera in self._cameras:
            # One that is silent now gets what it would have if it came back.
            share = shares.get(camera.name)
            camera.stream.sla = (
                share or shared_budgets({**slas, camera.name: camera.sla})[camera.name]
            )
