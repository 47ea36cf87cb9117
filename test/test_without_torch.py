"""What runs on a robot runs without PyTorch and onnx: the real verbs, on what ships."""

import json
import subprocess
import sys

import pytest

from test.conftest import ROOT

#: One interpreter for all, as imports take longest.
PROGRAM = """
import shlex, sys
from approx_perception.cli.main import app
for line in sys.argv[1:]:
    print("exit", app(shlex.split(line), standalone_mode=False) or 0, line.split()[0], flush=True)
print("imported", [name for name in ("torch", "torchvision", "onnx") if name in sys.modules])
"""
SPACE = "{name: one, shape: [64], nprop: [10], si: [1, 4], trackers: [{name: median_flow, ds: 2}]}"
CROWD = "synthetic:crowd --frames 3 --space one.yaml --precision float32"


@pytest.fixture(scope="module")
def verbs(tmp_path_factory, without_training_libraries):
    """Run verbs in a folder, where nothing of the extra can be imported."""
    folder = tmp_path_factory.mktemp("verbs")
    (folder / "one.yaml").write_text(SPACE)

    def run(*lines):
        paths = f"{ROOT}:{without_training_libraries['PYTHONPATH']}"
        return folder, subprocess.run(
            [sys.executable, "-c", PROGRAM, *lines], cwd=folder, capture_output=True, text=True,
            env={**without_training_libraries, "PYTHONPATH": paths}, timeout=300, check=False,
        )  # fmt: skip

    return run


def test_the_network_that_ships(verbs):
    lines = [
        f"run {CROWD} --out run --video",
        f"evaluate {CROWD} --policy ours --out evaluate",
        f"compare {CROWD} --policy ours --policy fixed:si=1 --out compare",
        "report compare",
        "profile synthetic:crowd synthetic:race:val:0 --frames 32 --space one.yaml --rounds 1 "
        "--precision float32 --out one.json",
        f"evaluate {CROWD} --profile one.json --policy ours --out profiled",
        "run synthetic:object_mixed --task classification --frames 2 --out classified",
        "synthesize calm --frames 2 --out bag",
    ]
    folder, done = verbs(*lines)
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith(("exit", "imported"))]
    assert said == [*(f"exit 0 {line.split()[0]}" for line in lines), "imported []"], done.stderr
    assert (folder / "run" / "detections.txt").read_text()
    assert (folder / "compare" / "report.html").exists()
    environment = json.loads((folder / "evaluate" / "result.json").read_text())["environment"]
    assert "onnxruntime" in environment["versions"]


def test_what_needs_them_says_so(verbs):
    lines = {
        "train --out trained": "training",
        "run synthetic:calm --detector ssdlite --out ssdlite": "the detector ssdlite",
        "run synthetic:calm --weights one.yaml --out state": "the network 'one.yaml'",
        "export one.yaml": "export",
    }
    _, done = verbs(*lines)
    said = done.stdout.splitlines()[: len(lines)]
    assert said == [f"exit 1 {line.split()[0]}" for line in lines], done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    for line, who in zip(errors, lines.values(), strict=True):
        assert line.startswith(f"error: {who} needs PyTorch and onnx: pip install ")
