"""The mean squared displacement at every lag of dumps too long for memory, in blocks of atoms from the binary copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..reading.dump_cache import load_cache
from ..reading.stream import DumpStream
from .msd import MsdCurve, MsdSums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

FloatArray = NDArray[np.float64]
_BLOCK_BYTES = 96 << 20
"""Size of a block of atoms over all frames, float32."""


def stream_msd(
    path: str | Path,
    species: str,
    *,
    timestep_fs: float | None = None,
    data: str | Path | None = None,
    types: Mapping[Any, str] | Sequence[str] | None = None,
    drift: str | Iterable[str] | None = "all",
    progress: Callable[[int, int], None] | None = None,
) -> MsdCurve:
    """Return the mean squared displacement of a species from a dump of any length in less than 500 MB.

    One pass over the frames finds the drift (and leaves the binary copy if there is none yet), then blocks of atoms are
    read from the copy over all frames.

    Parameters
    ----------
    path
        LAMMPS text dump with unwrapped positions and a constant cell.
    species
        Element.
    timestep_fs, data, types, drift, progress
        As for `anodeflow.analysis.transport.walk_stream.stream_walk`, which serves changing cells and wrapped
        positions in the memory of one species.

    Raises
    ------
    InputError
        If positions are wrapped, the cell changes, frames are uneven, or no binary copy can be kept beside the file.
    """
    stream = DumpStream(path, timestep_fs=timestep_fs, data=data, species=types)
    other_way = "Use stream_walk, which keeps the walk of the species in memory."
    if not stream.dump.unwrapped:
        raise InputError("the positions are wrapped", where=str(path), remedy=other_way)
    names = np.asarray(stream.species)
    chosen = np.flatnonzero(names == species)
    if not len(chosen):
        raise InputError(f"there is no {species} among {', '.join(sorted(set(stream.species)))}", where=str(path))
    fixed: Any = slice(None)
    if drift is not None and drift != "all":
        fixed = np.flatnonzero(np.isin(names, [drift] if isinstance(drift, str) else list(drift)))
        if not len(fixed):
            raise InputError(f"there is no {drift} to hold still", where=str(path))
    frames = len(stream)
    mean, time = np.zeros((frames, 3)), np.empty(frames)
    start: FloatArray | None = None
    cell: FloatArray | None = None
    for i, frame in enumerate(stream.frames(progress)):
        if start is None or cell is None:
            start, cell = frame.positions[fixed].mean(axis=0), frame.cell
        if not np.array_equal(frame.cell, cell):
            raise InputError("the cell changes", where=f"{path}: step {frame.step}", remedy=other_way)
        time[i] = frame.time_ps
        if drift is not None:
            mean[i] = frame.positions[fixed].mean(axis=0) - start
    if np.isnan(time).any():
        raise InputError("the file does not say the time of its frames", where=str(path), remedy="Give timestep_fs.")
    interval = np.diff(time)
    if frames < 2 or not np.allclose(interval, interval[0], rtol=1e-6):
        raise InputError("the time between frames is not constant", where=str(path))
    cache = load_cache(path)
    if cache is None:
        raise InputError("no binary copy can be kept beside the dump", where=str(path), remedy=other_way)
    atoms = len(names)
    per_block = max(1, _BLOCK_BYTES // (12 * frames))
    sums = MsdSums(frames)
    with cache.path.open("rb", buffering=0) as source:
        for first in range(0, len(chosen), per_block):
            part = chosen[first : first + per_block]
            low, high = int(part[0]), int(part[-1]) + 1
            block = np.empty((frames, len(part), 3), dtype=np.float32)
            row = np.empty((high - low, 3), dtype=np.float32)
            for i, kept in enumerate(stream.kept):
                source.seek(12 * (int(kept) * atoms + low))
                if source.readinto(row.data) != row.nbytes:
                    raise InputError("the binary copy of a dump is cut off", where=str(cache.path), remedy="Delete it.")
                block[i] = row[part - low] - mean[i]
            sums.add(block)
    parts = sums.result()
    lag = float(interval[0]) * np.arange(frames, dtype=np.float64)
    return MsdCurve(species, lag, np.asarray(parts.sum(axis=1)), parts, len(chosen), stream.warnings)
