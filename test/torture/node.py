"""One perception node in a domain of its own, and a recorder beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from test.ros.conftest import Graph, claim_domain

SMALLEST = "name: smallest\nshape: [160]\nnprop: [5]\nsi: [1]\n"


@contextmanager
def a_graph(folder: Path) -> Iterator[Graph]:
    """Nodes that are started on it end with it."""
    graph = Graph(folder, claim_domain())
    (folder / "smallest.yaml").write_text(SMALLEST)
    try:
        yield graph
    finally:
        graph.close()


def start(graph: Graph, **parameters: object) -> object:
    """A node that is quick to configure."""
    small = {
        "space": str(graph.folder / "smallest.yaml"), "precision": "float32",
        "calibration__width": 64, "calibration__height": 48,
    }  # fmt: skip
    return graph.start("perception_node", **{**small, **parameters})
