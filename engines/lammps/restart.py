"""Look into LAMMPS restart files: whether one is whole, and which step it holds.

The layout is that of LAMMPS' ``write_restart`` (fields of a flag and a value; the same magic text opens and closes the
file). Only the fields up to the step are read; LAMMPS itself reads the rest.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"LammpS RestartT"
_NTIMESTEP = 5
_TEXT_FIELDS = {0, 4}  # version, units
_INTEGER_FIELDS = {1, 2, 3, 48}  # sizes of small, tag, big and image integers


def restart_step(path: Path) -> int | None:
    """Return the step of a restart file, or None when it is missing, cut off or not a restart file."""
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 64))
            tail = stream.read()
    except OSError:
        return None
    if not head.startswith(_MAGIC) or _MAGIC not in tail:
        return None
    offset = len(_MAGIC) + 1
    (byte_order,) = struct.unpack_from("<i", head, offset)
    order = "<" if byte_order == 1 else ">"
    offset += 8  # byte order and format number
    try:
        while True:
            (flag,) = struct.unpack_from(f"{order}i", head, offset)
            offset += 4
            if flag == _NTIMESTEP:
                return int(struct.unpack_from(f"{order}q", head, offset)[0])
            if flag in _TEXT_FIELDS:
                (length,) = struct.unpack_from(f"{order}i", head, offset)
                offset += 4 + length
            elif flag in _INTEGER_FIELDS:
                offset += 4
            else:
                return None
    except struct.error:
        return None


def newest_restart(paths: list[Path]) -> tuple[Path, int] | None:
    """Return the whole restart file with the highest step among `paths`, and that step."""
    found = [(step, path) for path in paths if (step := restart_step(path)) is not None]
    if not found:
        return None
    step, path = max(found, key=lambda pair: pair[0])
    return path, step
