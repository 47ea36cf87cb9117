"""What users can ask the perception node to do."""

from functools import partial
from typing import Any

from std_srvs.srv import SetBool, Trigger

from approx_perception.assembly import Network
from approx_perception.exceptions import described
from approx_perception.ros.lifecycle import ManagedNode
from approx_perception.ros.runtime import Runtime
from approx_perception.ros.tasks import NodeTask
from approx_perception.ros.throttled_log import ThrottledLog
from approx_perception.ros.worker import Worker

__all__ = ["Services"]


class Services:
    """Answer at once; what takes longer is done between two frames, by the worker.

    Parameters
    ----------
    node
        Offers the services.
    runtime
        What they act on.
    task
        Names the service that forgets the scene.
    tell
        Of what may come with every message.
    """

    def __init__(
        self, node: ManagedNode, runtime: Runtime, task: NodeTask, tell: ThrottledLog
    ) -> None:
        self._node, self._runtime, self._task, self._tell = node, runtime, task, tell
        #: Whom it was asked of, until it is done.
        self._recalibrating: Worker | None = None
        node.create_service(SetBool, "~/enable", self._on_enable)
        node.create_service(Trigger, task.reset_service, self._on_reset)
        node.create_service(Trigger, "~/recalibrate", self._on_recalibrate)

    def _on_enable(self, request: Any, response: Any) -> Any:
        runtime = self._runtime
        runtime.enable(bool(request.data))
        if runtime.is_enabled:
            self.reset("enabled again")
        response.success = True
        response.message = "enabled" if runtime.is_enabled else "disabled: images are dropped"
        return response

    def _on_reset(self, _: Any, response: Any) -> Any:
        response.success = self.reset("as asked")
        response.message = "" if response.success else f"the node is {self._node.state}"
        return response

    def reset(self, why: str) -> bool:
        """Forget the scene of each camera; False where nothing runs."""
        runtime = self._runtime
        if runtime.worker is None:
            return False

        def reset() -> None:
            for camera in runtime.cameras:
                camera.stream.reset()

        runtime.worker.between_frames(reset)
        self._tell(f"anew: {why}", f"{self._task.anew}: {why}")
        return True

    def _on_recalibrate(self, _: Any, response: Any) -> Any:
        worker, network = self._runtime.worker, self._runtime.network
        response.success = worker is not None
        if worker is None or network is None:
            response.message = f"the node is {self._node.state}; it must be active"
            return response
        if worker is self._recalibrating:
            response.message = "already under way"
            return response
        self._recalibrating = worker
        worker.between_frames(partial(self._recalibrate, network))
        response.message = (
            "forgetting what was learned; the profile is as it was"
            if network.model.is_profiled
            else "measuring every part again, some seconds"
        )
        return response

    def _recalibrate(self, network: Network) -> None:
        """In the worker's thread, as the network serves one at a time."""
        try:
            self._runtime.settle()
            self._runtime.network = network = network.measured_again()
            for camera in list(self._runtime.cameras):
                camera.forget_latencies(network)
        except Exception as error:
            self._node.get_logger().error(f"recalibration failed: {described(error)}")
        else:
            self._node.get_logger().info("recalibrated")
        finally:
            self._recalibrating = None
