"""All that is said of speed, measured in one run: `make bench`.

    python benchmarks/bench --out out/bench

Every figure stands beside another of the same run, in turns. Writes table.md, growth.png, and
figures.json with the machine and versions. ``--quick`` takes minutes and proves only that it runs.
Run it on a quiet machine.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

_BENCHMARKS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_BENCHMARKS))
# One thread, as networks have it here: a peak of all cores would be of another machine.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
# Processes that are started find the plain node there.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(_BENCHMARKS), os.environ.get("PYTHONPATH", "")))
)

import numpy as np  # noqa: E402
from bench import growth, memory, networks, nodes, roofline, rows, stages, tracking  # noqa: E402

from approx_perception.assembly import KernelOptions, Network, assemble  # noqa: E402
from approx_perception.machine import environment  # noqa: E402

SECTIONS = ("networks", "trackers", "stages", "growth", "roofline", "nodes", "memory")


class Bench:
    """Runs sections and keeps what they give, for the page and the JSON file."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments, self._out = arguments, arguments.out
        self._rounds = 10 if arguments.quick else 60
        self.figures: dict[str, object] = {}

    def run(self, section: str) -> str:
        """Measure one section; its part of the page."""
        part: Callable[[], Iterator[str]] = getattr(self, f"_{section}")
        return f"## {section.capitalize()}\n\n" + "\n".join(part())

    def _network(self, branch: str) -> Network:
        own = self._arguments
        return assemble(KernelOptions(
            detector=own.detector, weights=own.weights, policy="fixed", branch=branch,
            only_branch=True,
        ))  # fmt: skip

    @property
    def _small(self) -> str:
        return (
            "shape=160,nprop=20,si=1"
            if self._arguments.detector == "faster_rcnn"
            else "shape=160,si=1"
        )

    def _compared(self, name: str, own: Iterator[rows.Row]) -> Iterator[str]:
        kept = list(own)
        self.figures[name] = [row.to_dict() for row in kept]
        yield rows.markdown(kept)

    def _networks(self) -> Iterator[str]:
        return self._compared("networks", networks.network_rows(self._rounds))

    def _trackers(self) -> Iterator[str]:
        return self._compared("trackers", tracking.tracker_rows(self._rounds))

    def _stages(self) -> Iterator[str]:
        return self._compared("stages", stages.stage_rows(20 * self._rounds))

    def _growth(self) -> Iterator[str]:
        own = list(growth.growths(self._network(self._small), self._rounds))
        growth.plot(own, self._out / "growth.png")
        self.figures["growth"] = [
            {**asdict(each), "slope": each.slope,
             "sizes": each.sizes.tolist(), "ms": each.ms.tolist(), "p95_ms": each.p95_ms.tolist()}
            for each in own
        ]  # fmt: skip
        yield "| what | by | fixed | one more | from, to |\n|---|---|---|---|---|"
        for each in own:
            fixed, more = each.slope
            first, last = (f"{each.ms[i]:.3g} ms at {each.sizes[i]:g}" for i in (0, -1))
            yield (
                f"| {each.what} | {each.unit} | {fixed:.3g} ms | {more:.3g} ms | {first}, {last} |"
            )
        yield "\n![How cost grows](growth.png)\n"

    def _roofline(self) -> Iterator[str]:
        own = list(
            roofline.roofline(self._rounds, self._arguments.detector, self._arguments.weights)
        )
        self.figures["roofline"] = [asdict(each) for each in own]
        yield "| stage | median | achieved | peak, measured | share |\n|---|---|---|---|---|"
        for each in own:
            yield (
                f"| {each.stage} | {each.ms:.3g} ms | {each.achieved:.3g} {each.unit} "
                f"| {each.peak:.3g} {each.unit} | {each.achieved / each.peak:.0%} |"
            )
        yield ""

    def _nodes(self) -> Iterator[str]:
        own = self._arguments
        setup = nodes.NodeSetup(
            own.detector, own.weights, own.shape, phase_s=4.0 if own.quick else 20.0
        )
        found = list(nodes.node_figures(setup))
        self.figures["nodes"] = [asdict(each) for each in found]
        yield (
            f"30 Hz, 640x480, SLA {nodes.SLA_MS:g} ms; the plain node runs at {own.shape} px.\n\n"
            "| node | machine | dropped | age: median, P95 | processing P95 | late | AP50 |\n"
            "|---|---|---|---|---|---|---|"
        )
        for each in found:
            ap50 = "" if np.isnan(each.ap50) else f"{each.ap50:.3f}"
            yield (
                f"| {each.node} | {each.condition} | {each.dropped:.1%} "
                f"| {each.age_ms:.1f}, {each.age_p95_ms:.1f} ms | {each.processing_p95_ms:.1f} ms "
                f"| {each.late:.1%} | {ap50} |"
            )
        yield ""

    def _memory(self) -> Iterator[str]:
        frames = 2_000 if self._arguments.quick else self._arguments.frames
        points = list(memory.long_run(self._network(self._small), frames))
        slope = memory.slope_mb(points)
        self.figures["memory"] = {"points": points, "mb_per_10000_frames": slope}
        yield (
            f"{points[0][1]:.0f} MB after {points[0][0]} frames, {points[-1][1]:.0f} MB after "
            f"{points[-1][0]}: {slope:+.2f} MB per 10,000 frames.\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    parser.add_argument("--shape", type=int, default=448, help="of the plain node, in px")
    parser.add_argument("--frames", type=int, default=100_000, help="of the long run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="may be repeated")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    bench, parts = Bench(arguments), []
    for section in arguments.only or SECTIONS:
        start = time.monotonic()
        parts.append(bench.run(section))
        print(f"{parts[-1]}({time.monotonic() - start:.0f} s)\n", flush=True)
        machine = environment()
        text = f"{machine['processor']}, medians in turns.\n\n" + "\n".join(parts)
        (arguments.out / "table.md").write_text(text, encoding="utf-8")
        own = {**machine, "quick": arguments.quick, **bench.figures}
        (arguments.out / "figures.json").write_text(json.dumps(own, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
