"""Real data, where they are, and small things that many tests need."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


def real_data(relative: str) -> Path:
    """Path of real test data; skips the test where they are absent."""
    path = SHARED_DATA / relative
    if not path.exists():
        pytest.skip(f"no real data here: ../shared/data/{relative}")
    return path


@pytest.fixture(scope="session")
def yolox_weights() -> Path:
    return real_data("weights/yolox_nano_dyn.onnx")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
