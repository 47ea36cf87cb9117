"""What a stage achieves of what the machine can: FLOP/s of networks, bandwidth of what copies."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import onnx
from bench.rows import in_turns

from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector

__all__ = ["Achieved", "convolutions_flop", "peaks", "roofline"]

_SIDE = 1024
_COPY_BYTES = 128 * 2**20
#: Images of 6 MB: together far more than caches hold.
_RING = 40
#: Side of the input at which operations are counted, in px.
_SQUARE = 416


@dataclass(frozen=True)
class Achieved:
    """A stage beside the peak that bounds it.

    Attributes
    ----------
    stage
        What.
    achieved, peak
        In ``unit``.
    ms
        Median of the stage.
    """

    stage: str
    achieved: float
    peak: float
    unit: str
    ms: float


def peaks(rounds: int) -> tuple[float, float]:
    """GFLOP/s of a float32 matrix product, GB/s of a copy (read and written); medians, 1 thread."""
    one, other = (np.random.default_rng(i).random((_SIDE, _SIDE), np.float32) for i in (0, 1))
    source, target = np.ones(_COPY_BYTES, np.uint8), np.empty(_COPY_BYTES, np.uint8)
    ms = in_turns(
        {"product": lambda: one @ other, "copy": lambda: np.copyto(target, source)}, rounds
    )
    product_ms, copy_ms = (float(np.median(ms[name])) for name in ("product", "copy"))
    return 2 * _SIDE**3 / product_ms / 1e6, 2 * _COPY_BYTES / copy_ms / 1e6


def convolutions_flop(path: Path, pixels: int) -> float:
    """Operations of a graph's convolutions for an input of so many pixels."""
    model = onnx.load(path)
    sides = {1: 1, 3: 3}
    for side in model.graph.input[0].type.tensor_type.shape.dim:
        if side.dim_value not in sides:
            side.Clear()
            side.dim_value = _SQUARE
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    sizes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output)
    }
    sizes |= {weight.name: list(weight.dims) for weight in graph.initializer}
    total = sum(
        2.0 * float(np.prod(sizes[node.input[1]][1:])) * float(np.prod(sizes[node.output[0]]))
        for node in graph.node
        if node.op_type == "Conv" and node.output[0] in sizes and node.input[1] in sizes
    )
    return total * pixels / _SQUARE**2


def roofline(rounds: int, detector: str, weights: str) -> Iterator[Achieved]:
    """Stages that only move bytes, and a network at its smallest and its largest shape.

    Images come from a ring that no cache holds.
    """
    flops, bandwidth = peaks(rounds)
    yield from _copying(rounds, bandwidth)
    yield from _networks(rounds, flops, detector, weights)


def _copying(rounds: int, bandwidth: float) -> Iterator[Achieved]:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (1080, 1920, 3), np.uint8) for _ in range(_RING)]
    turn = count()
    grey, read = np.empty((1080, 1920), np.uint8), images[0].nbytes
    stages = {
        "grey copy": (
            lambda: cv2.cvtColor(images[next(turn) % _RING], cv2.COLOR_BGR2GRAY, grey),
            read + grey.nbytes,
        ),
        "image shrunk by area to a quarter": (
            lambda: cv2.resize(
                images[next(turn) % _RING], (480, 270), interpolation=cv2.INTER_AREA
            ),
            read + read // 16,
        ),
    }  # fmt: skip
    samples = in_turns({name: run for name, (run, _) in stages.items()}, rounds)
    for name, (_, moved) in stages.items():
        ms = float(np.median(samples[name]))
        yield Achieved(f"{name}, 1920x1080", moved / ms / 1e6, bandwidth, "GB/s", ms)


def _networks(rounds: int, flops: float, detector: str, weights: str) -> Iterator[Achieved]:
    network = load_detector(detector, DetectorOptions(weights=weights, num_threads=1))
    nprop = 100 if network.uses_proposals else None
    image = SyntheticVideo("mixed", "test", 1, 1).render(0).image
    settings = [DetectorSettings(shape, nprop) for shape in network.own_shapes((160, 416))]
    runs = {f"{each.shape}": partial(network.detect, image, each) for each in settings}
    samples = in_turns(runs, rounds)
    assert network.weights_path is not None
    for each in settings:
        ms = float(np.median(samples[f"{each.shape}"]))
        pixels = network.input_px(each.shape, (image.shape[1], image.shape[0]))
        achieved = convolutions_flop(network.weights_path, pixels) / ms / 1e6
        yield Achieved(
            f"{detector} at {each.shape} px, {network.precision}, all of detect()", achieved,
            flops, "GFLOP/s", ms,
        )  # fmt: skip
