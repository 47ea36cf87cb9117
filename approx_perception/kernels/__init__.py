"""Parts put together behind one contract."""

from approx_perception.kernels._base import Batch, Kernel, KernelOutput, KernelState, Trial

__all__ = ["Batch", "Kernel", "KernelOutput", "KernelState", "Trial"]
