"""A random walk of lifecycle requests, valid and not, with images flowing."""

from pathlib import Path

import numpy as np
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState

from test.ros.conftest import Camera
from test.torture.node import a_graph, start
from test.torture.report import Findings

WHAT = "a random walk of lifecycle requests, valid and not"
TRIES = 150
_UNCONFIGURED, _INACTIVE, _ACTIVE = (
    State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE, State.PRIMARY_STATE_ACTIVE,
)  # fmt: skip
VALID = {
    (_UNCONFIGURED, Transition.TRANSITION_CONFIGURE): _INACTIVE,
    (_INACTIVE, Transition.TRANSITION_CLEANUP): _UNCONFIGURED,
    (_INACTIVE, Transition.TRANSITION_ACTIVATE): _ACTIVE,
    (_ACTIVE, Transition.TRANSITION_DEACTIVATE): _INACTIVE,
}
#: 5 to 7 are the shutdowns, of which only that of the state is valid: none of the others.
REQUESTS = (0, 1, 2, 3, 4, 8, 10, 50, 62, 99, 255)


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """Answers and states are those of the lifecycle's table."""
    rng = np.random.default_rng(seed)
    with a_graph(folder) as graph:
        node = start(graph, autostart=False)
        state = _UNCONFIGURED
        with Camera(graph, is_heard=False).flowing():
            for _ in range(TRIES):
                request = int(rng.choice(REQUESTS))
                expected = VALID.get((state, request))
                answer = graph.call(
                    ChangeState, "perception_node/change_state", transition=Transition(id=request)
                )
                findings.count("valid" if expected is not None else "not valid")
                if answer.success != (expected is not None):
                    findings.fault(f"{request} in state {state}: success={answer.success}")
                state = state if expected is None else expected
                told = graph.call(GetState, "perception_node/get_state").current_state.id
                if told != state:
                    findings.fault(f"after {request}: state {told}, expected {state}")
                    state = told
                if node.exit_code is not None:
                    findings.fault(f"the node ended: {node.last_words()}")
                    return
