"""What of a node comes and goes with its lifecycle: network, cameras, worker."""

import gc
from collections.abc import Callable, Sequence
from functools import partial

from approx_perception.assembly import Network
from approx_perception.clock import Clock
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.pipeline import CameraGroup
from approx_perception.pipeline.beside_runner import BesideThread
from approx_perception.ros.camera import Camera
from approx_perception.ros.parameters import LiveSettings
from approx_perception.ros.worker import Worker

__all__ = ["Runtime"]


class Runtime:
    """Cameras from configure to cleanup, a worker while the node is active.

    Parameters
    ----------
    clock
        Monotonic.
    refuse, tell_failure
        See `Worker`.

    Attributes
    ----------
    cameras
        From configure to cleanup.
    network
        Of the cameras, likewise; replaced when it is measured again.
    worker
        While the node is active.
    """

    def __init__(
        self,
        clock: Clock,
        refuse: Callable[[Camera, Exception, str], None],
        tell_failure: Callable[[Exception], None],
    ) -> None:
        self._clock, self._refuse, self._tell_failure = clock, refuse, tell_failure
        self.cameras: list[Camera] = []
        self.network: Network | None = None
        self.worker: Worker | None = None
        #: Parts at which all cameras are quicker as a batch.
        self._batched: frozenset[int] = frozenset()
        #: Runs the network beside the frames, where that is wanted, while the node is active.
        self._beside: BesideThread | None = None
        #: What was told to stop, but may not have come to the end of its frame.
        self._leaving: list[Worker | BesideThread] = []
        self._is_enabled = True

    @property
    def is_enabled(self) -> bool:
        """Whether images are processed."""
        return self._is_enabled

    def enable(self, is_enabled: bool) -> None:
        """Process images, or drop them."""
        self._is_enabled = is_enabled
        for camera in self.cameras:
            camera.intake.is_enabled = is_enabled

    def set_up(
        self, network: Network, batched: frozenset[int], cameras: Sequence[Callable[[], Camera]]
    ) -> None:
        """Offer the topics of all cameras; where one fails, of none."""
        self.network, self._batched = network, batched
        for build in cameras:
            self.cameras.append(build())
        self.enable(self._is_enabled)

    def start(self, settings: LiveSettings) -> None:
        """Subscribe, and start working.

        Raises
        ------
        ApproxPerceptionError
            While a frame from before is under way.
        """
        self.refuse_beside_another()
        worker = Worker(self.cameras, self._group(), self._clock, self._refuse, self._tell_failure)
        try:
            for camera in self.cameras:
                camera.listen()
            self._direct(worker, settings)
            worker.start()
        except Exception:
            self.stop()
            raise
        self.worker = worker

    def _group(self) -> CameraGroup:
        streams = {camera.name: camera.stream for camera in self.cameras}
        return CameraGroup(streams, self._batched, self._clock)

    @property
    def beside_ms(self) -> float:
        """For how long the network is at work beside the frames; 0 where it is not."""
        return 0.0 if self._beside is None else self._beside.busy_ms

    def settle(self) -> None:
        """Wait until the network is free, between two frames."""
        if self._beside is not None:
            self._beside.settle()

    def refuse_beside_another(self) -> None:
        """Raise `ApproxPerceptionError` while a worker has the network: it serves one at a time."""
        if self.is_leaving():
            raise ApproxPerceptionError(
                "a frame that was taken before deactivating is still under way; try again when it "
                "is done"
            )

    def is_leaving(self) -> bool:
        """Whether a frame from before deactivating is under way."""
        # They hold the network.
        self._leaving = [each for each in self._leaving if each.is_alive]
        return bool(self._leaving)

    def stop(self) -> None:
        """Stop working, and forget what waits."""
        for camera in self.cameras:
            camera.intake.leave()
        if self.worker is not None:
            worker, self.worker = self.worker, None
            worker.stop()
            self._leaving.append(worker)
        if self._beside is not None:
            beside, self._beside = self._beside, None
            beside.stop()
            self._leaving.append(beside)
        self.is_leaving()

    def free(self) -> None:
        """Let go of the network and of all topics."""
        for camera in self.cameras:
            camera.close()
        self.cameras.clear()
        self.network = None
        # Networks are held in cycles.
        gc.collect()

    def use(self, settings: LiveSettings) -> None:
        """Honour settings once no frame is under way."""
        if self.worker is not None:
            self.worker.between_frames(partial(self._direct, self.worker, settings))

    def _direct(self, worker: Worker, settings: LiveSettings) -> None:
        """Have a worker work so; in its own thread once it runs."""
        if settings.execution == "pipelined" and self._beside is None:
            self._beside = BesideThread(self._clock)
        for camera in self.cameras:
            camera.use(settings, self._beside)
        worker.group = self._group()
        worker.limits = settings.limits
        worker.share_budgets(always=True)

    def wake(self) -> None:
        """Say that an image has come."""
        if self.worker is not None:
            self.worker.wake()
