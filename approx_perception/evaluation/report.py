"""What the verb report does: a page about what evaluate or compare left behind."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from approx_perception.datasets.image_header import MAX_IMAGE_PX_RANGE
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.verdicts import add_verdicts
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError
from approx_perception.files import read_bytes, read_json, replace_text
from approx_perception.metrics.record_files import read_record
from approx_perception.metrics.run_record import RunRecord
from approx_perception.reports.output_folder import add_to_marker
from approx_perception.reports.page import build_page
from approx_perception.reports.paper_figures import draw_paper_figures
from approx_perception.reports.pictures import Picture, worst_pictures

__all__ = ["Results", "check_page", "read_results", "write_page", "write_pictures"]


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What folders of evaluate and compare hold.

    Attributes
    ----------
    content
        As ``result.json``, of all folders together.
    records
        ``{system: its runs}``, in the order in which they ran.
    """

    content: dict[str, Any] = field(default_factory=dict)
    records: dict[str, list[RunRecord]] = field(default_factory=dict)

    @property
    def systems(self) -> dict[str, dict[str, Any]]:
        """Entries of ``result.json`` for each system."""
        systems: dict[str, dict[str, Any]] = self.content.setdefault("systems", {})
        return systems

    @property
    def figures(self) -> Mapping[str, Mapping[str, float]]:
        """Of each system; nan for those that it has not."""
        return {
            name: {k: math.nan if v is None else v for k, v in entry["figures"].items()}
            for name, entry in self.systems.items()
        }


def read_results(folders: Sequence[Path]) -> Results:
    """Read folders, and judge them anew: side by side they may know more of what an SLA cost.

    Raises
    ------
    ConfigurationError
        If a folder holds no result, or one of another task.
    """
    results = Results()
    for folder in folders:
        _add(folder, results)
    add_verdicts(results.systems, results.records)
    return results


def write_page(target: Path, results: Results, title: str, pictures: int) -> None:
    """Write one HTML page that needs no network.

    Parameters
    ----------
    target
        File to write.
    results
        From `read_results`.
    title
        Heading.
    pictures
        Worst frames of each run of the first system; 0 for none.
    """
    shown, reason = _pictures(results.records, pictures)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_text(target, build_page(title, results.content, results.records, shown, reason))
    add_to_marker(target)


def write_pictures(folder: Path, results: Results) -> list[Path]:
    """Write pictures for papers; returns their files."""
    return draw_paper_figures(folder, results.figures, results.records)


def check_page(target: Path, overwrite: bool) -> None:
    """Refuse to replace what is no page of ours, or a page without being told to.

    Raises
    ------
    ConfigurationError
        Saying why.
    """
    if not target.exists():
        return
    if not overwrite:
        raise ConfigurationError(f"{target} exists; choose another --out or add --overwrite")
    beginning = read_bytes(target, "page to replace").lstrip()[:15].lower()
    if beginning and beginning != b"<!doctype html>":
        raise ConfigurationError(f"{target} is no page of report; choose another --out")


def _add(folder: Path, results: Results) -> None:
    """Add a folder's systems; one that is there already gets the folder's name behind its own."""
    if folder.is_file():
        raise ConfigurationError(
            f"{folder} is a file; name the folder that evaluate or compare left"
        )
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
        record = read_record(record_path.parent)
        own.setdefault(str(record.metadata["system"]), []).append(record)
    if missing := set(systems) - set(own):
        raise ConfigurationError(f"{folder} holds no record of {', '.join(sorted(missing))}")
    tasks = {r.scoring.task for runs in (*results.records.values(), *own.values()) for r in runs}
    if len(tasks) > 1:
        raise ConfigurationError(
            f"{folder} is of another task than the folders before: {' and '.join(sorted(tasks))}; "
            "make a page for each"
        )
    known = results.systems
    for name, entry in systems.items():
        shown = name if name not in known else f"{name} ({folder.name})"
        known[shown] = entry
        # In the order in which they ran, so that intervals are those of the table.
        order = list(entry["sources"])
        results.records[shown] = sorted(own[name], key=lambda r: order.index(r.metadata["source"]))
    for key in ("clock", "environment", "levels"):
        results.content.setdefault(key, content[key])
    results.content.setdefault("made", content.get("made", {}))


def _pictures(records: dict[str, list[RunRecord]], count: int) -> tuple[list[Picture], str]:
    """Worst frames of the first system; or why there are none."""
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
