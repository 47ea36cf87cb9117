"""Real nodes in real processes, in a ROS domain of their own."""

import fcntl
import os
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
pytest.importorskip("approx_perception.msg", reason="the messages are not installed")

import numpy as np
import psutil
from sensor_msgs.msg import Image

from approx_perception.ros import qos
from approx_perception.ros.conversion import image_message
from approx_perception.ros.processes import NodeProcess
from approx_perception.ros.recorder import Recorder
from approx_perception.ros.tasks import NODE_TASKS
from approx_perception.ros.transport import set_image_transport
from test.warm import WarmProcess

#: Beyond those that the demonstration takes, so that both may run at once.
_DOMAINS = range(102, 215)
#: Held until this process ends, so that test runs side by side do not meet.
_claims = []


def claim_domain():
    """A ROS domain that no other test run on this machine has now."""
    for domain_id in _DOMAINS:
        path = Path(tempfile.gettempdir()) / f"approx_perception_domain_{domain_id}.lock"
        claim = path.open("w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        if not _has_nodes(domain_id):
            return domain_id
    raise RuntimeError("every ROS domain is taken by other test runs")


def _has_nodes(domain_id):
    """Whether nodes outlived the tests that started them, which were killed."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("ROS_DOMAIN_ID") == str(domain_id):
                return True
    return False


READY_S = 90.0
#: Small and quick to measure.
SPACE = (
    "name: test\nshape: [160, 224]\nnprop: [5, 20]\nsi: [1, 4]\ntrackers: [{name: median_flow}]\n"
)


class Graph:
    """Nodes of one test and a recorder that listens to them."""

    def __init__(self, folder, domain_id, task="detection"):
        self.folder = folder
        variables = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        os.environ.update(variables)
        set_image_transport()
        self.variables = {**variables, "ROS_DOMAIN_ID": str(domain_id)}
        self.domain_id = domain_id
        self.processes = []
        #: Starts nodes; `subprocess.Popen` for a process of which nothing is done before.
        self.popen = WarmProcess
        self.recorder = Recorder(domain_id, NODE_TASKS[task])
        (folder / "space.yaml").write_text(SPACE)

    def start(self, module, remappings=None, **parameters):
        named = {key.replace("__", "."): value for key, value in parameters.items()}
        log = self.folder / f"{module}_{len(self.processes)}.log"
        process = NodeProcess(module, named, log, self.variables, remappings, self.popen)
        self.processes.append(process)
        return process

    def start_perception(self, remappings=None, **parameters):
        # With auto, every start would try both.
        parameters = {
            "space": str(self.folder / "space.yaml"), "precision": "float32", **parameters
        }  # fmt: skip
        node = self.start("perception_node", remappings, **parameters)
        assert self.wait(lambda: self.recorder.is_ready), node.last_words()
        return node

    @property
    def node(self):
        """To publish, subscribe and call from."""
        return self.recorder._node

    def call(self, service_type, name, timeout_s=60.0, **fields):
        """Call a service and wait for its answer."""
        client = self.node.create_client(service_type, name)
        assert self.wait(client.service_is_ready, 20.0), name
        future = client.call_async(service_type.Request(**fields))
        assert self.wait(future.done, timeout_s), name
        self.node.destroy_client(client)
        return future.result()

    def hear(self, message_type, topic, profile=10):
        """Subscribe; returns the list that messages are put into."""
        heard = []
        self.node.create_subscription(message_type, topic, heard.append, profile)
        return heard

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

    def forget(self):
        """Frames and decisions so far."""
        self.recorder.recording.frames.clear()
        self.recorder.recording.decisions.clear()

    @property
    def frames(self):
        return self.recorder.recording.complete_frames()

    @property
    def diagnostics(self):
        """What the node said last, "?" for what it has not: one can wait for anything."""
        return defaultdict(lambda: "?", self.recorder.recording.diagnostics)

    def close(self):
        for process in reversed(self.processes):
            process.stop()
        self.recorder.close()


@pytest.fixture(scope="session")
def domain_id():
    return claim_domain()


@pytest.fixture
def graph(tmp_path, domain_id):
    graph = Graph(tmp_path, domain_id)
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def shared_graph(tmp_path_factory):
    """For tests that get along with one perception node: starting one takes seconds.

    In a domain of its own, for tests beside them start nodes of the same name.
    """
    graph = Graph(tmp_path_factory.mktemp("graph"), claim_domain())
    yield graph
    graph.close()


class Camera:
    """Publishes from the recorder's own process what a player never would."""

    def __init__(self, graph, message_type=Image, topic="image", profile=qos.CAMERA, is_heard=True):
        self._graph = graph
        self._publisher = graph.node.create_publisher(message_type, topic, profile)
        if not is_heard:
            return
        assert graph.wait(lambda: self._publisher.get_subscription_count() > 0)
        # The other side may learn of it a moment later, and miss what is sent best effort.
        graph.rest(0.2)

    def send(self, message):
        self._publisher.publish(message)

    def image(self, width=64, height=48, stamp_ns=None, seed=None):
        pixels = np.zeros((height, width, 3), np.uint8)
        if seed is not None:
            pixels = np.random.default_rng(seed).integers(0, 255, pixels.shape).astype(np.uint8)
        message = image_message(pixels, self._graph.node.get_clock().now(), "synthetic_camera")
        if stamp_ns is not None:
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        return message

    @contextmanager
    def flowing(self, period_s=0.02):
        """Send small images from a thread of its own meanwhile."""
        is_over = threading.Event()

        def flow():
            while not is_over.wait(period_s):
                self.send(self.image())

        thread = threading.Thread(target=flow)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def close(self):
        self._graph.node.destroy_publisher(self._publisher)


def wait_for_exit(process, timeout_s=60.0):
    end_s = time.monotonic() + timeout_s
    while process.exit_code is None and time.monotonic() < end_s:
        time.sleep(0.05)
    return process.exit_code
