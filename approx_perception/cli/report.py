"""``approx-perception report``: a page about what evaluate or compare left behind."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from approx_perception.cli._console import console
from approx_perception.cli._evaluation import show_verdicts
from approx_perception.cli._verb import verb
from approx_perception.datasets.image_header import MAX_IMAGE_PX_RANGE
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError
from approx_perception.files import read_bytes, read_json, replace_text

if TYPE_CHECKING:
    from approx_perception.metrics.run_record import RunRecord
    from approx_perception.reports.pictures import Picture

__all__ = ["report"]


@verb
def report(
    runs: list[Path], out: Path | None, title: str, pictures: int, png: Path | None, overwrite: bool
) -> None:  # fmt: skip
    """Write one HTML page that needs no network: verdict, figures, charts, worst frames."""
    from approx_perception.evaluation.verdicts import add_verdicts
    from approx_perception.reports.output_folder import add_to_marker
    from approx_perception.reports.page import build_page
    from approx_perception.reports.paper_figures import draw_paper_figures

    target = out or runs[0] / "report.html"
    _check_target(target, overwrite)
    result: dict[str, Any] = {}
    records: dict[str, list[RunRecord]] = {}
    for folder in runs:
        _add(folder, result, records)
    # Anew: folders side by side may know more of what an SLA cost, and old ones know nothing.
    add_verdicts(result["systems"], records)
    shown, reason = _pictures(records, pictures)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_text(target, build_page(title, result, records, shown, reason))
    add_to_marker(target)
    show_verdicts(result["systems"])
    console.print(f"the page is {target}")
    if png is not None:
        figures = {
            name: {k: math.nan if v is None else v for k, v in entry["figures"].items()}
            for name, entry in result["systems"].items()
        }
        written = draw_paper_figures(png, figures, records)
        console.print(f"{len(written)} pictures are in {png}")


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not overwrite:
        raise ConfigurationError(f"{target} exists; choose another --out or add --overwrite")
    beginning = read_bytes(target, "page to replace").lstrip()[:15].lower()
    if beginning and beginning != b"<!doctype html>":
        raise ConfigurationError(f"{target} is no page of report; choose another --out")


def _add(folder: Path, result: dict[str, Any], records: dict[str, list[RunRecord]]) -> None:
    """Add a folder's systems; one that is there already gets the folder's name behind its own."""
    from approx_perception.metrics.run_record import RunRecord

    path = folder / "result.json"
    try:
        content = read_json(path, "result of evaluate or compare")
        systems = content["systems"]
    except (KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{folder} holds no result of evaluate or compare: {error!r}"
        ) from error
    own: dict[str, list[RunRecord]] = {}
    for record_path in sorted(folder.rglob("record.json")):
        record = RunRecord.load(record_path.parent)
        own.setdefault(str(record.metadata["system"]), []).append(record)
    if missing := set(systems) - set(own):
        raise ConfigurationError(f"{folder} holds no record of {', '.join(sorted(missing))}")
    known = result.setdefault("systems", {})
    for name, entry in systems.items():
        shown = name if name not in known else f"{name} ({folder.name})"
        known[shown] = entry
        # In the order in which they ran, so that intervals are those of the table.
        order = list(entry["sources"])
        records[shown] = sorted(own[name], key=lambda r: order.index(r.metadata["source"]))
    for key in ("clock", "environment", "levels"):
        result.setdefault(key, content[key])
    result.setdefault("made", content.get("made", {}))


def _pictures(records: dict[str, list[RunRecord]], count: int) -> tuple[list[Picture], str]:
    """Worst frames of the first system; or why there are none."""
    from approx_perception.evaluation.sources import SourceOptions
    from approx_perception.reports.pictures import worst_pictures

    if not count:
        return [], "Pictures were not asked for."
    shown: list[Picture] = []
    for record in next(iter(records.values())):
        try:
            frames = len(record)
            name = str(record.metadata["source_name"])
            source = SourceOptions(
                name, record.metadata.get("topic"), frames=frames,
                # What a run took is shown.
                max_image_px=MAX_IMAGE_PX_RANGE[1],
            ).open()  # fmt: skip
            shown += worst_pictures(record, source, count)
        except ApproxPerceptionError as error:
            return shown, f"The source cannot be read again: {error}"
    return shown, "No frame was late or wrong."
