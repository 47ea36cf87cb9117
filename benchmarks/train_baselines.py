"""Train all networks that ApproxNet is compared with, one after the other.

    python benchmarks/train_baselines.py --out out/baselines
    python benchmarks/approxnet.py --profile PROFILE.json --baselines out/baselines

Each goes into a folder of its own. What is trained already is left alone, and what was interrupted
goes on from its last checkpoint. Two cores take hours; ``--batches 0.01`` tries the
command in minutes.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from approxnet import BASELINES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/baselines"))
    parser.add_argument("--data", default="synthetic", help="as `train --data` takes it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batches", type=float, default=1.0, help="of each run, as a share")
    arguments = parser.parse_args()
    for name, recipe in BASELINES.items():
        folder = arguments.out / name
        if (folder / "weights.md").is_file():
            print(f"{name} is trained already", flush=True)
            continue
        print(f"{name}: {recipe}", flush=True)
        subprocess.run(command(arguments, recipe, folder), check=True)


def command(arguments: argparse.Namespace, recipe: str, folder: Path) -> list[str]:
    """Words of ``approx-perception train`` for one of them."""
    words = shlex.split(recipe)
    position = words.index("--iterations") + 1
    words[position] = str(max(round(arguments.batches * int(words[position])), 1))
    return [
        sys.executable, "-m", "approx_perception.cli.main", "train", "--task", "classification",
        "--data", arguments.data, "--threads", str(arguments.threads), "--out", str(folder), *words,
    ]  # fmt: skip


if __name__ == "__main__":
    main()
