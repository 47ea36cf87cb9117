"""What runs a network's graph: libraries of others behind one small contract.

A new runtime is one file here and a line in `registry`.
"""

from approx_perception.runtimes._base import (
    Arrays,
    Graph,
    GraphSource,
    Port,
    Runtime,
    RuntimeOptions,
)
from approx_perception.runtimes.opening import open_graph
from approx_perception.runtimes.registry import AUTO, installed_runtimes, runtime_names

__all__ = [
    "AUTO",
    "Arrays",
    "Graph",
    "GraphSource",
    "Port",
    "Runtime",
    "RuntimeOptions",
    "installed_runtimes",
    "open_graph",
    "runtime_names",
]
