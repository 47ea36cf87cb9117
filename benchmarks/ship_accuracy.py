"""Put the accuracy of a profile beside its weights, for machines that have no profile.

    python benchmarks/ship_accuracy.py --profile out/profile/default.json \
        --weights approx_perception/weights/faster_rcnn_compact_synthetic.onnx

writes NAME.predictors.json and NAME.predictors.npz beside the weights.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from approx_perception.assembly.bundle import PredictorBundle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    arguments = parser.parse_args()
    bundle = PredictorBundle.load(arguments.profile)
    target = arguments.weights.with_suffix(".predictors.json")
    # Latency is the machine's own.
    replace(bundle, latency=None).save(target)
    print(f"{target} and the npz beside it")


if __name__ == "__main__":
    main()
