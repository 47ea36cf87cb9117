"""Many frames through a real node: memory must not grow, and nothing may stop."""

from pathlib import Path

import psutil

from test.ros.conftest import Camera
from test.torture.node import a_graph, start
from test.torture.report import Findings

WHAT = "20,000 images through a node"
FRAMES = 20_000
WARM = 4_000
MOST_GROWTH_MB = 20.0
TIMEOUT_S = 500.0


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """A new image as soon as the one before came out."""
    with a_graph(folder) as graph:
        node = start(graph)
        if not graph.wait(lambda: graph.recorder.is_ready):
            findings.fault(f"the node did not start: {node.last_words()}")
            return
        camera, process = Camera(graph), psutil.Process(node.pid)
        recording, seen, sent_images = graph.recorder.recording, 0, 0
        at_warm_mb, images = 0.0, [camera.image(seed=i) for i in range(8)]
        waits = 0

        def forward() -> bool:
            nonlocal seen, sent_images, at_warm_mb, waits
            arrived = len(recording.frames)
            waits += 1
            if not arrived and sent_images and waits < 4:
                return False
            waits = 0
            seen += arrived
            # What the recorder keeps would be the growth of this process.
            recording.frames.clear()
            recording.decisions.clear()
            message = images[sent_images % 8]
            message.header.stamp = graph.node.get_clock().now().to_msg()
            camera.send(message)
            sent_images += 1
            if not at_warm_mb and seen >= WARM:
                at_warm_mb = process.memory_info().rss / 2**20
            return seen >= FRAMES

        if not graph.wait(forward, TIMEOUT_S):
            findings.fault(f"only {seen} frames in {TIMEOUT_S:.0f} s: {node.last_words()}")
        growth_mb = process.memory_info().rss / 2**20 - at_warm_mb
        findings.counts = {
            "images": sent_images, "results": seen,
            "MB more at the end than after 4,000": round(growth_mb, 1),
        }  # fmt: skip
        if growth_mb > MOST_GROWTH_MB:
            findings.fault(f"the node grew by {growth_mb:.0f} MB")
