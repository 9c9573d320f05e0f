"""Break running campaigns in every way of the tests, and write what it cost as the table of ``docs/cluster.md``.

``python benchmarks/faults.py`` needs what ``.ci/run`` installs (Slurm, a database, the extra ``test``).
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


def main() -> None:
    """Run the tests of faults and replace the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faults.jsonl"
        tests = ["tests/hpc/test_faults.py", "tests/hpc/test_remote_faults.py"]
        words = [sys.executable, "-m", "pytest", "-q", *tests]
        answer = subprocess.run(words, cwd=ROOT, env=os.environ | {"ANODEFLOW_FAULT_RECORD": str(path)}, check=False)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    lines = ["| fault | starts | finished before it | of these lost | of these repeated | same numbers |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        cells = [
            row["fault"],
            row["tries"],
            row["finished"],
            row["lost"],
            row["repeated"],
            "yes" if row["equal"] else "no",
        ]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    text = PAGE.read_text()
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}")
    print("\n".join(lines))
    sys.exit(answer.returncode)


if __name__ == "__main__":
    main()
