"""Trajectories of any of the field's programs as plain arrays: positions, cells, species and time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...units import FS_TO_PS
from .raw import RawTrajectory, without_rounding
from .species import species_of_dump

FloatArray = NDArray[np.float64]
Paths = str | Path | Sequence[str | Path]
_GONE: FloatArray = np.empty((0, 3))
SpeciesMap = Mapping[Any, str] | Sequence[str] | None


@dataclass(frozen=True)
class Trajectory:
    """Positions of the same atoms at successive times.

    Attributes
    ----------
    positions
        Shape ``(F, N, 3)`` in Å. Unwrapped: an atom that leaves through a face of the cell goes on outside.
        Each position differs from the one inside the cell by whole box vectors *of its own frame*, so that
        distances by minimum image are right in every frame. Under a changing cell (NPT) take displacements
        from `anodeflow.analysis.reading.displacements.walk`, never as differences of these positions.
    cells
        Shape ``(F, 3, 3)`` in Å, rows are the box vectors.
    species
        Element of each atom, length N.
    time_ps
        Shape ``(F,)``, increasing.
    source
        File or files it was read from.
    warnings
        Sentences on what was left out or assumed.
    origins
        Shape ``(F, 3)`` in Å, the corner of the box; zero for most programs.
    periodic
        Along the three box vectors.
    """

    positions: FloatArray
    cells: FloatArray
    species: tuple[str, ...]
    time_ps: FloatArray
    source: str = ""
    warnings: tuple[str, ...] = ()
    origins: FloatArray | None = None
    periodic: tuple[bool, bool, bool] = (True, True, True)

    def __post_init__(self) -> None:
        frames, atoms = self.positions.shape[:2]
        if self.positions.shape != (frames, atoms, 3) or self.cells.shape != (frames, 3, 3):
            raise ValueError(f"positions {self.positions.shape} and cells {self.cells.shape} do not belong together")
        if len(self.species) != atoms or self.time_ps.shape != (frames,):
            raise ValueError(
                f"{len(self.species)} names, times {self.time_ps.shape} for {frames} frames × {atoms} atoms"
            )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.positions.shape[0])

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return int(self.positions.shape[1])

    @property
    def volume(self) -> FloatArray:
        """Cell volume of each frame in Å³, shape ``(F,)``."""
        return np.asarray(np.abs(np.linalg.det(self.cells)))

    @property
    def constant_cell(self) -> bool:
        """Whether the cell is the same in all frames."""
        return bool(np.all(self.cells == self.cells[0]))

    @property
    def interval_ps(self) -> float:
        """Time between frames in ps.

        Raises
        ------
        InputError
            If there is one frame only, or the intervals differ.
        """
        if self.n_frames < 2:
            raise InputError("one frame has no time interval", where=self.source, remedy="Give at least two frames.")
        steps = np.diff(self.time_ps)
        if not np.allclose(steps, steps[0], rtol=1e-6, atol=0.0):
            odd = int(np.flatnonzero(~np.isclose(steps, np.median(steps), rtol=1e-6, atol=0.0))[0])
            raise InputError(
                f"the time between frames is not constant: {steps[odd]:g} ps after frame {odd}, "
                f"{np.median(steps):g} ps elsewhere",
                where=self.source,
                remedy="Choose a stretch of even frames with start, stop and step.",
            )
        return float(self.time_ps[-1] - self.time_ps[0]) / (self.n_frames - 1)

    def evenly_spaced(self) -> Trajectory:
        """Return the trajectory with one time interval: an odd first frame is dropped, and said.

        LAMMPS writes the first frame at the step a run begins with and the next at a multiple of the
        interval, so that only the first interval differs.

        Raises
        ------
        InputError
            If other intervals differ too.
        """
        if self.n_frames > 2:
            steps = np.diff(self.time_ps)
            if not np.isclose(steps[0], steps[1], rtol=1e-6, atol=0.0):
                rest = self[1:]
                _ = rest.interval_ps
                said = f"the first frame was left out: {steps[0]:g} ps to the next, {steps[1]:g} ps later"
                return replace(rest, warnings=(*rest.warnings, said))
        _ = self.interval_ps
        return self

    def indices(self, species: str | Iterable[str]) -> NDArray[np.int64]:
        """Return the indices of the atoms of one or more elements.

        Raises
        ------
        InputError
            If there is no such atom.
        """
        wanted = {species} if isinstance(species, str) else set(species)
        found = np.array([i for i, name in enumerate(self.species) if name in wanted], dtype=np.int64)
        if missing := wanted - set(self.species):
            raise InputError(
                f"there is no {', '.join(sorted(missing))} among {', '.join(sorted(set(self.species)))}",
                where=self.source,
                remedy="Choose one of these, or map types to elements with --data or --elements.",
            )
        return found

    def select(self, species: str | Iterable[str]) -> Trajectory:
        """Return the trajectory of the atoms of one or more elements."""
        chosen = self.indices(species)
        return replace(self, positions=self.positions[:, chosen], species=tuple(self.species[i] for i in chosen))

    def __len__(self) -> int:
        return self.n_frames

    def __getitem__(self, frames: slice) -> Trajectory:
        if not isinstance(frames, slice):
            raise TypeError("a trajectory is cut with a slice of frames, such as trajectory[100:]")
        origins = None if self.origins is None else self.origins[frames]
        part = replace(
            self,
            positions=self.positions[frames],
            cells=self.cells[frames],
            time_ps=self.time_ps[frames],
            origins=origins,
        )
        if part.n_frames == 0:
            raise InputError(
                f"no frame is left of {self.n_frames}",
                where=self.source,
                remedy="Choose other start, stop and step.",
            )
        return part


def read_trajectory(
    paths: Paths,
    *,
    timestep_fs: float | None = None,
    data: str | Path | None = None,
    species: SpeciesMap = None,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
    unwrap: bool = True,
) -> Trajectory:
    """Read a trajectory that any program wrote.

    Parameters
    ----------
    paths
        One file, or the pieces of one run in order: LAMMPS dumps (text, gzip, binary), XDATCAR, vasprun.xml,
        extended XYZ, ASE trajectories, and what MDAnalysis reads (DCD, XTC, TRR, NetCDF) with `data`.
    timestep_fs
        Time in fs of one unit of the file's own counter: the MD timestep for LAMMPS, the time between written
        configurations for XDATCAR and other files that count configurations. Needed where the file says no
        time.
    data
        LAMMPS data file (for the elements of types) or a topology.
    species
        Element of each type, ``{1: "Li", 2: "Si"}`` or ``["Li", "Si"]``, or the element of every atom as a
        sequence of length N.
    start, stop, step
        Frames to keep, as in a slice.
    unwrap
        Whether to follow atoms across faces of the cell where the file holds wrapped positions; this needs
        steps of less than half the cell.

    Returns
    -------
    Trajectory

    Raises
    ------
    InputError
        If a file cannot be read, is damaged in a way that would give wrong numbers, says no time, or (with
        `unwrap`) holds wrapped positions of atoms that move too far between frames.
    """
    files = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not files:
        raise InputError("no file is given", remedy="Give at least one trajectory file.")
    if timestep_fs is not None and not (np.isfinite(timestep_fs) and timestep_fs > 0):
        raise InputError(f"the timestep is {timestep_fs} fs", remedy="Give a positive timestep_fs.")
    raw = _read(files[0], data, species)
    for path in files[1:]:
        raw.append(_read(path, data, species))
    return _assemble(raw, files, timestep_fs, slice(start, stop, step), unwrap)


def _read(path: Path, data: str | Path | None, species: SpeciesMap) -> RawTrajectory:
    """Read one file with the reader that its content asks for."""
    try:
        return _read_kind(path, data, species)
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"the compressed file is damaged ({error})", where=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from None


def _read_kind(path: Path, data: str | Path | None, species: SpeciesMap) -> RawTrajectory:
    from . import formats

    kind = formats.kind_of(path)
    if kind == "lammps":
        return _read_lammps(path, data, species)
    if kind == "lammps-binary":
        from .lammps_binary import read_lammps_binary

        return read_lammps_binary(path, data, species)
    if kind == "xdr":
        return formats.read_xdr(path, data, species)
    if kind == "mdanalysis":
        return formats.read_mdanalysis(path, data, species)
    reader = {"xdatcar": formats.read_xdatcar, "vasprun": formats.read_vasprun, "ase": formats.read_ase}[kind]
    raw = reader(path)
    if species is not None and not isinstance(species, Mapping) and len(species) != len(raw.species):
        raise InputError(f"{len(species)} species for {len(raw.species)} atoms", where=str(path))
    if species is not None:
        raw.species = (
            tuple(species.get(name, name) for name in raw.species) if isinstance(species, Mapping) else tuple(species)
        )
    return raw


def _read_lammps(path: Path, data: str | Path | None, species: SpeciesMap) -> RawTrajectory:
    from .dump_cache import CacheWriter, load_cache
    from .lammps_dump import LammpsDump

    dump = LammpsDump(path)
    notes: list[str] = []
    elements = dump.labels if dump.labels != dump.types else ()
    labels = species_of_dump(dump.ids.tolist(), elements, dump.types, data, species, str(path), notes)
    raw = RawTrajectory(
        path, labels, dump.unwrapped, False, dump.first.periodic, tuple(dump.ids.tolist()), dump.first.units
    )
    cache = load_cache(path)
    if cache is not None:
        for i, moved in enumerate(cache.displacements()):
            time = None if np.isnan(cache.times_ps[i]) else float(cache.times_ps[i])
            raw.add(cache.reference + moved, cache.cells[i], int(cache.steps[i]), time, cache.origins[i])
        raw.warnings += [*notes, *(f"{path.name}: {text}" for text in cache.warnings)]
        return raw
    writer = CacheWriter(dump) if CacheWriter.wanted(dump) else None
    try:
        for frame in dump.frames():
            cell, origin = dump.box_in_angstrom(frame.header)
            raw.add(frame.positions, cell, frame.header.step, dump.time_ps(frame.header), origin)
            if writer is not None:
                writer.add(frame)
    except BaseException:
        if writer is not None:
            writer.discard()
        raise
    if writer is not None:
        writer.finish()
    raw.warnings += [*notes, *(f"{path.name}: {text}" for text in dump.warnings)]
    return raw


def _assemble(
    raw: RawTrajectory, files: list[Path], timestep_fs: float | None, frames: slice, unwrap: bool
) -> Trajectory:
    source = ", ".join(str(path) for path in files)
    if not raw.positions:
        raise InputError("there is no whole frame", where=source)
    steps = np.array(raw.steps, dtype=float)
    if all(time is not None for time in raw.times_ps):
        time = without_rounding(np.array(raw.times_ps, dtype=float))
        if len(time) > 1 and not (np.diff(time) > 0).all():
            at = int(np.flatnonzero(~(np.diff(time) > 0))[0])
            raise InputError(
                f"the time goes from {time[at]:g} to {time[at + 1]:g} ps while the step goes from {raw.steps[at]} "
                f"to {raw.steps[at + 1]}",
                where=source,
                remedy="Cut the file there.",
            )
        if timestep_fs is not None and len(time) > 1:
            said = (time[-1] - time[0]) / (steps[-1] - steps[0]) / FS_TO_PS
            if not np.isclose(said, timestep_fs, rtol=1e-3):
                raise InputError(
                    f"the file says {said:.6g} fs a step, timestep_fs says {timestep_fs:g}",
                    where=source,
                    remedy="Leave timestep_fs out or correct it.",
                )
    elif timestep_fs is not None:
        time = steps * timestep_fs * FS_TO_PS
    elif len(steps) == 1:
        time = np.zeros(1)
    else:
        raise InputError("the file does not say the time of its frames", where=source, remedy="Give timestep_fs.")
    positions = np.empty((len(raw.positions), len(raw.species), 3))
    for i in range(len(positions)):
        positions[i] = raw.positions[i]
        raw.positions[i] = _GONE  # so that frames are not there twice
    raw.positions.clear()
    cells, origins = np.stack(raw.cells), np.stack(raw.origins)
    if unwrap and not raw.unwrapped and len(positions) > 1:
        from .displacements import unwrap_small_steps

        positions = unwrap_small_steps(
            positions, cells, origins, periodic=raw.periodic, where=source, warnings=raw.warnings
        )
    whole = Trajectory(positions, cells, raw.species, time, source, tuple(raw.warnings), origins, raw.periodic)
    return whole if frames == slice(None) else whole[frames]
