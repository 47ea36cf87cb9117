"""From a user's options to a pipeline that is warm and measured: one way for nodes and commands."""

from approx_perception.assembly.loading import (
    load_network,
    load_space,
    machine_name,
    space_names,
    space_of,
)
from approx_perception.assembly.network import Network, assemble
from approx_perception.assembly.options import KernelOptions

__all__ = [
    "KernelOptions",
    "Network",
    "assemble",
    "load_network",
    "load_space",
    "space_of",
    "machine_name",
    "space_names",
]
