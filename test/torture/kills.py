"""Signals at any moment: nodes end in order, and runs that are killed leave the older result."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from test.ros.conftest import Camera, wait_for_exit
from test.torture.node import a_graph, start
from test.torture.report import Findings

WHAT = "SIGINT, SIGTERM and SIGKILL at any moment, of nodes and of run"
NODES, RUNS = 12, 5
LONGEST_S = 15.0


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """Nodes first, then runs."""
    chance = random.Random(seed)
    for number in range(NODES):
        place = folder / str(number)
        place.mkdir()
        with a_graph(place) as graph:
            node = start(graph)
            if number % 3 == 0:
                graph.wait(lambda: graph.recorder.is_ready)
                with Camera(graph).flowing():
                    graph.rest(chance.random())
                    _end(findings, node, place, chance)
            else:
                time.sleep(chance.uniform(0.5, 8.0))
                _end(findings, node, place, chance)
            graph.processes.clear()
    _runs(findings, folder, chance)


def _end(findings: Findings, node, place: Path, chance: random.Random) -> None:
    number = chance.choice([signal.SIGINT, signal.SIGTERM])
    start_s = time.monotonic()
    node.send(number)
    code = wait_for_exit(node)
    took_s = time.monotonic() - start_s
    log = (place / "perception_node_0.log").read_text(errors="replace")
    findings.count("nodes ended")
    # While Python itself still starts, a signal ends it as it ends any program.
    is_early = not log.strip() and code in (-number, 130, 1)
    if (code not in (0, 1) and not is_early) or took_s > LONGEST_S:
        findings.fault(f"{number.name}: exit code {code} after {took_s:.1f} s: {log[-200:]}")
    if "Traceback" in log and "approx_perception" in log.partition("Traceback")[2]:
        findings.fault(f"{number.name}: a traceback: {log[-250:]}")
        node.stop()


def _runs(findings: Findings, folder: Path, chance: random.Random) -> None:
    out = folder / "out"
    words = [
        sys.executable, "-m", "approx_perception.cli.main", "run", "synthetic:calm", "--frames",
        "60", "--branch", "shape=160,nprop=5,si=1", "--policy", "fixed", "--out", str(out),
        "--overwrite",
    ]  # fmt: skip
    subprocess.run(words, capture_output=True, check=True, timeout=120)
    whole = (out / "detections.txt").read_bytes()
    for _ in range(RUNS):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(1.0, 8.0))
        process.send_signal(chance.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]))
        process.wait(30)
        findings.count("runs killed")
        if (out / "detections.txt").read_bytes() != whole:
            findings.fault("a killed run left another detections.txt")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode or (out / "detections.txt").read_bytes() != whole:
        findings.fault(f"the run after them: {done.returncode} {done.stderr[-200:]}")
    findings.counts["partial folders left"] = sum("partial" in p.name for p in folder.iterdir())
