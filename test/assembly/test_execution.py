"""What cannot run beside the frames is refused in one sentence."""

import numpy as np
import pytest

from approx_perception.assembly.execution import check_execution
from approx_perception.branches import BranchSpace, ClassifierSpace
from approx_perception.exceptions import ConfigurationError
from approx_perception.testing.fakes import small_space

SPACE = small_space()
EVERY_FRAME = BranchSpace("every frame", [160], [], [1], [])


@pytest.mark.parametrize(
    ("execution", "space", "policy", "branch", "allowed", "words"),
    [
        ("parallel", SPACE, "fastest", None, None, "is 'parallel'; choose 'sequential' or"),
        ("", SPACE, "fastest", None, None, "execution is ''; choose"),
        ("pipelined", EVERY_FRAME, "fastest", None, None, "no branch of 'every frame' has one"),
        ("pipelined", ClassifierSpace("c", [(96, 1)]), "fastest", None, None, "of 'c' has one"),
        ("pipelined", SPACE, "adascale", None, None, "'adascale' works with execution 'seq"),
        ("pipelined", SPACE, "fixed", SPACE[2], None, "shape=320,si=1 has none; choose si above"),
        ("pipelined", SPACE, "fastest", None, [True, False] * 2, "no branch that is allowed"),
    ],
)
def test_what_cannot_be(execution, space, policy, branch, allowed, words):
    mask = None if allowed is None else np.array(allowed)
    with pytest.raises(ConfigurationError, match="execution") as error:
        check_execution(execution, space, policy, branch, mask)
    assert words in str(error.value)


def test_what_can_be():
    check_execution("sequential", EVERY_FRAME, "adascale", None)
    check_execution("pipelined", SPACE, "fixed", SPACE[1], np.array([False, True] * 2))
