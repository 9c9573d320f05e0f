"""The walk of a species straight from a long dump: one pass, and no more memory than the walk itself in float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..reading.displacements import AMBIGUOUS
from ..reading.stream import DumpStream, Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class StreamedWalk:
    """Displacements of the atoms of a species since the first frame.

    Attributes
    ----------
    displacements
        Shape ``(F, n, 3)`` in Å, float32, drift taken out.
    time_ps
        Shape ``(F,)``; NaN where neither the file nor `timestep_fs` said it.
    volume_A3
        Cell volume of each frame, shape ``(F,)``.
    species
        Element or elements.
    warnings
        Sentences.
    source
        File.
    """

    displacements: NDArray[np.float32]
    time_ps: FloatArray
    volume_A3: FloatArray
    species: tuple[str, ...]
    warnings: tuple[str, ...]
    source: str


class _Follower:
    """Adds up displacements step by step in the current cell; see `anodeflow.analysis.reading.displacements.walk`.

    Only the atoms that are asked for are followed, and the mean of those that stand still.
    """

    def __init__(
        self,
        unwrapped: bool,
        periodic: tuple[bool, bool, bool],
        where: str,
        chosen: NDArray[np.intp],
        fixed: NDArray[np.intp] | slice | None,
    ) -> None:
        self._unwrapped = unwrapped
        self._along = np.asarray(periodic, dtype=float)
        self._where = where
        self._chosen, self._fixed = chosen, fixed
        self._last: Frame | None = None
        self._total: FloatArray = np.zeros((len(chosen), 3))
        self._drift: FloatArray = np.zeros(3)
        self._here: FloatArray
        self._middle: FloatArray

    def add(self, frame: Frame) -> FloatArray:
        """Return the displacements since the first frame less the drift, shape ``(n, 3)``."""
        here = np.take(frame.positions, self._chosen, axis=0)
        middle = np.zeros(3) if self._fixed is None else frame.positions[self._fixed].mean(axis=0)
        before, self._last = self._last, frame
        if before is not None:
            same = np.array_equal(before.cell, frame.cell) and np.array_equal(before.origin, frame.origin)
            if self._unwrapped and same:
                # the mean of the steps is the step of the mean
                self._total += here
                self._total -= self._here
                self._drift += middle - self._middle
            else:
                step = self._step(before, frame)
                self._total += step[self._chosen]
                self._drift += 0.0 if self._fixed is None else step[self._fixed].mean(axis=0)
        self._here, self._middle = here, middle
        return self._total if self._fixed is None else self._total - self._drift

    def _step(self, before: Frame, frame: Frame) -> FloatArray:
        old = (before.positions - before.origin) @ np.linalg.inv(before.cell)
        new = (frame.positions - frame.origin) @ np.linalg.inv(frame.cell)
        if self._unwrapped:
            turns_old, turns_new = np.floor(old), np.floor(new)
            inside_old = before.positions - turns_old @ before.cell
            inside_new = frame.positions - turns_new @ frame.cell
            return np.asarray(inside_new - inside_old + (turns_new - turns_old) @ frame.cell)
        difference = new - old
        turns = -np.rint(difference) * self._along
        worst = float(np.abs((difference + turns) * self._along).max())
        if worst > AMBIGUOUS:
            raise InputError(
                f"an atom moves {worst:.2f} of the cell between frames, so its way cannot be told",
                where=f"{self._where}: step {frame.step}",
                remedy="Write unwrapped positions (xu yu zu) or more frames.",
            )
        return np.asarray(frame.positions - before.positions + turns @ frame.cell)


def stream_walk(
    path: str | Path,
    species: str | Iterable[str],
    *,
    timestep_fs: float | None = None,
    data: str | Path | None = None,
    types: Mapping[Any, str] | Sequence[str] | None = None,
    drift: str | Iterable[str] | None = "all",
    progress: Callable[[int, int], None] | None = None,
) -> StreamedWalk:
    """Return the walk of a species from a LAMMPS text dump of any length.

    The same numbers as `anodeflow.analysis.reading.displacements.walk` of `read_trajectory`, to float32.

    Parameters
    ----------
    path
        Dump, plain or gzip.
    species
        Element or elements to follow.
    timestep_fs, data, types
        As `timestep_fs`, `data` and `species` of `anodeflow.analysis.reading.trajectory.read_trajectory`.
    drift
        What stands still: ``"all"``, elements, or None.
    progress
        Called with the number of frames done and their total.

    Raises
    ------
    InputError
        If an element is missing, or atoms move too far between frames of wrapped positions.
    """
    stream = DumpStream(path, timestep_fs=timestep_fs, data=data, species=types)
    names = np.asarray(stream.species)
    wanted = [species] if isinstance(species, str) else list(species)
    chosen = np.flatnonzero(np.isin(names, wanted))
    if missing := sorted(set(wanted) - set(stream.species)):
        raise InputError(f"there is no {missing[0]} among {', '.join(sorted(set(stream.species)))}", where=str(path))
    fixed: NDArray[np.intp] | slice | None = None
    if drift == "all":
        fixed = slice(None)
    elif drift is not None:
        framework = [drift] if isinstance(drift, str) else list(drift)
        fixed = np.flatnonzero(np.isin(names, framework))
        if not len(fixed):
            raise InputError(f"there is no {' or '.join(framework)} to hold still", where=str(path))
    follower = _Follower(stream.dump.unwrapped, stream.dump.first.periodic, str(path), chosen, fixed)
    frames = len(stream)
    moved = np.empty((frames, len(chosen), 3), dtype=np.float32)
    time, volume = np.empty(frames), np.empty(frames)
    done = 0
    for frame in stream.frames(progress):
        moved[done] = follower.add(frame)
        time[done], volume[done] = frame.time_ps, abs(np.linalg.det(frame.cell))
        done += 1
    return StreamedWalk(moved[:done], time[:done], volume[:done], tuple(wanted), stream.warnings, str(path))
