"""What every file reader hands over, and how the pieces of one run are joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

FloatArray = NDArray[np.float64]


@dataclass
class RawTrajectory:
    """Frames of one file, before repeats are dropped and atoms are followed across faces of the cell.

    Attributes
    ----------
    source
        The file.
    species
        Element (or type) of each atom.
    unwrapped
        Whether positions are known to be unwrapped.
    counted
        Whether `steps` merely counts the frames of this file, so that a next file goes on from it.
    periodic
        Along the three box vectors.
    identity
        What tells atoms of one file from those of another: ids, or empty.
    units
        LAMMPS unit style where the file says it.
    positions, cells, origins, steps, times_ps
        One entry a frame; times are None where the file does not say them.
    warnings
        Sentences.
    """

    source: Path
    species: tuple[str, ...]
    unwrapped: bool
    counted: bool
    periodic: tuple[bool, bool, bool] = (True, True, True)
    identity: tuple[int, ...] = ()
    units: str = ""
    positions: list[FloatArray] = field(default_factory=list)
    cells: list[FloatArray] = field(default_factory=list)
    origins: list[FloatArray] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    times_ps: list[float | None] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(
        self,
        positions: FloatArray,
        cell: FloatArray,
        step: int,
        time_ps: float | None = None,
        origin: FloatArray | None = None,
    ) -> None:
        """Append a frame; one whose step was there before replaces what followed that step (a restarted run).

        Raises
        ------
        InputError
            If a number is not finite, the cell has no volume, or the steps go back to the beginning.
        """
        where = f"{self.source}: step {step}"
        if positions.shape != (len(self.species), 3):
            raise InputError(
                f"the number of atoms changes from {len(self.species)} to {len(positions)}",
                where=where,
                remedy="Give a file whose atoms stay the same.",
            )
        if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
            raise InputError("a coordinate is not a finite number", where=where)
        if not abs(np.linalg.det(cell)) > 1e-9:
            raise InputError("the cell has no volume", where=where, remedy="Give a file with the periodic cell.")
        if self.steps and step <= self.steps[-1]:
            self._rewind(step, where)
        self.positions.append(positions)
        self.cells.append(cell)
        self.origins.append(np.zeros(3) if origin is None else origin)
        self.steps.append(step)
        self.times_ps.append(time_ps)

    def _rewind(self, step: int, where: str) -> None:
        if step < self.steps[0] or (step == self.steps[0] and len(self.steps) > 1):
            raise InputError(
                f"the steps go back to {step}, the beginning",
                where=where,
                remedy="Give the pieces in order, and separate runs separately.",
            )
        keep = int(np.searchsorted(self.steps, step))
        dropped = len(self.steps) - keep
        plural = "s" if dropped > 1 else ""
        self.warnings.append(f"{dropped} frame{plural} from step {step} on came twice; the later were kept")
        del (
            self.positions[keep:],
            self.cells[keep:],
            self.origins[keep:],
            self.steps[keep:],
            self.times_ps[keep:],
        )

    def append(self, piece: RawTrajectory) -> None:
        """Join the next file of the same run.

        Raises
        ------
        InputError
            If the atoms, units or kind of positions differ.
        """
        where = f"{self.source} and {piece.source}"
        if self.identity != piece.identity or len(self.species) != len(piece.species):
            raise InputError("the files hold different atoms", where=where, remedy="Give the pieces of one run.")
        if self.species != piece.species:
            raise InputError("the files name atoms differently", where=where, remedy="Give the pieces of one run.")
        if self.unwrapped != piece.unwrapped:
            raise InputError("one file holds unwrapped positions and another wrapped ones", where=where)
        if self.units and piece.units and self.units != piece.units:
            raise InputError(f"the files mix {self.units} and {piece.units} units", where=where)
        self.warnings += [text for text in piece.warnings if text not in self.warnings]
        if not piece.steps:
            return
        offset = 0
        if piece.counted and self.steps:
            interval = piece.steps[1] - piece.steps[0] if len(piece.steps) > 1 else 1
            repeated = np.allclose(self.positions[-1], piece.positions[0], atol=1e-9)
            if repeated:
                self.warnings.append(
                    f"{piece.source.name} begins with the last frame of the file before; it was kept once"
                )
                for values in (piece.positions, piece.cells, piece.origins, piece.steps, piece.times_ps):
                    values.pop(0)  # type: ignore[attr-defined]  # five lists of different kinds
                if not piece.steps:
                    return
            offset = self.steps[-1] + interval - piece.steps[0]
            self._check_joint(piece)
        for i, positions in enumerate(piece.positions):
            time = None if offset else piece.times_ps[i]
            self.add(positions, piece.cells[i], piece.steps[i] + offset, time, piece.origins[i])
        piece.positions.clear()

    def _check_joint(self, piece: RawTrajectory) -> None:
        """Say so if the first frame of a piece lies far from the last of the one before."""
        if len(self.positions) < 2:
            return
        cell = piece.cells[0]

        def rms_step(a: FloatArray, b: FloatArray) -> float:
            fractional = (b - a) @ np.linalg.inv(cell)
            return float(np.sqrt((((fractional - np.rint(fractional)) @ cell) ** 2).sum(axis=1).mean()))

        usual = rms_step(self.positions[-2], self.positions[-1])
        joint = rms_step(self.positions[-1], piece.positions[0])
        if joint > 3 * usual + 1e-3:
            self.warnings.append(
                f"atoms move {joint:.2f} Å into {piece.source.name}, {usual:.2f} Å between other frames: "
                "the pieces may not follow each other"
            )


def without_rounding(times_ps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return evenly spaced times without the rounding to single precision that XTC, TRR and NetCDF do.

    Rounded, the intervals of a long run differ by far more than those of an even one may. Times that are not all
    numbers of single precision, or that are uneven beyond its rounding, come back as they are.

    Parameters
    ----------
    times_ps
        Shape ``(F,)``.
    """
    if len(times_ps) < 3 or not np.array_equal(times_ps, times_ps.astype(np.float32)):
        return times_ps
    rounding = float(np.spacing(np.float32(np.abs(times_ps).max())))
    for first in (0, 1):  # the first interval may be an odd one
        even = np.linspace(times_ps[first], times_ps[-1], len(times_ps) - first)
        if even[1] - even[0] > 10 * rounding and np.abs(even - times_ps[first:]).max() <= 2 * rounding:
            return np.concatenate([times_ps[:first], even])
    return times_ps
