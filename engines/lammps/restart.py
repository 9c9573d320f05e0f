"""Look into LAMMPS restart files: whether one is whole, and which step it holds.

The layout is that of LAMMPS' ``write_restart`` (fields of a flag and a value; the same magic text opens and closes the
file). Only the fields up to the step are read; LAMMPS itself reads the rest, and takes garbage in the middle for
positions. So whoever watches LAMMPS keeps the hashes of what it wrote.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from ...files import sha256, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HASHES = "restart.hashes"

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


class RestartHashes:
    """SHA-256 of the restart files in a folder by their steps, taken soon after LAMMPS has written them.

    A file that LAMMPS had no time to be watched after has no hash, and is taken for whole if its end is.

    Parameters
    ----------
    paths
        The restart files, in one folder.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.file = paths[0].parent / _HASHES
        self.seen: dict[Path, tuple[int, int]] = {}

    def look(self) -> None:
        """Take the hashes of what is new."""
        known, new = _known(self.file), {}
        for path in self.paths:
            try:
                before = path.stat()
                if self.seen.get(path) == (before.st_ino, before.st_mtime_ns):
                    continue
                step, digest = restart_step(path), sha256(path)
                after = path.stat()
            except OSError:
                continue
            if (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns) and step is not None:
                self.seen[path] = (after.st_ino, after.st_mtime_ns)
                new[str(step)] = digest
        if new:
            kept = dict(sorted((known | new).items(), key=lambda pair: int(pair[0]))[-len(self.paths) :])
            write_json(self.file, kept)


def _known(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def newest_restart(paths: list[Path]) -> tuple[Path, int] | None:
    """Return the whole restart file with the highest step among `paths`, and that step.

    A file is whole if its end is there, and if it is what LAMMPS wrote where `RestartHashes` knows that.
    """
    known = _known(paths[0].parent / _HASHES)
    found = [(step, path) for path in paths if (step := restart_step(path)) is not None]
    for step, path in sorted(found, key=lambda pair: -pair[0]):
        if known.get(str(step)) in (None, sha256(path)):
            return path, step
    return None
