"""How good the scheduler is on scenes that had no part in its profile.

    python benchmarks/out_of_sample.py --data DATA --weights yolox_nano_dyn.onnx --out FOLDER

Each real sequence in DATA in turn is played with a profile of the others, and two synthetic scenes
with the accuracy that ships. Ours, ApproxDet's policy and every fixed branch run at four SLAs, on
the idle machine and under contention that no profile has. Latencies are recorded and replayed;
``--live`` runs networks for real, in turns. What is recorded is kept, so that an interrupted run
goes on, and a change of the scheduler is judged in minutes.
Writes table.md and figures.json.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from recorded_world import load
from unseen_live import live_figures
from unseen_scenes import SceneSpec, profile_of, record
from unseen_systems import ALLOWED, OF_OTHERS, Figures, Unseen, recorded_figures

from approx_perception.assembly import KernelOptions
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.structures import SlaScope

VEHICLES: dict[str, str | None] = {"car": "vehicle", "truck": "vehicle", "bus": "vehicle"}
REAL = (
    SceneSpec("TUD-Campus", 71),
    SceneSpec("PETS09-S3-MF1", 107),
    SceneSpec("CDnet-highway", 300, {1: "vehicle"}, VEHICLES),
)
SYNTHETIC = (SceneSpec("synthetic:mixed:test:11", 192), SceneSpec("synthetic:tour:test:12", 128))
#: In ms, of each world.
SLAS = {"real": (8.0, 12.0, 20.0, 35.0), "synthetic": (25.0, 40.0, 60.0, 100.0)}
SHIPPED = Path("approx_perception/weights/faster_rcnn_compact_synthetic.predictors.json")


def unseen(
    specs: Sequence[SceneSpec], options: KernelOptions, cache: Path, ships: Path | None
) -> Iterator[Unseen]:
    """Each scene in turn; ``ships`` is accuracy to go by in place of what the others teach."""
    network = load(options)
    scenes = [record(s, network, cache / s.name.replace(":", "_")) for s in specs]
    accuracy = None if ships is None else PredictorBundle.load(ships)
    for scene in scenes:
        others = [other for other in scenes if other is not scene]
        out = cache / f"without_{scene.spec.name.replace(':', '_')}.json"
        yield Unseen(scene, others, profile_of(others, out, accuracy))


def reading(rows: Sequence[Figures]) -> str:
    """What the table says of the targets: Markdown."""
    fitting = [row for row in rows if row["systems"]["best fixed in hindsight"]]
    others = [row for row in rows if not row["systems"]["best fixed in hindsight"]]

    def gap(name: str) -> str:
        gaps = [
            row["systems"]["ours"]["ap50"] - row["systems"][name]["ap50"]
            for row in fitting if row["systems"][name]
        ]  # fmt: skip
        return f"{np.mean(gaps):+.3f} in the mean, {min(gaps):+.3f} at worst" if gaps else "none"

    def late(name: str, own: Sequence[Figures]) -> str:
        shares = [row["systems"][name]["late"] for row in own if row["systems"][name]]
        return f"{np.mean(shares):.1%}" if shares else "none"

    kept = sum(row["systems"]["ours"]["late"] <= ALLOWED for row in fitting)
    original_kept = sum(row["systems"]["original"]["late"] <= ALLOWED for row in fitting)
    ours_of = [row["systems"]["ours"] for row in fitting]
    expected, came = (float(np.mean([own[key] for own in ours_of])) for key in ("expected", "ap50"))
    lines = [
        "| target | figure |", "|---|---|",
        f"| AP50 beside the best fixed branch of the other scenes | {gap(OF_OTHERS)} |",
        f"| beside the best fixed branch in hindsight | {gap('best fixed in hindsight')} |",
        f"| beside the original's policy | {gap('original')} |",
        f"| the SLA is kept, where a fixed branch fits | {kept} of {len(fitting)} settings; "
        f"by the original in {original_kept} |",
        f"| late there | {late('ours', fitting)}, best fixed of the others "
        f"{late(OF_OTHERS, fitting)} |",
        f"| late where none fits | {late('ours', others)}, fastest {late('fastest', others)}, "
        f"original {late('original', others)} |",
        f"| AP50 expected where a branch fits, and what came | {expected:.3f}, {came:.3f} |",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Figures]) -> str:
    """Markdown: AP50 and share of late frames of each system in each setting."""
    names = list(rows[0]["systems"])
    lines = [
        f"| scene | condition | SLA | expected | {' | '.join(names)} |",
        "|---|---|---|---|" + "---|" * len(names),
    ]
    for row in rows:
        cells = [
            "none fits" if own is None else f"{own['ap50']:.3f}, {own['late']:.1%}"
            for own in row["systems"].values()
        ]
        lines.append(
            f"| {row['scene']} | {row['condition']} | {row['sla']:g} ms | "
            f"{row['systems']['ours']['expected']:.3f} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the real sequences")
    parser.add_argument("--weights", required=True, help="of YOLOX")
    parser.add_argument("--world", choices=("real", "synthetic"), help="only this one")
    parser.add_argument(
        "--sla", type=float, action="append", default=None, help="in ms; may be repeated"
    )
    parser.add_argument("--scope", default="frame", choices=("frame", "gof"))
    parser.add_argument("--oracle", action="store_true", help="with an oracle, which takes minutes")
    parser.add_argument("--live", action="store_true", help="run for real, on a quiet machine")
    parser.add_argument("--cache", type=Path, default=Path("out/out_of_sample"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    worlds = {
        "real": (
            [replace(spec, source=str(arguments.data / spec.source)) for spec in REAL],
            KernelOptions(detector="yolox", weights=arguments.weights), None,
        ),
        "synthetic": (SYNTHETIC, KernelOptions(detector="faster_rcnn"), SHIPPED),
    }  # fmt: skip
    arguments.out.mkdir(parents=True, exist_ok=True)
    scope, texts, figures = SlaScope(arguments.scope), [], {}
    for world, (specs, options, ships) in worlds.items():
        if arguments.world not in (None, world):
            continue
        rows = figures[world] = []
        slas_ms = arguments.sla or SLAS[world]
        for each in unseen(specs, options, arguments.cache / world, ships):
            measured = (
                live_figures(each, scope, slas_ms)
                if arguments.live
                else recorded_figures(each, scope, slas_ms, arguments.oracle)
            )
            for row in measured:
                rows.append(row)
                print(f"{row['scene']}, {row['condition']}, {row['sla']:g} ms", file=sys.stderr)
        texts.append(f"## {world}\n\n{reading(rows)}\n{table(rows)}")
        (arguments.out / "table.md").write_text("\n".join(texts), encoding="utf-8")
        text = json.dumps(figures, indent=1) + "\n"
        (arguments.out / "figures.json").write_text(text, encoding="utf-8")
    print("\n".join(texts))


if __name__ == "__main__":
    main()
