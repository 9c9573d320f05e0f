"""The record of what each fault cost, which ``benchmarks/faults.py`` turns into a table."""

from __future__ import annotations

import json
import os
from pathlib import Path


def record(fault: str, **numbers) -> None:
    """Add a line to the file that ``ANODEFLOW_FAULT_RECORD`` names; nothing without it."""
    path = os.environ.get("ANODEFLOW_FAULT_RECORD")
    if path:
        with Path(path).open("a") as stream:
            stream.write(json.dumps({"fault": fault, **numbers}) + "\n")
