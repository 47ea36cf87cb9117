"""Small ApproxNets with random weights, as files."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")

from approx_perception.classifiers.approxnet.metadata import Metadata
from approx_perception.training.classification.approxnet.export import export
from approx_perception.training.classification.approxnet.network import (
    ApproxNet,
    Architecture,
    valid_pairs,
)

TINY = Architecture((4, 8), ((8, 2, 1), (8, 1, 1), (16, 2, 1)), 8, shapes=(80, 96, 128))
NAMES = ("ball", "crate", "cone")
EDGES = np.arange(1.0, 7.0)


def tiny_network(architecture=TINY):
    torch.manual_seed(0)
    network = ApproxNet(architecture, len(NAMES))
    network.train()
    with torch.no_grad():  # Statistics of batch norm that are not those of a new network.
        network(torch.rand(4, 3, 96, 96) * 255, len(architecture.stages))
    return network.eval()


def tiny_file(path, network=None, names=NAMES, architecture=TINY, edges=EDGES):
    pairs = valid_pairs(architecture)
    export(network or tiny_network(architecture), path, Metadata(names, pairs, edges))
    return path
