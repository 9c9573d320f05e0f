"""Break running campaigns in every way of the tests, and write what it cost as the table of ``docs/cluster.md``.

``python benchmarks/faults.py`` needs what ``.ci/run`` installs (Slurm, a database, the extra ``test``).
``python benchmarks/faults.py RECORD`` only writes the table, of what tests have added to the file that
``ANODEFLOW_FAULT_RECORD`` named; the last line of each fault counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "cluster.md"
BEGIN, END = "<!-- begin faults -->", "<!-- end faults -->"
TESTS = tuple(f"tests/hpc/test_{name}.py" for name in ("faults", "slurm_faults", "wall_time", "remote_faults"))
COLUMNS = {
    "fault": "fault",
    "tries": "starts",
    "finished": "jobs finished before it",
    "lost": "of these lost",
    "repeated": "of these repeated",
    "equal": "same numbers",
}


def run_tests(path: Path) -> int:
    """Run the tests of faults, which add to a record; return their exit code."""
    environment = os.environ | {"ANODEFLOW_FAULT_RECORD": str(path)}
    words = [sys.executable, "-m", "pytest", "-q", *TESTS]
    return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode


def _cell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def table(path: Path) -> str:
    """Return the table of a record."""
    rows = {row["fault"]: row for row in map(json.loads, path.read_text().splitlines())}
    lines = [list(COLUMNS.values()), ["---"] * len(COLUMNS)]
    lines += [[_cell(row[key]) for key in COLUMNS] for row in rows.values()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Replace the table of the page."""
    with tempfile.TemporaryDirectory() as folder:
        own = len(sys.argv) > 1
        path = Path(sys.argv[1]) if own else Path(folder) / "faults.jsonl"
        code = 0 if own else run_tests(path)
        text = table(path)
    page = PAGE.read_text()
    PAGE.write_text(f"{page.split(BEGIN)[0]}{BEGIN}\n{text}\n{END}{page.split(END)[1]}")
    print(text)
    sys.exit(code)


if __name__ == "__main__":
    main()
