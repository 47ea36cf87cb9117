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
PROGRAMS = sorted({path.stem for path in FOLDER.glob("*.py")} - LIBRARIES)


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
