"""How changes of parameters reach a node."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from approx_perception.exceptions import ConfigurationError, described, shown
from approx_perception.interface import Parameter
from approx_perception.ros.declarations import no_parameter
from approx_perception.ros.diagnostics import LOG_PERIOD_S
from approx_perception.ros.parameters import LiveSettings
from approx_perception.ros.tasks import Values
from approx_perception.ros.throttled_log import ThrottledLog

__all__ = ["ParameterWatch"]


class ParameterWatch:
    """Take changes of parameters all or not at all: check, apply, store; refuse with a reason.

    It stands before rclpy's own `set_parameters_atomically`, for rclpy's callbacks come too late:
    before them it refuses whole numbers for doubles, and after them nothing can be refused.

    Parameters
    ----------
    node
        Whose parameters are watched.
    parameters
        Of the node.
    read
        From values to settings; raises what is wrong with them.
    apply
        Gets the settings of each change before it is stored; raises what cannot be done.
    tell
        Of changes: a controller may make one with every frame.
    """

    def __init__(
        self,
        node: Node,
        parameters: Iterable[Parameter],
        read: Callable[[Values], LiveSettings],
        apply: Callable[[LiveSettings], None],
        tell: ThrottledLog,
    ) -> None:
        self._node, self._read, self._apply, self._tell = node, read, apply, tell
        self._known = {parameter.name: parameter for parameter in parameters}

    def value(self, name: str) -> Any:
        """Present value of a parameter."""
        return self._node.get_parameter(name).value

    def set(
        self,
        changes: Sequence[RosParameter],
        store: Callable[[list[RosParameter]], SetParametersResult],
    ) -> SetParametersResult:
        """Check, apply and store changes together; what fails leaves all as it was.

        Parameters
        ----------
        changes
            What the user wants.
        store
            rclpy's own way to set parameters.
        """
        try:
            accepted = [self._accepted(change) for change in changes]
            new = {parameter.name: parameter.value for parameter in accepted}
            settings = self._read(lambda name: new[name] if name in new else self.value(name))
        except Exception as error:
            return self._refusal(error)
        before = {name: self.value(name) for name in new}
        try:
            self._apply(settings)
            result = store(accepted)
        except Exception as error:
            result = self._refusal(error)
        if not result.successful:
            self._apply(self._read(self.value))
            return result
        for name, value in new.items():
            if value != before[name]:
                self._tell(name, f"parameter {name}: {shown(value)}, was {shown(before[name])}")
        return result

    def _accepted(self, change: RosParameter) -> RosParameter:
        name = change.name
        parameter = self._known.get(name)
        if parameter is None:
            if not self._node.has_parameter(name):
                raise ConfigurationError(no_parameter(name, self._known))
            # One of rclpy's, which checks it.
            return change
        value = parameter.accept(change.value)
        if not parameter.live:
            raise ConfigurationError(f"{name} is read once, at start; it cannot change live")
        return RosParameter(name, value=value)

    def _refusal(self, error: Exception) -> SetParametersResult:
        self._node.get_logger().warning(
            f"parameters refused: {described(error)}", throttle_duration_sec=LOG_PERIOD_S
        )
        return SetParametersResult(successful=False, reason=described(error))
