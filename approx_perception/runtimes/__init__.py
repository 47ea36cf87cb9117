"""What runs a network's graph: libraries of others behind one small contract.

A new runtime is one file here and a line in `registry`.
"""

from approx_perception.runtimes._base import (
    PRECISIONS,
    Arrays,
    Graph,
    GraphSource,
    Port,
    Runtime,
    RuntimeOptions,
)
from approx_perception.runtimes.opening import open_graph, open_reference
from approx_perception.runtimes.registry import AUTO, installed_runtimes, runtime_names
from approx_perception.runtimes.settling import settled

__all__ = [
    "AUTO",
    "PRECISIONS",
    "Arrays",
    "Graph",
    "GraphSource",
    "Port",
    "Runtime",
    "RuntimeOptions",
    "installed_runtimes",
    "open_graph",
    "open_reference",
    "runtime_names",
    "settled",
]
