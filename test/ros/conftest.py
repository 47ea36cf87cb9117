"""Real nodes in real processes, in a ROS domain of their own."""

import itertools
import os
import time

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
pytest.importorskip("approx_perception.msg", reason="the messages are not installed")

from approx_perception.ros.processes import NodeProcess
from approx_perception.ros.recorder import Recorder
from approx_perception.ros.transport import set_image_transport

#: Beyond those that the demonstration takes, so that both may run at once.
_domains = itertools.cycle(range(102, 215))
READY_S = 90.0
#: Small and quick to measure.
SPACE = (
    "name: test\nshape: [160, 224]\nnprop: [5, 20]\nsi: [1, 4]\ntrackers: [{name: median_flow}]\n"
)


class Graph:
    """Nodes of one test and a recorder that listens to them."""

    def __init__(self, folder, domain_id):
        self.folder = folder
        variables = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        os.environ.update(variables)
        set_image_transport()
        self._variables = {**variables, "ROS_DOMAIN_ID": str(domain_id)}
        self.domain_id = domain_id
        self.processes = []
        self.recorder = Recorder(domain_id)
        (folder / "space.yaml").write_text(SPACE)

    def start(self, module, **parameters):
        named = {key.replace("__", "."): value for key, value in parameters.items()}
        log = self.folder / f"{module}_{len(self.processes)}.log"
        process = NodeProcess(module, named, log, self._variables)
        self.processes.append(process)
        return process

    def start_perception(self, **parameters):
        parameters = {"space": str(self.folder / "space.yaml"), **parameters}
        node = self.start("perception_node", **parameters)
        assert self.wait(lambda: self.recorder.is_ready), node.last_words()
        return node

    def wait(self, done, timeout_s=READY_S, check=None):
        return self.recorder.spin_until(lambda: bool(done()), timeout_s, check or self.check)

    def check(self):
        for process in self.processes:
            process.check()

    def rest(self, seconds):
        self.recorder.spin_until(lambda: False, seconds, lambda: None)

    def set(self, **values):
        named = {key.replace("__", "."): value for key, value in values.items()}
        self.recorder.set_parameters(named, self.check)

    @property
    def frames(self):
        return self.recorder.recording.complete_frames()

    @property
    def diagnostics(self):
        return self.recorder.recording.diagnostics

    def close(self):
        for process in reversed(self.processes):
            process.stop()
        self.recorder.close()


@pytest.fixture
def graph(tmp_path):
    graph = Graph(tmp_path, next(_domains))
    yield graph
    graph.close()


def wait_for_exit(process, timeout_s=60.0):
    end_s = time.monotonic() + timeout_s
    while process.exit_code is None and time.monotonic() < end_s:
        time.sleep(0.05)
    return process.exit_code
