"""At which parts several cameras are quicker together."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.clock import Clock
from approx_perception.kernels import Kernel
from approx_perception.structures import Frame

__all__ = ["batches_that_pay"]

_SAMPLES = 5
#: A batch must save this share of the time of its images, or they go one by one.
_LEAST_GAIN = 0.05


def batches_that_pay(
    kernel: Kernel,
    images: Sequence[npt.NDArray[np.uint8]],
    clock: Clock,
    report: Callable[[str], None] = lambda _: None,
) -> frozenset[int]:
    """Positions of the parts at which images take less time as a batch than one by one."""
    frames = [(kernel.state(), Frame(image, 0)) for image in images]

    def median_ms(part: int, batches: Sequence[Sequence[tuple[Any, Frame]]]) -> float:
        samples = []
        for _ in range(_SAMPLES):
            start_ns = clock.monotonic_ns()
            for batch in batches:
                kernel.run_together(batch, part)
            samples.append((clock.monotonic_ns() - start_ns) / 1e6)
        # The first run of a size is slower.
        return float(np.median(samples[1:]))

    paying = set()
    for part in kernel.batched_parts:
        report(f"batches of {len(images)}, {kernel.space.compiled.parts[part].name}")
        singles_ms = median_ms(part, [[frame] for frame in frames])
        if median_ms(part, [frames]) < (1 - _LEAST_GAIN) * singles_ms:
            paying.add(part)
    return frozenset(paying)
