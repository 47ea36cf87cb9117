"""Networks of commands that run in this process."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def quick(float32_without_a_trial):
    """In every test of this room."""
