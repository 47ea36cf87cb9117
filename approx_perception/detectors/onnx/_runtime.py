"""Run a recognised file in the fastest runtime."""

from dataclasses import replace

from approx_perception.detectors._base import DetectorOptions
from approx_perception.detectors._test_picture import test_picture
from approx_perception.detectors.onnx._preparation import place
from approx_perception.detectors.onnx._recognition import RecognisedNetwork
from approx_perception.runtimes import settled

__all__ = ["in_its_runtime"]

#: What runtimes are compared at: an image of most cameras, at a side amid those of the space.
_IMAGE_SIZE, _SIDE = (640, 480), 352


def in_its_runtime(network: RecognisedNetwork, options: DetectorOptions) -> RecognisedNetwork:
    """Move a network to the runtime and precision that options want; see `settled`.

    Raises
    ------
    ConfigurationError
        If options name what is not here, or the network computes something else in it.
    WeightsError
        If the runtime does not read the file.
    """
    file, how, multiple = network.file, network.preparation, network.convention.multiple
    side = -(-_SIDE // multiple) * multiple
    where = place(_IMAGE_SIZE, side, file.fixed_size, how, multiple, file.is_square)
    inputs = file.inputs(test_picture(where.input_size), how)
    graph = settled(file.graph, options.for_graphs, inputs)
    return replace(network, file=replace(file, graph=graph))
