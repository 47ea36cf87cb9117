"""``approx-perception check``: what a network file is, and whether it can be used."""

from __future__ import annotations

import json as json_texts
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from approx_perception.cli._console import console, download_bar
from approx_perception.cli._evaluation import show_warnings
from approx_perception.cli._verb import verb
from approx_perception.reports.output_folder import fresh_folder

if TYPE_CHECKING:
    from approx_perception.checking import CheckResult

__all__ = ["check"]

#: Exit code where the network works and something looks wrong.
WARNED_EXIT_CODE = 3
_RESULT = "check.json"
#: Classes that a table has room for.
_FEW = 8


@verb
def check(
    weights: str, image: str, task: str | None, out: Path, json: bool, overwrite: bool,
    **words: Any,
) -> None:  # fmt: skip
    """Say what a network file is: convention, classes, shapes, latency, memory, and a picture.

    The first thing to do with a new network. Loads it, runs every shape on one image and leaves
    check.png with what was found at the largest. Exit code 0 if the network can be used, 3 if it
    can and something looks wrong, 1 if it cannot.
    """
    from approx_perception.assembly.options import kernel_options
    from approx_perception.assembly.tasks import task_of
    from approx_perception.checking import check_network
    from approx_perception.checking.check import PICTURE
    from approx_perception.interface.systems import TASKS

    options = kernel_options(
        {"weights": weights, **words, "task": task or TASKS[0]},
        lambda word: f"--{word.replace('_', '-')}",
    )
    candidates = [options] if task else [replace(options, task=each) for each in TASKS]
    with download_bar() as bar:
        task_of(options).fetch(options, bar)
    # A check that is repeated replaces the one before, and nothing else.
    is_of_check = out.is_dir() and _own_files(out) <= {PICTURE, _RESULT}
    with fresh_folder(out, overwrite or is_of_check) as folder:
        with console.status("loading the network") as status:
            result = check_network(candidates, image, folder, status.update)
        (folder / _RESULT).write_text(json_texts.dumps(result.to_dict(), indent=1) + "\n")
    if json:
        typer.echo(json_texts.dumps(result.to_dict(), indent=1))
    _show(result, bool(image))
    show_warnings(result.warnings)
    console.print(f"what was found is drawn in {out / PICTURE}", soft_wrap=True)
    if result.warnings:
        raise typer.Exit(WARNED_EXIT_CODE)


def _own_files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}


def _show(result: CheckResult, is_real: bool) -> None:
    names = ", ".join(result.class_names[:_FEW])
    more = ", ..." if len(result.class_names) > _FEW else ""
    memory = result.memory_mb
    on_disk = f"{memory['file']:.1f} MB on disk; " if memory["file"] else ""
    runs_on = f"{result.runtime} on {result.device}, {result.precision}, {result.threads} threads"
    width, height = result.image_size
    rows = {
        **result.told,
        "classes": f"{len(result.class_names)}: {names}{more}",
        "runs on": runs_on + (result.runtime_reason and f": {result.runtime_reason}"),
        "memory": f"{on_disk}the process grew by {memory['loaded']:.0f} MB when it was loaded and "
        f"{memory['all settings']:.0f} MB in all",
        "branches": f"{result.branches} in its own space",
        "looked at": f"{result.image}, {width}x{height} px",
        **({"caution": result.caution} if result.caution else {}),
    }
    table = Table("", result.network, title=result.task)
    for heading, text in rows.items():
        table.add_row(heading, text)
    console.print(table)
    speeds = Table("setting", "median", "P95", "found", title="one image")
    for each in result.settings:
        speeds.add_row(
            each.name, f"{each.median_ms:.1f} ms", f"{each.p95_ms:.1f} ms", each.found
        )  # fmt: skip
    console.print(speeds)
    if not is_real and not result.caution:
        console.print(
            "no IMAGE is named: a synthetic one was looked at. Real networks find nothing "
            "in it; name an image of yours to judge boxes.",
            soft_wrap=True,
        )
