"""Which branches are worth having here: accuracy against latency.

    python benchmarks/frontier.py --space benchmarks/candidates.yaml --objects 4

Latencies are those of the idle machine, as the calibration at start measures them, of a frame over
its group; accuracy is that of the table beside the weights.
"""

import argparse

from rich.console import Console
from rich.table import Table

from approx_perception.assembly import KernelOptions, assemble
from approx_perception.baselines.original_policy import rising_frontier
from approx_perception.structures import SLA, ContentFeatures, Observation, SlaScope

IMAGE_SIZE = (640, 480)
OBJECT_AREA_PX2 = 60.0**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    parser.add_argument("--space", default="", help="YAML file or shipped space")
    parser.add_argument("--objects", type=int, default=4, help="in view")
    arguments = parser.parse_args()
    network = assemble(
        KernelOptions(
            detector=arguments.detector,
            weights=arguments.weights,
            space=arguments.space,
            image_size=IMAGE_SIZE,
        )
    )
    count = arguments.objects
    content = ContentFeatures(object_count=count, total_area_px2=count * OBJECT_AREA_PX2)
    observation = Observation(SLA(100.0, 0.95, SlaScope.GOF), content, image_size=IMAGE_SIZE)
    mean_ms = network.latency().predict(observation).mean_ms
    table = Table("ms", "AP50", "branch", title=network.detector.description)
    for index in rising_frontier(mean_ms, network.policies.accuracy):
        branch = str(network.space[index])
        table.add_row(f"{mean_ms[index]:.1f}", f"{network.policies.accuracy[index]:.3f}", branch)
    Console().print(table)


if __name__ == "__main__":
    main()
