"""The tables and pages of docs/results: compare, at three SLAs, with and without contention.

    python benchmarks/results.py --which synthetic --profile out/profile/default.json
    python benchmarks/results.py --which real --profile out/profile/yolox.json --data DATA \
        --weights yolox_nano_dyn.onnx

Runs `approx-perception compare` once for each row and keeps its table; the page is that of the
middle SLA under contention. Pictures are left out, as those of real video may not be published.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

CONTENTION = "{cpu_cores: 2, cpu_share: 0.5}"
SYSTEMS = Path("config/systems")


def plan(arguments: argparse.Namespace) -> tuple[list[str], list[str], tuple[float, ...], int]:
    """Sources, systems, SLAs in ms, and frames."""
    if arguments.which == "real":
        # The frames before are the profile's.
        sources = [str(arguments.data / name) for name in ("PETS09-S3-MF1[48:]", "TUD-Campus[48:]")]
        files = ("yolox_416", "yolox_608", "yolox_416_tracked", "triggered_yolox")
        slas = (10.0, 20.0, 40.0)
    else:
        sources = ["synthetic:mixed:test:2"]
        files = ("faster_rcnn_448", "faster_rcnn_320_tracked", "triggered")
        slas = (35.0, 50.0, 80.0)
    systems = ["ours", "approxdet", "adascale", *(str(SYSTEMS / f"{f}.yaml") for f in files)]
    return sources, systems, slas, arguments.frames


def run(words: list[str]) -> None:
    print("$ approx-perception", *words, flush=True)
    subprocess.run([sys.executable, "-m", "approx_perception.cli.main", *words], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--which", choices=("real", "synthetic"), required=True)
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(), help="of the real sequences")
    parser.add_argument("--weights", default="")
    parser.add_argument("--frames", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("out/results"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    sources, systems, slas, frames = plan(arguments)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    scenario = arguments.cache / "contention.yaml"
    scenario.write_text(f"contention_steps: {{0: {CONTENTION}}}\n", encoding="utf-8")
    options = ["--profile", str(arguments.profile), "--frames", str(frames)]
    options += ["--repeats", str(arguments.repeats), "--overwrite"]
    if arguments.which == "real":
        options += ["--detector", "yolox", "--weights", arguments.weights]
    for system in systems:
        options += ["--system", system]
    parts = []
    for contended in (False, True):
        for sla_ms in slas:
            name = f"{arguments.which}_{sla_ms:g}ms{'_contended' if contended else ''}"
            folder = arguments.cache / name
            more = ["--scenario", str(scenario)] if contended else []
            run(["compare", *sources, *options, *more, "--sla-ms", f"{sla_ms:g}",
                 "--out", str(folder)])  # fmt: skip
            title = f"SLA {sla_ms:g} ms, {CONTENTION if contended else 'no contention'}"
            parts.append(f"## {title}\n\n{(folder / 'table.md').read_text(encoding='utf-8')}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(parts)
    (arguments.out / f"{arguments.which}.md").write_text(text, encoding="utf-8")
    middle = arguments.cache / f"{arguments.which}_{slas[1]:g}ms_contended"
    page = arguments.out / f"{arguments.which}.html"
    run(["report", str(middle), "--pictures", "0", "--overwrite", "--out", str(page),
         "--title", f"{arguments.which}, SLA {slas[1]:g} ms, contended"])  # fmt: skip
    shutil.copy(middle / "result.json", arguments.out / f"{arguments.which}.json")


if __name__ == "__main__":
    main()
