"""``approx-perception report``: a page about what evaluate or compare left behind."""

from __future__ import annotations

from pathlib import Path

from approx_perception.cli._console import console
from approx_perception.cli._evaluation import show_verdicts
from approx_perception.cli._verb import verb

__all__ = ["report"]


@verb
def report(
    runs: list[Path], out: Path | None, title: str, pictures: int, png: Path | None, overwrite: bool
) -> None:  # fmt: skip
    """Write one HTML page that needs no network: verdict, figures, charts, worst frames."""
    from approx_perception.evaluation.report import (
        check_page,
        read_results,
        write_page,
        write_pictures,
    )

    folders = [run.parent if run.name == "result.json" else run for run in runs]
    target = out or folders[0] / "report.html"
    check_page(target, overwrite)
    results = read_results(folders)
    write_page(target, results, title, pictures)
    show_verdicts(results.systems)
    console.print(f"the page is {target}")
    if png is not None:
        console.print(f"{len(write_pictures(png, results))} pictures are in {png}")
