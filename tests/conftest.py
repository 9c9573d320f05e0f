"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and real data that stands beside the repository."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the folder ../shared with reference values and data is not beside this checkout")
    return SHARED
