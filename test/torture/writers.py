"""Several runs that write to one place at once."""

import subprocess
import sys
from pathlib import Path

from test.torture.report import Findings

WHAT = "four runs at once with one --out, and --overwrite of what is not ours"


def _start(out: Path, *more: str) -> subprocess.Popen:
    words = ["run", "synthetic:calm", "--frames", "40", "--branch", "shape=160,nprop=5,si=1"]
    return subprocess.Popen(
        [sys.executable, "-m", "approx_perception.cli.main", *words, "--policy", "fixed",
         "--out", str(out), *more],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """What is there at the end is one whole result; everybody else is told."""
    out = folder / "out"
    processes = [_start(out, "--overwrite") for _ in range(4)]
    said = [process.communicate(timeout=300)[0] for process in processes]
    codes = [process.returncode for process in processes]
    findings.counts = {"runs": 4, "that succeeded": codes.count(0)}
    if not codes.count(0):
        findings.fault(f"no run succeeded: {said[0][-200:]}")
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if not {"detections.txt", "frames.csv", "config.yaml"} <= names:
        findings.fault(f"the result is not whole: {sorted(names)}")
    elif len((out / "frames.csv").read_text().splitlines()) != 41:
        findings.fault("frames.csv has not 40 frames")
    for text in said:
        if "Traceback" in text:
            findings.fault(f"a traceback: {text[-250:]}")
    _foreign(findings, folder)


def _foreign(findings: Findings, folder: Path) -> None:
    """Folders and files that are somebody else's stay."""
    photos = folder / "photos"
    photos.mkdir()
    (photos / "wedding.jpg").write_bytes(b"dear")
    (folder / "link").symlink_to(photos)
    (folder / "note.txt").write_text("mine")
    for name in ("photos", "link", "note.txt", "photos/..", "."):
        process = _start(folder / name, "--overwrite")
        text = process.communicate(timeout=120)[0]
        findings.count("places that are not ours")
        if not process.returncode or "Traceback" in text:
            findings.fault(
                f"--out {name} --overwrite: exit code {process.returncode}: {text[-200:]}"
            )
        if (photos / "wedding.jpg").read_bytes() != b"dear" or (
            folder / "note.txt"
        ).read_text() != "mine":
            findings.fault(f"--out {name} --overwrite removed what is not ours")
            return
