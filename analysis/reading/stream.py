"""Frames of long LAMMPS dumps one after another, in memory that does not grow with their number."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...units import FS_TO_PS
from .dump_cache import CacheWriter, load_cache
from .dump_index import dump_index, frames_to_keep
from .lammps_dump import LammpsDump
from .species import species_of_dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """One frame of a stream.

    Attributes
    ----------
    positions
        Shape ``(N, 3)`` in Å, as in the file (unwrapped where it can tell).
    cell, origin
        Shapes ``(3, 3)`` and ``(3,)`` in Å.
    step
        Timestep.
    time_ps
        Time, or NaN where it is unknown.
    """

    positions: FloatArray
    cell: FloatArray
    origin: FloatArray
    step: int
    time_ps: float


class DumpStream:
    """A LAMMPS text dump to be gone through once or more, frame by frame.

    The first pass parses the text and, for files worth it, leaves a binary copy beside the file; later
    passes read that. Frames that a restarted run repeats are left out.

    Parameters
    ----------
    path
        Dump, plain or gzip.
    timestep_fs
        MD timestep in fs, where the file does not say its time.
    data, species
        As in `read_trajectory`.
    cache
        Whether to write and use the binary copy.

    Attributes
    ----------
    species
        Element of each atom.
    steps
        Timesteps of the frames that are used.
    kept
        Their numbers among the whole frames of the file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        timestep_fs: float | None = None,
        data: str | Path | None = None,
        species: Mapping[Any, str] | Sequence[str] | None = None,
        cache: bool = True,
    ) -> None:
        self.dump = LammpsDump(path)
        self.timestep_fs = timestep_fs
        self._use_cache = cache
        self._notes: list[str] = []
        elements = self.dump.labels if self.dump.labels != self.dump.types else ()
        identity = (self.dump.ids.tolist(), elements, self.dump.types)
        self.species = species_of_dump(*identity, data, species, str(path), self._notes)
        self._cache = load_cache(path) if cache else None
        index = dump_index(self.dump) if self._cache is None else None
        steps = index.steps if index is not None else self._cache.steps  # type: ignore[union-attr]  # one of both
        self.kept, notes = frames_to_keep(steps, str(path))
        self._offsets = set() if index is None else set(index.offsets[self.kept].tolist())
        self.steps = steps[self.kept]
        self._notes += notes

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what was left out or assumed, so far."""
        said = self._cache.warnings if self._cache is not None else self.dump.warnings
        return tuple(dict.fromkeys([*self._notes, *said]))

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, progress: Callable[[int, int], None] | None = None) -> Iterator[Frame]:
        """Yield the frames in order.

        Parameters
        ----------
        progress
            Called with the number of frames done and their total.
        """
        total = len(self.steps)
        for done, frame in enumerate(self._cached() if self._cache is not None else self._parsed(), 1):
            yield frame
            if progress is not None:
                progress(done, total)

    def _cached(self) -> Iterator[Frame]:
        cache = self._cache
        assert cache is not None
        count = cache.reference.size
        moved = np.empty(cache.reference.shape, dtype=np.float32)
        with cache.path.open("rb") as stream:
            for i in self.kept:
                stream.seek(4 * count * int(i))
                if stream.readinto(moved.data) != 4 * count:
                    raise InputError("the binary copy of a dump is cut off", where=str(cache.path), remedy="Delete it.")
                time = self._time(float(cache.times_ps[i]), int(cache.steps[i]))
                yield Frame(cache.reference + moved, cache.cells[i], cache.origins[i], int(cache.steps[i]), time)

    def _parsed(self) -> Iterator[Frame]:
        writer = CacheWriter(self.dump) if self._use_cache and CacheWriter.wanted(self.dump) else None
        seen, offsets, given = array("q"), array("q"), array("q")
        try:
            for frame in self.dump.frames():
                if writer is not None:
                    writer.add(frame)
                seen.append(frame.header.step)
                offsets.append(frame.offset)
                if frame.offset in self._offsets:
                    given.append(frame.offset)
                    cell, origin = self.dump.box_in_angstrom(frame.header)
                    said = self.dump.time_ps(frame.header)
                    time = self._time(np.nan if said is None else said, frame.header.step)
                    yield Frame(frame.positions, cell, origin, frame.header.step, time)
        except BaseException:
            if writer is not None:
                writer.discard()
            raise
        steps = np.array(seen, dtype=np.int64)
        self.kept, _ = frames_to_keep(steps, str(self.dump.path))
        if not np.array_equal(np.array(offsets, dtype=np.int64)[self.kept], np.array(given, dtype=np.int64)):
            # among long frames one that lacks its last rows is found out only when it is parsed
            raise InputError(
                "a frame that a restart repeats is cut off",
                where=str(self.dump.path),
                remedy="Read it whole with read_trajectory, or cut the file at the restart.",
            )
        self.steps = steps[self.kept]
        if writer is not None:
            writer.finish()
            self._cache = load_cache(self.dump.path)

    def _time(self, said: float, step: int) -> float:
        if np.isfinite(said):
            return said
        return np.nan if self.timestep_fs is None else step * self.timestep_fs * FS_TO_PS


class Observer(Protocol):
    """What can be fed from one pass, such as `anodeflow.analysis.structure.bulk.RadialCounter`."""

    def add(self, positions: FloatArray, cell: FloatArray) -> None:
        """Take in the positions, shape ``(N, 3)``, and the cell, shape ``(3, 3)``, of one frame in Å."""


def observe(
    stream: DumpStream, observers: Sequence[Observer], progress: Callable[[int, int], None] | None = None
) -> int:
    """Feed all observers from one pass over a dump and return the number of frames.

    Parameters
    ----------
    stream
        Dump.
    observers
        Each is given every frame.
    progress
        Called with the number of frames done and their total.
    """
    count = 0
    for frame in stream.frames(progress):
        for observer in observers:
            observer.add(frame.positions, frame.cell)
        count += 1
    return count
