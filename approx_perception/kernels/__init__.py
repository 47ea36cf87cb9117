"""Parts put together behind one contract."""

from approx_perception.kernels._base import (
    Batch,
    CostTerms,
    Kernel,
    KernelOutput,
    KernelState,
    Replay,
    RunsBeside,
    Trial,
)

__all__ = [
    "Batch",
    "CostTerms",
    "Kernel",
    "KernelOutput",
    "KernelState",
    "Replay",
    "RunsBeside",
    "Trial",
]
