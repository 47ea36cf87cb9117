"""From the start of the node's process to the lifecycle's active, and the memory it then has.

    python benchmarks/startup.py --weights yolox_nano.onnx --out docs/results/startup

The network that ships, and each file that is named, in turns; medians. Another program beside it
lengthens the seconds, hardly the CPU time.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from approx_perception.machine import environment
from approx_perception.ros.processes import LOOPBACK, NodeProcess

_WAIT_S = 120.0
#: What the node says when it is active, with ROS's stamp in s.
_ACTIVE = re.compile(r"\[(\d+\.\d+)\] \[perception_node\]: waiting for images on")
COLUMNS = {"active_s": "active after s", "cpu_s": "CPU s", "memory_mb": "memory MB"}


def start(weights: str, parameters: dict[str, object], folder: Path) -> dict[str, float]:
    """Start a node, measure it when it is active, and end it."""
    begin = time.time()
    node = NodeProcess(
        "perception_node", {"weights": weights, **parameters}, folder / "node.log",
        {**LOOPBACK, "ROS_LOG_DIR": str(folder)},
    )  # fmt: skip
    try:
        while (found := _ACTIVE.search(node.log)) is None:
            node.check()
            if time.time() - begin > _WAIT_S:
                raise SystemExit(f"not active after {_WAIT_S:g} s: {node.last_words()}")
            time.sleep(0.02)
        process = psutil.Process(node.pid)
        cpu = process.cpu_times()
        return {
            "active_s": float(found[1]) - begin,
            "cpu_s": cpu.user + cpu.system,
            "memory_mb": process.memory_info().rss / 1e6,
        }
    finally:
        node.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", nargs="*", default=[], help="files beside the shipped network")
    parser.add_argument("--runtime", help="the node's parameter of that name")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    parameters: dict[str, object] = {"runtime": arguments.runtime} if arguments.runtime else {}
    names = {"": "ships with the package"} | {path: Path(path).stem for path in arguments.weights}
    starts: dict[str, list[dict[str, float]]] = {weights: [] for weights in names}
    with tempfile.TemporaryDirectory() as folder:
        # The first start reads everything from the disk, and measures what is remembered.
        for weights in names:
            start(weights, parameters, Path(folder))
        for _ in range(arguments.count):
            for weights in names:
                starts[weights].append(start(weights, parameters, Path(folder)))
    rows = {
        names[weights]: {key: float(np.median([each[key] for each in taken])) for key in COLUMNS}
        for weights, taken in starts.items()
    }
    lines = [f"| network | {' | '.join(COLUMNS.values())} |", "|---|" + "---|" * len(COLUMNS)]
    for name, row in rows.items():
        cells = f"{row['active_s']:.1f} | {row['cpu_s']:.1f} | {row['memory_mb']:.0f}"
        lines.append(f"| {name} | {cells} |")
    table = "\n".join(lines) + "\n"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "table.md").write_text(table, encoding="utf-8")
    content = {"starts": arguments.count, "networks": rows, "environment": environment()}
    (arguments.out / "table.json").write_text(json.dumps(content, indent=1) + "\n")
    print(table)


if __name__ == "__main__":
    main()
