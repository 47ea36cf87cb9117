"""One guard around whatever the executor calls: a failure is told, and the node goes on."""

import time
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.executors import (
    ExternalShutdownException,
    SingleThreadedExecutor,
    await_or_execute,
)
from rclpy.node import Node
from rclpy.subscription import Subscription

from approx_perception.exceptions import ApproxPerceptionError, described

__all__ = ["GuardedExecutor", "NodeEndError", "answer_always"]

#: Told what failed, and of what.
Tell = Callable[[str, Exception], None]

#: After a failure, so that one which comes back at once does not take a whole core.
_PAUSE_S = 0.01
_NOT_TAKEN = "it is malformed, or there is no memory for it"
#: How rclpy's bindings say that there is no memory for a message's fields.
_NO_OBJECT = "Unable to convert call argument"


class NodeEndError(ApproxPerceptionError):
    """The one error of a callback that ends the node: it is done, or the text says why not."""


class GuardedExecutor(SingleThreadedExecutor):  # type: ignore[misc]
    """Run callbacks; what they raise is told, and the next one runs.

    Parameters
    ----------
    tell
        Gets what failed; must not raise.
    """

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Run what is ready.

        Raises
        ------
        NodeEndError
            If the node is to end.
        ExternalShutdownException
            If somebody else ended the context.
        """
        try:
            super().spin_once(timeout_sec)
        except (NodeEndError, ExternalShutdownException):
            raise
        except Exception as error:
            self._tell("a callback", error)
            time.sleep(_PAUSE_S)

    def _make_handler(
        self, entity: Any, node: Any, take_from_wait_list: Callable[[Any], Any], *rest: Any
    ) -> Any:
        """Guard taking too: where it raises, rclpy never calls the entity's group again."""

        def take(entity: Any) -> Any:
            taking = f"taking a message of {_name(entity)}"
            try:
                taken = take_from_wait_list(entity)
            except Exception as error:
                is_unmade = str(error).startswith(_NO_OBJECT)
                self._tell(taking, ApproxPerceptionError(_NOT_TAKEN) if is_unmade else error)
                return None
            if taken is None and isinstance(entity, Subscription):
                # The middleware throws it away, and rclpy says nothing.
                self._tell(taking, ApproxPerceptionError(_NOT_TAKEN))
            return taken

        return super()._make_handler(entity, node, take, *rest)


def _name(entity: Any) -> str:
    for attribute in ("topic_name", "srv_name"):
        if name := getattr(entity, attribute, None):
            return str(name)
    return type(entity).__name__


def answer_always(node: Node, tell: Tell) -> None:
    """Have every service of a node answer where its callback raises: no success, and why."""
    for service in node.services:
        service.callback = _answering(service, service.callback, tell)


def _answering(service: Any, callback: Callable[..., Any], tell: Tell) -> Callable[..., Any]:
    async def answer(request: Any, response: Any) -> Any:
        try:
            return await await_or_execute(callback, request, response)
        except Exception as error:
            tell(f"the service {service.srv_name}", error)
            return _failure(service.srv_type, request, described(error))

    return answer


def _failure(service_type: Any, request: Any, reason: str) -> Any:
    """An answer that says no, as far as its type can."""
    response = service_type.Response()
    refusal = SetParametersResult(successful=False, reason=reason)
    if service_type is SetParameters:
        response.results = [refusal] * len(request.parameters)
    elif service_type is SetParametersAtomically:
        response.result = refusal
    elif hasattr(response, "message"):
        response.message = reason
    return response
