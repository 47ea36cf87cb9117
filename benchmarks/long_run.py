"""Memory of an evaluation by length of its bag, and the page of 10,000 frames in a browser.

    python benchmarks/long_run.py --out docs/results/long_run.md

Bags of 1,000, 4,000 and 10,000 frames of 160x120 are written, evaluated and reported; memory is the
most that the process held. The page is opened in headless Chromium, and zoomed by its own code.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.datasets.bag_writer import write_bag
from approx_perception.datasets.synthetic import SyntheticVideo

LENGTHS = (1_000, 4_000, 10_000)
MEASURE = """
<script>
addEventListener("load", () => {
  const plot = document.querySelector("details.timeline div.chart");
  const opened_ms = performance.now(), start = performance.now();
  Plotly.relayout(plot, {"xaxis.range": [10, 20]}).then(() => {
    const zoomed_ms = performance.now() - start;
    document.title = `opened ${opened_ms.toFixed(0)} zoomed ${zoomed_ms.toFixed(0)}`;
  });
});
</script>
"""


class Repeated(FrameSource):
    """A short synthetic video over and over, with time that goes on."""

    def __init__(self, frame_count: int) -> None:
        self._frames = list(SyntheticVideo("calm", "test", 0, 100, width=160, height=120))
        self.class_names = SyntheticVideo("calm", "test", 0, 1).class_names
        self.name, self.fps, self.frame_count = "repeated", 30.0, frame_count

    def __iter__(self) -> Iterator[LabelledFrame]:
        from dataclasses import replace

        for index, entry in enumerate(islice(cycle(self._frames), self.frame_count)):
            frame = replace(entry.frame, stamp_ns=self.stamp_ns(index), sequence=index)
            yield replace(entry, frame=frame)


def command(*words: object) -> tuple[float, float]:
    """Run a verb; returns its time in s and the most memory it held in MB."""
    start_s = time.monotonic()
    program = [
        sys.executable, "-c",
        "import resource, sys\nfrom approx_perception.cli.main import app\n"
        "try:\n    app()\nfinally:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)",
    ]  # fmt: skip
    done = subprocess.run(
        [*program, *map(str, words)], check=True, text=True, stdout=subprocess.PIPE
    )
    return time.monotonic() - start_s, float(done.stdout.split()[-1])


def browse(page: Path) -> str:
    """Time in ms until the page is there and until a zoom is done, as its own clock says."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return "no Chromium here"
    copy = page.with_name("measured.html")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", MEASURE + "</body>"))
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--timeout=30000",
         "--dump-dom", copy.as_uri()],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    title = re.search(r"<title>opened (\d+) zoomed (\d+)</title>", done.stdout)
    return f"{title[1]} ms, {title[2]} ms" if title else "not within 30 s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    lines = [
        "| frames | evaluate | its memory | report | its memory | page | opened, zoomed |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in LENGTHS:
            bag, out = folder / f"bag{count}", folder / f"out{count}"
            write_bag(bag, Repeated(count))
            evaluate = command(
                "evaluate", bag, "--branch", "shape=96,nprop=20,si=4,tracker=dis_flow,ds=2",
                "--system", "fixed", "--out", out,
            )  # fmt: skip
            report = command("report", out)
            page = out / "report.html"
            lines.append(
                f"| {count} | {evaluate[0]:.0f} s | {evaluate[1]:.0f} MB | {report[0]:.0f} s | "
                f"{report[1]:.0f} MB | {page.stat().st_size / 1e6:.1f} MB | {browse(page)} |"
            )
            print(lines[-1], flush=True)
            shutil.rmtree(bag)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
