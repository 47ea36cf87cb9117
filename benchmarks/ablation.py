"""What each constant that decides is worth: recorded worlds replayed with it halved and doubled.

    python benchmarks/ablation.py --data DATA --weights yolox_nano_dyn.onnx --out docs/scheduler

Worlds are those of `benchmarks/mixed_run.py`: what is not recorded yet is recorded first. Profiles
must be there, with their records: `out/profile/default.json` of the default space, and
`first.json` of the first 48 frames of each real sequence in DATA.
Writes table.md, and figures.json, from which an interrupted run goes on.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
from mixed_run import Builder, ours, run_scheduler
from mixed_world import Fold, Run, of_another_machine, prepare
from rich.progress import track

from approx_perception.latency import constants as latency_constants
from approx_perception.latency.records import ProfileRecords
from approx_perception.profiling.fit_profile import fit_profile
from approx_perception.scheduling import Scheduler
from approx_perception.scheduling import constants as scheduling_constants
from approx_perception.structures import SLA, SlaScope

#: SLA in ms and scope.
SLAS = {
    "synthetic": [(35, "frame"), (50, "frame"), (20, "gof"), (30, "gof")],
    "real": [(9, "frame"), (12, "frame"), (20, "frame"), (12, "gof")],
}  # fmt: skip
#: How far off each part's cost is on the other machine, in log.
ERROR = 0.3

#: ``{constant and value: (AP50, share of late frames) at each SLA}`` of a world.
Figures = dict[str, list[tuple[float, float]]]
#: The constants in force.
AS_IT_IS = "as it is"


def worlds(arguments: argparse.Namespace) -> Iterator[tuple[str, list[Run]]]:
    """Real sequences, these with a profile of another machine, and synthetic video."""
    shared = {"frames": 768, "zoom": None, "starts": arguments.starts, "profile_error": 0.0}
    parts = [f"{arguments.data / name}[48:]" for name in ("PETS09-S3-MF1", "TUD-Campus")]
    real = prepare(argparse.Namespace(
        detector="yolox", weights=arguments.weights, fold=[["out/profile/first.json", *parts]],
        repeat=8, level_frames=48, cache=arguments.cache / "real", **shared,
    ))  # fmt: skip
    yield "real", real
    yield "other machine", real
    yield "synthetic", prepare(argparse.Namespace(
        detector="faster_rcnn", weights="",
        fold=[["out/profile/default.json", "synthetic:mixed:test:0"]],
        repeat=1, level_frames=72, cache=arguments.cache / "synthetic", **shared,
    ))  # fmt: skip


def constants() -> Iterator[tuple[str, float, str]]:
    """Name, value, and what the comment above says."""
    for module in (latency_constants, scheduling_constants):
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        # Those behind these headings decide nothing, or only where all else is wrong.
        source = re.split(r"^# (?:What is told|Grids|Guards)", source, flags=re.MULTILINE)[0]
        for comment, name in re.findall(r"((?:^#: .*\n)+)^([A-Z_]+) = ", source, re.MULTILINE):
            text = " ".join(line.removeprefix("#: ") for line in comment.splitlines())
            yield name, getattr(module, name), text


def replaced(name: str, value: object) -> ExitStack:
    """A constant as another value, in all modules that hold it."""
    stack = ExitStack()
    modules = [own for key, own in sys.modules.items() if key.startswith("approx_perception.")]
    for module in modules:
        if isinstance(module, ModuleType) and name in vars(module):
            stack.enter_context(patch.object(module, name, value))
    return stack


def others(value: Any) -> list[tuple[str, Any]]:
    """What is tried in place of a value."""
    if isinstance(value, tuple):
        return []
    kind = type(value)
    return [("half", kind(value / 2)), ("double", kind(value * 2))]


def builder(world: str) -> Builder:
    """Ours, by a profile that is fitted with the constants in force."""
    profile = "default" if world == "synthetic" else "first"
    records = ProfileRecords.load(Path(f"out/profile/{profile}.records.json"))
    latency = fit_profile(records)[0].latency

    def build(fold: Fold) -> Scheduler:
        bundle = replace(fold.bundle, latency=latency)
        if world == "other machine":
            bundle = of_another_machine(bundle, ERROR, fold.world.machine.seed)
        return ours(replace(fold, bundle=bundle))

    return build


def figures(world: str, starts: list[Run]) -> list[tuple[float, float]]:
    """AP50 and late share at each SLA, with the constants in force."""
    build, measured = builder(world), []
    for latency_ms, scope in SLAS.get(world, SLAS["real"]):
        sla = SLA(float(latency_ms), 0.95, SlaScope(scope))
        outcomes = [run_scheduler(run, world, build, sla) for run in starts]
        pairs = np.array([(each.ap50, each.violations) for each in outcomes])
        measured.append(tuple(pairs.mean(axis=0).tolist()))
    return measured


def change(own: list[tuple[float, float]], base: list[tuple[float, float]]) -> str:
    ap50, late = (np.array(own) - np.array(base)).mean(axis=0)
    return f"{ap50:+.3f}, {late:+.1%}"


def table(known: dict[str, Figures]) -> str:
    """Markdown."""
    lines = [
        "AP50 and share of late frames (scope `gof`: groups), means over SLAs, as it is:\n",
        "| world | SLAs | AP50 | late |",
        "|---|---|---|---|",
    ]
    for world, own in known.items():
        slas = ", ".join(f"{ms} ms {scope}" for ms, scope in SLAS.get(world, SLAS["real"]))
        ap50, late = np.mean(own[AS_IT_IS], axis=0)
        lines.append(f"| {world} | {slas} | {ap50:.3f} | {late:.1%} |")
    header = " | ".join(f"{world}: half | double" for world in known)
    lines += [
        "\nChange of both with half and with double the value:\n",
        f"| constant | what it is | value | {header} |",
        "|---|---|---|" + "---|---|" * len(known),
    ]
    for name, value, text in constants():
        keys = [f"{name} {label}" for label, _ in others(value)]
        cells = [
            change(own[key], own[AS_IT_IS]) if key in own else ""
            for own in known.values()
            for key in keys
        ]
        if any(cells):
            lines.append(f"| `{name}` | {text} | {value} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the real sequences")
    parser.add_argument("--weights", required=True, help="of YOLOX")
    parser.add_argument("--starts", type=int, default=1, help="places in the recorded noise")
    parser.add_argument("--cache", type=Path, default=Path("out"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "figures.json"
    known: dict[str, Figures] = json.loads(path.read_text()) if path.exists() else {}
    rows: list[tuple[str, str, Any]] = [(AS_IT_IS, "", None)]
    rows += [(f"{n} {label}", n, v) for n, value, _ in constants() for label, v in others(value)]
    for world, runs in worlds(arguments):
        own = known.setdefault(world, {})
        for key, name, value in track(rows, world):
            if key not in own:
                with replaced(name, value):
                    own[key] = figures(world, runs)
                path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
                (arguments.out / "table.md").write_text(table(known), encoding="utf-8")
    print(table(known))


if __name__ == "__main__":
    main()
