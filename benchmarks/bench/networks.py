"""Detection: torchvision as its users call it, and ours from ONNX in the faster runtime."""

from collections.abc import Iterator

from bench.rows import Row

from approx_perception.datasets.synthetic import SyntheticVideo

__all__ = ["network_rows"]

_THREADS = 1
_IMAGES = 8


def network_rows(rounds: int) -> Iterator[Row]:
    """A detection of the shipped network at five settings, on one thread."""
    import faster_rcnn

    images = [entry.frame.image for entry in SyntheticVideo("mixed", "test", 1, _IMAGES)]
    numbers = faster_rcnn.measure(faster_rcnn.systems(_THREADS), images, rounds)
    theirs = numbers.pop("torchvision")
    torch = {name: numbers.pop(name) for name in list(numbers) if name.startswith("torch ")}
    for index, settings in enumerate(faster_rcnn.SETTINGS):
        best = min(numbers, key=lambda name: numbers[name][index]["ms"])
        own = numbers[best][index]
        yield Row(
            "networks", f"Faster R-CNN {settings.shape}/{settings.nprop} in {best}", own["ms"],
            own["p95_ms"], "torchvision", theirs[index]["ms"],
            more={name: each[index]["ms"] for name, each in (torch | numbers).items()},
        )  # fmt: skip
