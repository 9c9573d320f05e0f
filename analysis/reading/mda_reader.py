"""The fast text-dump reader as a reader of MDAnalysis, so that `Universe` and every analysis on it gain it.

Importing this module adds the format ``LAMMPSTEXT``; `make_default` puts it in the place of MDAnalysis' own
reader of LAMMPS dumps for the rest of the session::

    u = MDAnalysis.Universe("system.data", "run.lammpstrj", format="LAMMPSTEXT", timestep_fs=2)
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

import MDAnalysis
import numpy as np
from MDAnalysis.coordinates.base import ReaderBase
from MDAnalysis.lib.mdamath import triclinic_box
from MDAnalysis.lib.util import NamedStream, openany, store_init_arguments
from MDAnalysis.topology.LAMMPSParser import LammpsDumpParser

from ...errors import InputError
from ...units import FS_TO_PS
from .dump_cache import CacheWriter, DumpCache, load_cache
from .dump_index import dump_index, frames_to_keep
from .dump_parser import shift_to_single
from .lammps_dump import DumpFrame, LammpsDump

if TYPE_CHECKING:
    from collections.abc import Iterator

_VELOCITIES, _FORCES = ("vx", "vy", "vz"), ("fx", "fy", "fz")


class LammpsTextParser(LammpsDumpParser):  # type: ignore[misc]  # MDAnalysis has no types
    """MDAnalysis' topology of a dump, under the name of the reader below.

    Unlike MDAnalysis' own it knows the lines of ``dump_modify units yes`` and ``time yes``.
    """

    format = "LAMMPSTEXT"
    filename: Any

    def parse(self, **kwargs: Any) -> Any:
        """Return the topology of the first frame."""
        with openany(self.filename) as stream:
            line = stream.readline()
            plain = line.startswith("ITEM: TIMESTEP")
            while line.startswith(("ITEM: UNITS", "ITEM: TIME")) and not line.startswith("ITEM: TIMESTEP"):
                stream.readline()
                line = stream.readline()
            if plain or not line.startswith("ITEM: TIMESTEP"):
                return super().parse(**kwargs)
            head = [line, *(stream.readline() for _ in range(3))]
            atoms = int(head[3])
            text = "".join([*head, *(stream.readline() for _ in range(5 + atoms))])
        path, self.filename = self.filename, NamedStream(StringIO(text), str(self.filename))
        try:
            return super().parse(**kwargs)
        finally:
            self.filename = path


class LammpsTextReader(ReaderBase):  # type: ignore[misc]  # MDAnalysis has no types
    """Reads LAMMPS text dumps, unwrapped along the box vectors wherever the file can tell.

    Like MDAnalysis' own reader it moves the box corner to the origin. Unlike it, image flags count along
    the box vectors also when the box is tilted, frames that a restart repeats are left out, and a damaged
    file is an error.

    Parameters
    ----------
    filename
        Dump, plain or gzip.
    timestep_fs
        MD timestep in fs, for `ts.time`; without it, and without a time in the file, time is the step times
        `dt`.
    additional_columns
        Names of further columns for ``ts.data``, or True for all.
    cache
        Whether to keep a binary copy beside the file and read that the next time. Files with velocities,
        forces or further columns are always parsed.
    """

    format = "LAMMPSTEXT"
    units = {"time": "ps", "length": "Angstrom", "velocity": "Angstrom/ps"}  # noqa: RUF012 - MDAnalysis' convention

    @store_init_arguments  # type: ignore[untyped-decorator]  # MDAnalysis has no types
    def __init__(
        self,
        filename: str,
        timestep_fs: float | None = None,
        additional_columns: list[str] | bool | None = None,
        cache: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(filename, **kwargs)
        self._timestep_fs = timestep_fs
        self._dump = LammpsDump(self.filename)
        self.n_atoms = self._dump.n_atoms
        present = self._dump.first.columns
        extra: list[str] = []
        for triple in (_VELOCITIES, _FORCES):
            extra += triple if set(present).issuperset(triple) else ()
        taken = {"id", "type", "element", "xu", "yu", "zu", "x", "y", "z", "ix", "iy", "iz", *extra}
        if additional_columns is True:
            additional_columns = [
                name for name in present if name not in taken | {"xs", "ys", "zs", "xsu", "ysu", "zsu"}
            ]
        self._data_columns = list(additional_columns or [])
        self._extra = tuple(dict.fromkeys([*extra, *self._data_columns]))
        self._use_cache = cache and not self._extra
        self._stored = load_cache(self.filename) if self._use_cache else None
        self._offsets: list[int] = []
        if self._stored is None:
            index = dump_index(self._dump)
            kept, notes = frames_to_keep(index.steps, str(self.filename))
            self._offsets = index.offsets[kept].tolist()
            self._n_frames = len(kept)
        else:
            kept, notes = frames_to_keep(self._stored.steps, str(self.filename))
            self._n_frames = len(kept)
            self._prepare(self._stored, kept)
        self.notes = tuple(notes)
        if not self._n_frames:
            raise InputError("there is no whole frame", where=str(self.filename))
        self._frames: Iterator[DumpFrame] | None = None
        self._cell: Any = None
        self._stream: Any = None
        self._writer: CacheWriter | None
        self._reopen()
        self._read_next_timestep()

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self._n_frames

    def close(self) -> None:
        """Close the file; a pass that did not reach the end leaves no cache."""
        writer: CacheWriter | None = getattr(self, "_writer", None)
        if writer is not None:
            writer.discard()
        self._writer = None
        if getattr(self, "_stream", None) is not None:
            self._stream.close()
            self._stream = None
        self._frames = None

    def _reopen(self) -> None:
        self.close()
        self.ts = self._Timestep(
            self.n_atoms,
            velocities=set(self._extra).issuperset(_VELOCITIES),
            forces=set(self._extra).issuperset(_FORCES),
            **self._ts_kwargs,
        )
        self.ts.frame = -1

    def _prepare(self, cache: DumpCache, kept: np.ndarray[Any, Any]) -> None:
        self._kept = kept.tolist()
        self._boxes = np.array([triclinic_box(*cell) for cell in cache.cells], dtype=np.float32)
        self._reference = (cache.reference - cache.origins[0]).astype(np.float32)
        self._corner = (cache.origins - cache.origins[0]).astype(np.float32)
        self._moved = np.empty(cache.reference.shape, dtype=np.float32)

    def _read_frame(self, frame: int) -> Any:
        if not 0 <= frame < self.n_frames:
            raise OSError(f"there is no frame {frame}")
        if frame != self.ts.frame + 1:
            if self._writer is not None:
                self._writer.discard()
                self._writer = None
            self._frames = None
        self.ts.frame = frame - 1
        return self._read_next_timestep()

    def _read_next_timestep(self, ts: Any = None) -> Any:
        frame = self.ts.frame + 1
        if frame >= self.n_frames:
            raise EOFError
        if self._stored is not None:
            self._from_cache(frame)
        else:
            self._from_text(frame)
        self.ts.frame = frame
        return self.ts

    def _from_cache(self, frame: int) -> None:
        cache = self._stored
        assert cache is not None
        if self._stream is None:
            self._stream = cache.path.open("rb", buffering=0)
        i = self._kept[frame]
        self._stream.seek(self._moved.nbytes * i)
        if self._stream.readinto(self._moved.data) != self._moved.nbytes:
            raise InputError("the binary copy of a dump is cut off", where=str(cache.path), remedy="Delete it.")
        ts = self.ts
        np.add(self._reference, self._moved, out=ts._pos)
        if self._corner[i].any():
            ts._pos -= self._corner[i]
        ts._unitcell[:] = self._boxes[i]
        self._set_time(int(cache.steps[i]), None if np.isnan(cache.times_ps[i]) else float(cache.times_ps[i]))

    def _from_text(self, frame: int) -> None:
        begin = self._offsets[frame]
        if self._frames is None:
            self._frames = self._dump.frames(self._extra, offset=begin)
            if begin == 0 and self._use_cache and CacheWriter.wanted(self._dump):
                self._writer = CacheWriter(self._dump)
        for read in self._frames:
            if self._writer is not None:
                self._writer.add(read)
            if read.offset == begin:
                break
        else:
            raise InputError("the file has become shorter while it was read", where=str(self.filename))
        if self._writer is not None and frame == self.n_frames - 1:
            for rest in self._frames:
                self._writer.add(rest)
            self._writer.finish()
            self._writer = None
        if read.header.cell is not self._cell:
            cell, self._origin = self._dump.box_in_angstrom(read.header)
            if abs(cell[0, 1]) + abs(cell[0, 2]) + abs(cell[1, 2]) > 1e-9:
                raise InputError("general triclinic boxes have no place in MDAnalysis' box", where=str(self.filename))
            self._cell, self._box = read.header.cell, triclinic_box(*cell)
        ts = self.ts
        shift_to_single(read.positions, self._origin, ts._pos)
        ts.dimensions = self._box
        column = {name: read.values[:, k] for k, name in enumerate(self._extra)}
        for triple, target in ((_VELOCITIES, "velocities"), (_FORCES, "forces")):
            if all(name in column for name in triple):
                setattr(ts, target, np.column_stack([column[name] for name in triple]))
        for name in self._data_columns:
            ts.data[name] = column[name].copy()
        self._set_time(read.header.step, self._dump.time_ps(read.header))

    def _set_time(self, step: int, said_ps: float | None) -> None:
        self.ts.data["step"] = step
        if said_ps is None:
            said_ps = step * (self.ts.dt if self._timestep_fs is None else self._timestep_fs * FS_TO_PS)
        self.ts.data["time"] = said_ps


def make_default() -> None:
    """Let MDAnalysis read every LAMMPS dump of this session with `LammpsTextReader`."""
    MDAnalysis._READERS["LAMMPSDUMP"] = LammpsTextReader
