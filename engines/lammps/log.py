"""Read LAMMPS log files: thermodynamic tables, also of runs that were cut off, and the last line of a live one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .failures import UnstableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COLUMNS = tuple("step temp pe ke etotal press vol pxx pyy pzz pxy pxz pyz lx ly lz xy xz yz fmax".split())
"""What every run of ours prints; units of ``metal``: K, eV, bar, Å, eV/Å."""

_LOOP = re.compile(r"^Loop time of (\S+) on (\d+) procs for (\d+) steps with (\d+) atoms")


@dataclass(frozen=True)
class Thermo:
    """Thermodynamic output of a run.

    Attributes
    ----------
    columns
        Names as in ``thermo_style``: those of `COLUMNS`.
    table
        Shape ``(M, C)``; one row a line of output, steps ascending and each once.
    loop_time_s
        Wall time that LAMMPS reports for its loops, summed, in s; cut-off runs do not count.
    loop_steps
        Steps in those loops.
    """

    columns: tuple[str, ...]
    table: NDArray[np.float64]
    loop_time_s: float = 0.0
    loop_steps: int = 0

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        return self.table[:, self.columns.index(column)]

    @property
    def steps(self) -> NDArray[np.int64]:
        """Step of each row."""
        return self["step"].astype(np.int64)


def read_logs(paths: Sequence[Path]) -> Thermo:
    """Return the joint table of a run and its continuations.

    Parameters
    ----------
    paths
        Log files in the order in which they were written. A continuation starts at its restart, so rows of an earlier
        file beyond the first step of a later one are dropped.

    Raises
    ------
    UnstableError
        If a number in the table is not finite.
    """
    rows: list[list[float]] = []
    loop_time, loop_steps = 0.0, 0
    for path in paths:
        started = False
        reading = False
        for line in path.read_text(errors="replace").splitlines():
            words = line.split()
            if words[:1] == ["Step"]:
                reading = len(words) == len(COLUMNS)
            elif loop := _LOOP.match(line):
                loop_time += float(loop[1])
                loop_steps += int(loop[3])
                reading = False
            elif reading and len(words) == len(COLUMNS):
                try:
                    row = [float(word) for word in words]
                except ValueError:
                    continue
                if not started:
                    rows = [earlier for earlier in rows if earlier[0] <= row[0]]
                    started = True
                if not rows or row[0] > rows[-1][0]:
                    rows.append(row)
    table = np.array(rows).reshape(len(rows), len(COLUMNS))
    if not np.isfinite(table).all():
        row = table[~np.isfinite(table).all(axis=1)][0]
        raise UnstableError(
            f"the log shows a value that is not a number at step {int(row[0])}",
            where=f"{paths[-1].parent.name}/{paths[-1].name}",
            remedy=UnstableError.advice,
        )
    return Thermo(columns=COLUMNS, table=table, loop_time_s=loop_time, loop_steps=loop_steps)


def last_step(path: Path) -> int | None:
    """Return the step on the last whole line of a log that is being written, or None."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 4096))
            lines = stream.read().decode(errors="replace").split("\n")[:-1]
    except OSError:
        return None
    for line in reversed(lines):
        words = line.split()
        if len(words) == len(COLUMNS) and words[0].isdigit():
            return int(words[0])
    return None
