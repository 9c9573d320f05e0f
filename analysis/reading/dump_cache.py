"""A binary copy of a text dump's positions beside it, so that a second reading costs no parsing."""

from __future__ import annotations

import io
import os
import tempfile
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...files import write_bytes
from .dump_index import fingerprint, may_write_beside, sidecar

if TYPE_CHECKING:
    from .lammps_dump import DumpFrame, LammpsDump

FloatArray = NDArray[np.float64]
_VERSION = 2
_WORTH_IT = 16 << 20
"""Bytes of text from which on a cache is written."""


@dataclass(frozen=True)
class DumpCache:
    """Positions of all frames of a dump, as float32 displacements from its first frame.

    A displacement of a few Å keeps seven digits this way, wherever in the cell the atom is: more than a
    text dump has.

    Attributes
    ----------
    path
        File of the displacements, ``F × N × 3`` float32.
    reference
        Positions of the first frame, shape ``(N, 3)`` in Å.
    cells, origins
        Shapes ``(F, 3, 3)`` and ``(F, 3)`` in Å.
    steps, times_ps
        Shape ``(F,)``; times are NaN where the file does not say them.
    warnings
        What the first reading said.
    """

    path: Path
    reference: FloatArray
    cells: FloatArray
    origins: FloatArray
    steps: NDArray[np.int64]
    times_ps: FloatArray
    warnings: tuple[str, ...]

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.steps)

    def displacements(self) -> NDArray[np.float32]:
        """Return the displacements as a read-only map of the file, shape ``(F, N, 3)`` in Å."""
        return np.memmap(self.path, dtype=np.float32, mode="r", shape=(self.n_frames, *self.reference.shape))

    def positions(self, frame: int) -> FloatArray:
        """Return the positions of a frame, shape ``(N, 3)`` in Å."""
        count = self.reference.size
        moved = np.fromfile(self.path, dtype=np.float32, count=count, offset=4 * count * frame)
        return self.reference + moved.reshape(self.reference.shape)


def load_cache(path: str | Path) -> DumpCache | None:
    """Return the cache of a dump if one stands beside it and still belongs to it.

    Size, time of change and fingerprint of the dump, the size of the cache and the checksums of its first
    and last frame must agree; otherwise it is not used.
    """
    path = Path(path)
    beside, data = sidecar(path, "frames.npz"), sidecar(path, "frames.f32")
    try:
        status = path.stat()
        with np.load(beside, allow_pickle=False) as stored:
            if int(stored["version"]) != _VERSION or int(stored["size"]) != status.st_size:
                return None
            if int(stored["mtime_ns"]) != status.st_mtime_ns or str(stored["fingerprint"]) != fingerprint(path):
                return None
            cache = DumpCache(
                data, stored["reference"], stored["cells"], stored["origins"], stored["steps"], stored["times_ps"],
                tuple(str(text) for text in stored["warnings"]),
            )  # fmt: skip
            checksums = stored["checksums"]
        frame_bytes = 4 * cache.reference.size
        if data.stat().st_size != frame_bytes * cache.n_frames:
            return None
        with data.open("rb") as stream:
            for frame, checksum in zip((0, cache.n_frames - 1), checksums, strict=True):
                stream.seek(frame * frame_bytes)
                if zlib.crc32(stream.read(frame_bytes)) != int(checksum):
                    return None
    except Exception:  # whatever is wrong with a file that can be made again, it is not used
        return None
    return cache


class CacheWriter:
    """Writes the cache of a dump while its frames are read for something else.

    Nothing stands beside the dump before `finish`, and nothing stays if the reading ends early.
    """

    def __init__(self, dump: LammpsDump) -> None:
        self.dump = dump
        status = dump.path.stat()
        self._size, self._mtime = status.st_size, status.st_mtime_ns
        self._fingerprint = fingerprint(dump.path)
        handle, name = tempfile.mkstemp(prefix=f".{dump.path.name}.", dir=dump.path.parent)
        self._temporary = Path(name)
        self._stream = os.fdopen(handle, "wb")
        self._reference: FloatArray | None = None
        self._moved: NDArray[np.float32]
        self._checksum_of_first = 0
        # Per frame: cell, origin, step, time; packed, because there may be a million frames.
        self._table = array("d")

    @staticmethod
    def wanted(dump: LammpsDump) -> bool:
        """Return whether a cache of this dump is worth its space and may be written."""
        return dump.path.stat().st_size >= _WORTH_IT and may_write_beside(dump.path)

    def add(self, frame: DumpFrame) -> None:
        """Write one frame; a full disk ends the cache, not the reading."""
        if self._stream.closed:
            return
        if self._reference is None:
            self._reference = frame.positions.copy()
            self._moved = np.empty(frame.positions.shape, dtype=np.float32)
        np.subtract(frame.positions, self._reference, out=self._moved, casting="same_kind")
        if not self._table:
            self._checksum_of_first = zlib.crc32(self._moved.data)
        try:
            self._stream.write(self._moved.data)
        except OSError:
            self.discard()
            return
        cell, origin = self.dump.box_in_angstrom(frame.header)
        time = self.dump.time_ps(frame.header)
        said = np.nan if time is None else time
        self._table.extend((*cell.ravel(), *origin, frame.header.step, said))

    def finish(self) -> None:
        """Put the cache beside the dump, unless the dump has changed meanwhile."""
        if self._stream.closed:
            return
        self._stream.close()
        status = self.dump.path.stat()
        if self._reference is None or (status.st_size, status.st_mtime_ns) != (self._size, self._mtime):
            self.discard()
            return
        table = np.frombuffer(self._table).reshape(-1, 14)
        content = io.BytesIO()
        np.savez(
            content,
            version=np.array(_VERSION), size=np.array(self._size), mtime_ns=np.array(self._mtime),
            fingerprint=np.array(self._fingerprint), reference=self._reference,
            cells=table[:, :9].reshape(-1, 3, 3), origins=table[:, 9:12], steps=table[:, 12].astype(np.int64),
            times_ps=table[:, 13], checksums=np.array([self._checksum_of_first, zlib.crc32(self._moved.data)]),
            warnings=np.array(self.dump.warnings, dtype=str),
        )  # fmt: skip
        self._temporary.replace(sidecar(self.dump.path, "frames.f32"))
        write_bytes(sidecar(self.dump.path, "frames.npz"), content.getvalue())

    def discard(self) -> None:
        """Leave nothing behind."""
        self._stream.close()
        self._temporary.unlink(missing_ok=True)
