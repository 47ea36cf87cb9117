"""Real data, where they are, and small things that many tests need."""

import os
import signal
from pathlib import Path
from unittest.mock import Mock

import pytest

#: A shell in the background ignores interrupts, and programs that tests start and interrupt would
#: inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
#: Of the extra `train`: may be missing.
TRAINING_LIBRARIES = ("torch", "torchvision", "onnx")


#: Slowest first, so that no process of several has a long file left at the end.
_ORDER = ("ros/test_demo", "ros/test_l", "ros/", "cli/", "launch/", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        place = item.path.relative_to(ROOT / "test").as_posix()
        return next(rank for rank, start in enumerate(_ORDER) if place.startswith(start))

    items.sort(key=rank)


def real_data(relative: str) -> Path:
    """Path of real test data; skips the test where they are absent."""
    path = SHARED_DATA / relative
    if not path.exists():
        pytest.skip(f"no real data here: ../shared/data/{relative}")
    return path


@pytest.fixture(scope="session")
def yolox_weights() -> Path:
    return real_data("weights/yolox_nano_dyn.onnx")


@pytest.fixture(scope="session", autouse=True)
def no_trial_of_runtimes(tmp_path_factory):
    """Networks run in onnxruntime where a test names no other: the fastest differs by machine.

    See test_settling for the trial.
    """
    from approx_perception.runtimes import settling
    from approx_perception.runtimes.remembering import Memory

    nothing = Memory(tmp_path_factory.mktemp("runtimes"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settling, "_WORTH_MS", float("inf"))
        patch.setattr(settling, "Memory", Mock(of_user=lambda: nothing))
        yield


@pytest.fixture(scope="session")
def without_training_libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment in which processes, and those that they start, have not the extra `train`."""
    folder = tmp_path_factory.mktemp("light")
    for name in TRAINING_LIBRARIES:
        error = f"raise ModuleNotFoundError(\"No module named '{name}'\", name={name!r})\n"
        (folder / f"{name}.py").write_text(error)
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
