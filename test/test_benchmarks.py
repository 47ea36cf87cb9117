"""Every benchmark imports and explains itself: no other test runs them."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
#: Modules that others import; they have nothing to run.
LIBRARIES = {
    "approxnet_recorded", "mixed_world", "outcome_tables", "recorded_world", "unseen_live",
    "unseen_scenes", "unseen_systems", "zoomed",
}  # fmt: skip
PROGRAMS = sorted({path.stem for path in FOLDER.glob("*.py")} - LIBRARIES | {"bench.__main__"})


@pytest.mark.parametrize("name", PROGRAMS)
def test_shows_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(name).main()
    assert stop.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_each_stage_stands_beside_another(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sensor_msgs", reason="image messages are converted")
    monkeypatch.syspath_prepend(str(FOLDER))
    rows = list(importlib.import_module("bench.stages").stage_rows(2))
    assert len({row.what for row in rows}) == len(rows) > 5
    assert all(row.ours > 0 and row.p95 >= row.ours and row.other > 0 for row in rows)


@pytest.mark.parametrize(("asked", "least"), [(10, 10), (230, 230), (2000, 1900)])
def test_spaces_are_as_large_as_asked(
    asked: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    deciding = importlib.import_module("bench.deciding")
    space = deciding.space_of_size(asked)
    assert least <= len(space) <= asked
    assert deciding.Deciding(space).decide().branch in list(space)
