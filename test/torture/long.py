"""Many frames through a real node: memory must not grow, and nothing may stop."""

from collections import deque
from pathlib import Path

import psutil

from test.ros.conftest import Camera
from test.torture.node import a_graph, start
from test.torture.report import Findings

WHAT = "20,000 images through a node"
FRAMES = 20_000
WARM = 4_000
#: One is processed, and one waits in the node.
IN_FLIGHT = 2
#: Turns without any message, 50 ms each, after which what is in flight counts as lost.
LOST_AFTER = 4
MOST_GROWTH_MB = 20.0
TIMEOUT_S = 500.0
#: Few detections, so that a frame costs what its messages cost.
SPACE = "name: long\nshape: [160]\nnprop: [5]\nsi: [100]\ntrackers: [{name: median_flow, ds: 4}]\n"


class Stream:
    """Sends images and takes in results; how many are under way is told by stamps."""

    def __init__(self, graph: object) -> None:
        self._graph, self._camera = graph, Camera(graph)
        self._images = [self._camera.image(seed=i) for i in range(8)]
        self._pending: deque[int] = deque()
        self._quiet = 0
        self.sent = self.seen = 0

    def step(self) -> None:
        """Count what arrived, and send what is due."""
        recording = self._graph.recorder.recording
        arrived = sorted(recording.frames)
        # What the recorder keeps would be the growth of this process.
        recording.frames.clear()
        recording.decisions.clear()
        self.seen += len(arrived)
        self._quiet = 0 if arrived else self._quiet + 1
        while self._pending and (
            self._quiet >= LOST_AFTER or (arrived and self._pending[0] <= arrived[-1])
        ):
            self._pending.popleft()
        while len(self._pending) < IN_FLIGHT:
            self._send()

    @property
    def waiting(self) -> int:
        """Images under way."""
        return len(self._pending)

    def _send(self) -> None:
        message = self._images[self.sent % len(self._images)]
        now = self._graph.node.get_clock().now()
        message.header.stamp = now.to_msg()
        self._camera.send(message)
        self._pending.append(now.nanoseconds)
        self.sent += 1


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """A new image as soon as one before came out."""
    (folder / "long.yaml").write_text(SPACE)
    with a_graph(folder) as graph:
        node = start(graph, space=str(folder / "long.yaml"))
        if not graph.wait(lambda: graph.recorder.is_ready):
            findings.fault(f"the node did not start: {node.last_words()}")
            return
        stream, process = Stream(graph), psutil.Process(node.pid)
        at_warm_mb = 0.0

        def is_over() -> bool:
            nonlocal at_warm_mb
            stream.step()
            if not at_warm_mb and stream.seen >= WARM:
                at_warm_mb = process.memory_info().rss / 2**20
            return stream.seen >= FRAMES

        if not graph.wait(is_over, TIMEOUT_S):
            findings.fault(f"only {stream.seen} frames in {TIMEOUT_S:.0f} s: {node.last_words()}")
        growth_mb = process.memory_info().rss / 2**20 - at_warm_mb
        findings.counts = {
            "images": stream.sent, "results": stream.seen,
            "replaced by a newer one": stream.sent - stream.seen - stream.waiting,
            "MB more at the end than after 4,000 results": round(growth_mb, 1),
        }  # fmt: skip
        if growth_mb > MOST_GROWTH_MB:
            findings.fault(f"the node grew by {growth_mb:.0f} MB")
