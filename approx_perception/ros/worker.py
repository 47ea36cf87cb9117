"""The thread in which all cameras are processed, newest image first come first served."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue

from approx_perception.clock import Clock
from approx_perception.pipeline import CameraGroup, shared_budgets
from approx_perception.ros.camera import Camera, WaitingImage
from approx_perception.ros.health import WatchdogLimits
from approx_perception.structures import Frame, FrameResult

__all__ = ["Worker"]

_IDLE_S = 0.1
_JOIN_S = 2.0


class Worker:
    """Takes what waits, processes it, publishes it; and does jobs between two frames.

    While it runs, pipelines and budgets are its own: who wants to change them gives it a job.

    Parameters
    ----------
    cameras
        All of the node.
    group
        Of their pipelines.
    clock
        Monotonic.
    refuse
        Told a camera and what went wrong with a frame of it.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        group: CameraGroup,
        clock: Clock,
        refuse: Callable[[Camera, Exception], None],
    ) -> None:
        self._cameras, self._group, self._clock, self._refuse = cameras, group, clock, refuse
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
        elif waiting := self._take():
            self._do(partial(self._process, waiting))
        else:
            return False
        return True

    def _do(self, job: Callable[[], None]) -> None:
        """Do something; whatever goes wrong, the thread goes on."""
        try:
            job()
        except Exception as error:
            for camera in self._cameras:
                self._fail(camera, error)

    def _take(self) -> list[tuple[Camera, WaitingImage]]:
        """What waits of each camera, the oldest first."""
        taken = [(camera, camera.mailbox.take(0.0)) for camera in self._cameras]
        waiting = [(camera, image) for camera, image in taken if image is not None]
        return sorted(waiting, key=lambda pair: pair[1].arrival_ns)

    def _process(self, waiting: Sequence[tuple[Camera, WaitingImage]]) -> None:
        self.share_budgets()
        decoded: list[tuple[Camera, WaitingImage, Frame]] = []
        began_ns = self._clock.monotonic_ns()
        for camera, image in waiting:
            camera.health.begins()
            try:
                decoded.append((camera, image, camera.decode(image)))
            except Exception as error:
                # One bad frame must not end the stream; the reason goes to log and diagnostics.
                self._fail(camera, error)
        outcomes = self._group.process([(camera.name, frame) for camera, _, frame in decoded])
        for (camera, image, frame), outcome in zip(decoded, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self._fail(camera, outcome)
                continue
            wait_ms = (began_ns - image.arrival_ns) / 1e6
            self._publish(camera, image, frame, outcome, wait_ms)

    def _publish(
        self, camera: Camera, image: WaitingImage, frame: Frame, result: FrameResult, wait_ms: float
    ) -> None:
        try:
            with self._publishing:
                if self._is_stopping:
                    return
                age_ms = camera.publish(image, frame, result)
        except Exception as error:
            self._fail(camera, error)
            return
        camera.health.succeeded(result, age_ms, wait_ms, self.limits)

    def _fail(self, camera: Camera, error: Exception) -> None:
        camera.health.failed(error)
        if not self._is_stopping:
            self._refuse(camera, error)

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
            camera.take_share(
                share or shared_budgets({**slas, camera.name: camera.sla})[camera.name]
            )
