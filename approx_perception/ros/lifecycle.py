"""A lifecycle that answers every request, also while it does something slow."""

import threading
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future

from approx_perception.exceptions import described, shown
from approx_perception.ros.guard import NodeEndError

__all__ = ["ManagedNode", "Preparation", "Report"]

#: Told what is done now; raises where nobody wants the rest any more.
Report = Callable[[str], None]

#: A step of preparing may be in the middle of something when the node ends.
_JOIN_S = 1.0


class _CancelledError(Exception):
    """Nobody wants what is being prepared."""


class Preparation:
    """Work in a thread of its own, which ends early at its next report once it is cancelled.

    Parameters
    ----------
    work
        Is given what to report to.
    report
        Gets the reports.
    """

    def __init__(self, work: Callable[[Report], Any], report: Report) -> None:
        self._work, self._report_on = work, report
        self._is_cancelled = False
        self._result: Any = None
        self._error: Exception | None = None
        #: Done at its end, however it ended.
        self.end = Future()
        self._thread = threading.Thread(target=self._run, name="preparation", daemon=True)

    def start(self) -> None:
        """Begin."""
        try:
            self._thread.start()
        except RuntimeError as error:
            # The machine has no thread left for us.
            self._error = error
            self.end.set_result(None)

    def cancel(self) -> None:
        """End it at its next report, and wait a moment for that."""
        self._is_cancelled = True
        if self._thread.is_alive():
            self._thread.join(timeout=_JOIN_S)

    def result(self) -> Any:
        """What came of it, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work(self._report)
        except Exception as error:
            self._error = error
        except BaseException as error:
            # Else a library that wants to exit would end the node.
            self._error = RuntimeError(described(error))
        self.end.set_result(None)

    def _report(self, step: str) -> None:
        if self._is_cancelled:
            raise _CancelledError
        self._report_on(step)


class ManagedNode(LifecycleNode):  # type: ignore[misc]
    """A lifecycle node that refuses what is not possible in its state, and prepares in a thread.

    rclpy raises out of the callback where a request does not fit, and is deaf while it configures.
    Here `prepare` runs beside the executor; all else of a transition runs in it, one at a time.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        #: Why the last transition failed.
        self.error: Exception | None = None
        #: What is being prepared, in words; empty for nothing.
        self.doing = ""
        self._preparation: Preparation | None = None
        service = next(s for s in self.services if s.srv_type is ChangeState)
        self._change_at_once = service.callback
        # In a group of its own, or what else the executor calls waits for the end of a transition.
        self._patient = ReentrantCallbackGroup()
        self._patient.add_entity(service)
        service.callback, service.callback_group = self._on_change_state, self._patient

    def prepare(self, report: Report) -> Any:
        """Do what is slow in configuring; in a thread of its own, so nothing of ROS in it."""
        raise NotImplementedError

    def configure(self, prepared: Any) -> None:
        """Finish configuring with what `prepare` returned."""
        raise NotImplementedError

    @property
    def state(self) -> str:
        """Of the lifecycle, or the transition under way."""
        return str(self._state_machine.current_state[1])

    def start_soon(self) -> None:
        """Configure and activate once the node spins; `NodeEndError` if that fails."""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._starter = self.create_timer(0.0, self._start, self._patient, clock=steady)

    async def _start(self) -> None:
        self._starter.cancel()
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            if not await self._change(Transition(id=transition)):
                reason = described(self.error) if self.error else f"the node is {self.state}"
                raise NodeEndError(reason)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take over what is prepared; where nobody could wait for it, prepare it now."""
        return self.step("configuring", self._finish_configuring)

    def _finish_configuring(self) -> None:
        if self._preparation is None:
            self.configure(self.prepare(self.get_logger().debug))
        else:
            self.configure(self._preparation.result())

    def step(self, doing: str, work: Callable[[], None]) -> TransitionCallbackReturn:
        """Do a transition's work; whatever it raises is logged, kept, and means failure."""
        self.error = None
        try:
            work()
        except Exception as error:
            # Its frames hold the network.
            self.error = error.with_traceback(None)
            self.get_logger().error(f"{doing} failed: {described(error)}")
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    async def _on_change_state(self, request: Any, response: Any) -> Any:
        response.success = await self._change(request.transition)
        return response

    async def _change(self, transition: Transition) -> bool:
        """Do a transition if it is possible now; returns whether it succeeded."""
        wanted = self._possible(transition)
        if wanted is None:
            return False
        if wanted != Transition.TRANSITION_CONFIGURE:
            request = ChangeState.Request(transition=Transition(id=wanted))
            return bool(self._change_at_once(request, ChangeState.Response()).success)
        return await self._configure()

    def _possible(self, transition: Transition) -> int | None:
        """Its id; None, with a warning, where it does not fit the state."""
        # While it prepares, rclpy offers the ends of the transition, which are not for others.
        here = [] if self._preparation else self._state_machine.available_transitions
        possible = {int(number): str(label) for number, label, *_ in here}
        for number, label in possible.items():
            if transition.label == label or (not transition.label and transition.id == number):
                return number
        wanted = shown(transition.label) if transition.label else f"number {transition.id}"
        choice = ", ".join(f"{label} ({number})" for number, label in possible.items())
        self.get_logger().warning(
            f"transition {wanted} refused: the node is {self.state}; possible now: "
            f"{choice or 'none'}"
        )
        return None

    async def _configure(self) -> bool:
        """As rclpy does a transition, but others are served between its beginning and its end."""
        machine = self._state_machine
        number, label = machine.current_state
        self.error = None
        machine.trigger_transition_by_id(Transition.TRANSITION_CONFIGURE, True)
        self._preparation = Preparation(self.prepare, self._tell_step)
        self._preparation.start()
        await self._preparation.end
        self.doing = ""
        result = self.on_configure(LifecycleState(label, number))
        self._preparation = None
        machine.trigger_transition_by_label(result.to_label(), True)
        return bool(result == TransitionCallbackReturn.SUCCESS)

    def _tell_step(self, step: str) -> None:
        self.doing = step
        self.get_logger().debug(step)

    def destroy_node(self) -> None:
        """Leave the graph; rclpy alone would leave the services of the lifecycle in it."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def cancel_preparing(self) -> None:
        """End what is being prepared, if anything is."""
        if self._preparation is not None:
            self._preparation.cancel()
            self._preparation = None
            self.doing = ""
