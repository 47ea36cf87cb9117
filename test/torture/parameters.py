"""Every parameter of a running node set to whatever somebody may type."""

from pathlib import Path

import numpy as np
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically

from approx_perception.interface import PERCEPTION_PARAMETERS
from approx_perception.interface import Parameter as Declared
from test.ros.conftest import Camera
from test.torture.node import a_graph
from test.torture.report import Findings

WHAT = "parameters of a running node set to what fits and to anything, images flowing"
TRIES = 2_500
TEXTS = (
    "", "system_load", "image", "/diagnostics", "/a//b", "/x/{sub}", "x" * 250, "x" * 100_000, "~",
    "~/x", "/", "detections", "320", "nan", "most_accurate", "fixed", "triggered", "adascale",
    "approxdet", "shape=160", "shape=160,nprop=5,si=1", "shape=", "=,=,", "gof", "frame", "week",
    "sphere", "a,b", "\n", "\0", "ü" * 70, "none", "1", "8", "/rosout", "/parameter_events", "/tf",
)  # fmt: skip
NUMBERS = (
    0.0,
    -0.0,
    1e-300,
    5e-324,
    1e300,
    float("inf"),
    float("nan"),
    -1.0,
    0.5,
    0.95,
    20.0,
    100.0,
)
LIVE = tuple(parameter for parameter in PERCEPTION_PARAMETERS if parameter.live)
#: Nodes and tools that are not ours have others still.
NAMES = (
    *(parameter.name for parameter in PERCEPTION_PARAMETERS),
    "use_sim_time", "no_such_parameter", "qos_overrides./image.subscription.depth", "",
)  # fmt: skip
INTEGERS = (0, 1, -1, 20, 100, 2**62, -(2**62))


def _value(rng: np.random.Generator) -> ParameterValue:
    kind = int(rng.integers(6))
    if kind == 0:
        return ParameterValue(
            type=ParameterType.PARAMETER_DOUBLE, double_value=float(rng.choice(NUMBERS))
        )
    if kind == 1:
        return ParameterValue(
            type=ParameterType.PARAMETER_INTEGER,
            integer_value=INTEGERS[int(rng.integers(len(INTEGERS)))],
        )
    if kind == 2:
        return ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=bool(rng.integers(2)))
    if kind == 3:
        texts = [TEXTS[int(i)] for i in rng.integers(len(TEXTS), size=2)]
        return ParameterValue(type=ParameterType.PARAMETER_STRING_ARRAY, string_array_value=texts)
    return ParameterValue(
        type=ParameterType.PARAMETER_STRING if kind < 5 or rng.random() < 0.8 else 0,
        string_value=TEXTS[int(rng.integers(len(TEXTS)))],
    )


def _fitting(rng: np.random.Generator, parameter: Declared) -> ParameterValue:
    """A value that is inside the range or among the names, as far as these are declared."""
    if parameter.names:
        name = parameter.names[int(rng.integers(len(parameter.names)))]
        return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=name)
    if parameter.limits is not None:
        low, high = parameter.limits
        value = float(low + (high - low) * rng.random() ** 3)
        if isinstance(parameter.default, int):
            return ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=int(value))
        return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
    return _value(rng)


def _changes(rng: np.random.Generator) -> list[Parameter]:
    changes = []
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.7:
            declared = LIVE[int(rng.integers(len(LIVE)))]
            changes.append(Parameter(name=declared.name, value=_fitting(rng, declared)))
        else:
            changes.append(Parameter(name=NAMES[int(rng.integers(len(NAMES)))], value=_value(rng)))
    return changes


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """Each request is answered, and images go on coming out."""
    rng = np.random.default_rng(seed)
    with a_graph(folder) as graph:
        node = graph.start_perception(cameras=["image"])
        with Camera(graph).flowing():
            for number in range(TRIES):
                changes = _changes(rng)
                service = SetParametersAtomically if number % 4 == 0 else SetParameters
                _ask(findings, graph, node, service, changes)
                if node.exit_code is not None:
                    findings.fault(f"the node ended after {changes}: {node.last_words()}")
                    return
            _sane(graph)
            before = len(graph.frames)
            if not graph.wait(lambda: len(graph.frames) > before + 20, 30):
                findings.fault(f"no images come out at the end: {node.last_words()}")
        if "Traceback" in Path(folder / "perception_node_0.log").read_text(errors="replace"):
            findings.fault("a traceback in the log of the node")


_clients: dict[object, object] = {}


def _ask(findings, graph, node, service, changes) -> None:
    name = "set_parameters" if service is SetParameters else "set_parameters_atomically"
    if service not in _clients:
        _clients[service] = graph.node.create_client(service, f"perception_node/{name}")
        graph.wait(_clients[service].service_is_ready, 20)
    future = _clients[service].call_async(service.Request(parameters=changes))
    if not graph.wait(future.done, 20, lambda: None):
        findings.fault(f"no answer to {changes}"[:300])
        return
    answer = future.result()
    results = answer.results if service is SetParameters else [answer.result]
    for result in results:
        findings.count("accepted" if result.successful else "refused")
        if not result.successful and (not result.reason or len(result.reason) > 1000):
            findings.fault(f"{changes} refused with {len(result.reason)} characters")


def _sane(graph) -> None:
    graph.set(
        policy="most_accurate", allowed__shape="", allowed__si="", allowed__nprop="",
        allowed__tracker="", classes="", sla__latency_ms=100.0, sla__scope="frame", branch="",
    )  # fmt: skip
