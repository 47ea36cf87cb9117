"""Which branches are worth having here: accuracy against latency, and what a decision takes.

    python benchmarks/frontier.py --space benchmarks/candidates.yaml --objects 4

Latencies are those that the calibration at start measures on this machine, of a frame over its
group; accuracy is that of the table beside the weights.
"""

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from approx_perception.assembly import Kernel, KernelOptions, assemble
from approx_perception.structures import SLA, Observation, SlaScope

DECISIONS = 300


def frontier(mean_ms: np.ndarray, accuracy: np.ndarray) -> list[int]:
    """Positions of branches that no quicker one equals in accuracy, the quickest first."""
    chosen: list[int] = []
    for index in np.lexsort((-accuracy, mean_ms)):
        if not chosen or accuracy[index] > accuracy[chosen[-1]]:
            chosen.append(int(index))
    return chosen


def decision_ms(kernel: Kernel, observation: Observation) -> float:
    """Median time of a decision at a group boundary."""
    scheduler = kernel.pipeline.scheduler
    samples = []
    for _ in range(DECISIONS):
        scheduler.abort_group()
        start = time.perf_counter()
        scheduler.decide(observation)
        samples.append(1e3 * (time.perf_counter() - start))
    return float(np.median(samples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    parser.add_argument("--space", default="", help="YAML file or shipped space")
    parser.add_argument("--objects", type=int, default=4, help="in view")
    arguments = parser.parse_args()
    kernel = assemble(KernelOptions(arguments.detector, arguments.weights, space=arguments.space))
    observation = Observation(SLA(100.0, 0.95, SlaScope.GOF), object_count=arguments.objects)
    mean_ms = kernel.latency.predict(observation).mean_ms
    table = Table("ms", "AP50", "branch", title=kernel.detector.description)
    for index in frontier(mean_ms, kernel.accuracy):
        branch = str(kernel.space[index])
        table.add_row(f"{mean_ms[index]:.1f}", f"{kernel.accuracy[index]:.3f}", branch)
    console = Console()
    console.print(table)
    console.print(
        f"a decision over {len(kernel.space)} branches: "
        f"{decision_ms(kernel, observation):.3f} ms at the median"
    )


if __name__ == "__main__":
    main()
