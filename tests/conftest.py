"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SLOWEST_FIRST = ("cluster", "dft", "engine")
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and real data that stands beside the repository."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the folder ../shared with reference values and data is not beside this checkout")
    return SHARED


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one worker more than there are processors: the tests of clusters mostly wait."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left with one of them at the end."""
    rank: dict[Path, int] = {}
    for item in items:
        marks = [SLOWEST_FIRST.index(mark.name) for mark in item.iter_markers() if mark.name in SLOWEST_FIRST]
        rank[item.path] = min([rank.get(item.path, len(SLOWEST_FIRST)), *marks])
    items.sort(key=lambda item: rank[item.path])
