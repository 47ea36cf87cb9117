"""Detection: torchvision as its users call it, and ours from ONNX."""

from collections.abc import Iterator

from bench.rows import Row

__all__ = ["network_rows"]


def network_rows(rounds: int) -> Iterator[Row]:
    """A detection at five settings; none where PyTorch is absent."""
    yield from ()
