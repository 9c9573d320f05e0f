"""Displacements of atoms in periodic cells that may be tilted and may change with time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .trajectory import Trajectory

FloatArray = NDArray[np.float64]

DOUBTFUL, AMBIGUOUS = 0.3, 0.45
"""Fractions of the cell between frames: above the first a warning, above the second a refusal."""


def _fractional(vectors: FloatArray, cell: FloatArray) -> FloatArray:
    return np.asarray(vectors @ np.linalg.inv(cell))


def unwrap_small_steps(
    positions: FloatArray,
    cells: FloatArray,
    origins: FloatArray | None = None,
    *,
    periodic: tuple[bool, bool, bool] = (True, True, True),
    where: str = "",
    warnings: list[str] | None = None,
) -> FloatArray:
    """Follow atoms across the faces of the cell, taking each step as the shortest between its images.

    The result differs from the input by whole box vectors of each frame, so that minimum-image distances in
    every frame stay right; see `walk` for displacements under a changing cell.

    Parameters
    ----------
    positions
        Shape ``(F, N, 3)`` in Å, wrapped.
    cells
        Shape ``(F, 3, 3)`` in Å.
    origins
        Shape ``(F, 3)`` in Å, box corners.
    periodic
        Directions to unwrap along.
    where
        File named in errors.
    warnings
        Receives a sentence if steps are doubtfully large.

    Raises
    ------
    InputError
        If an atom moves more than 0.45 of the cell between frames: then its way cannot be told.
    """
    unwrapped = np.array(positions, dtype=float)
    along = np.flatnonzero(periodic)
    shift = np.zeros(positions.shape[1:])
    largest = 0.0
    previous: FloatArray | None = None
    for i, (frame, cell) in enumerate(zip(positions, cells, strict=True)):
        fractional = _fractional(frame if origins is None else frame - origins[i], cell)
        if previous is not None:
            step = fractional - previous
            turns = np.zeros_like(step)
            turns[:, along] = np.rint(step[:, along])
            if along.size:
                worst = float(np.abs((step - turns)[:, along]).max())
                if worst > AMBIGUOUS:
                    atom = int(np.abs((step - turns)[:, along]).max(axis=1).argmax())
                    raise InputError(
                        f"atom {atom + 1} moves {worst:.2f} of the cell between frames {i - 1} and {i}, "
                        "so its way through the periodic images cannot be told",
                        where=where,
                        remedy="Write unwrapped positions (xu yu zu) or more frames, or read with "
                        "unwrap=False for structure only.",
                    )
                largest = max(largest, worst)
            shift -= turns
        previous = fractional
        if shift.any():
            unwrapped[i] += shift @ cell
    if largest > DOUBTFUL and warnings is not None:
        warnings.append(f"positions are wrapped and atoms move up to {largest:.2f} of the cell between frames")
    return unwrapped


def walk(
    trajectory: Trajectory,
    species: str | Iterable[str] | None = None,
    *,
    drift: str | Iterable[str] | None = "all",
) -> FloatArray:
    """Return the displacement of each atom since the first frame, right also when the cell changes.

    Each step is the difference of the positions inside the cell plus the box vectors *of the current cell*
    that were crossed, and steps are added up (toroidal-view-preserving scheme: S. von Bülow, J. T.
    Bullerjahn, G. Hummer, J. Chem. Phys. 153 (2020) 021101; for tilted cells M. Kulke, J. V. Vermaas, J.
    Chem. Theory Comput. 18 (2022) 6161). Unwrapping with image flags instead multiplies them by a
    fluctuating cell, which adds a spurious walk that grows with the distance travelled. In a constant cell
    both are the same.

    Parameters
    ----------
    trajectory
        Unwrapped positions.
    species
        Atoms to return; None for all.
    drift
        What stands still: ``"all"`` (the mean of all atoms), an element or several (a framework), or None
        to leave the drift in.

    Returns
    -------
    array
        Shape ``(F, n, 3)`` in Å, zero at the first frame.
    """
    chosen = slice(None) if species is None else trajectory.indices(species)
    if drift is None:
        fixed = None
    elif drift == "all":
        fixed = np.arange(trajectory.n_atoms)
    else:
        fixed = trajectory.indices(drift)
    if trajectory.constant_cell:
        moved = trajectory.positions - trajectory.positions[:1]
    else:
        moved = toroidal_walk(trajectory.positions, trajectory.cells, trajectory.origins)
    selected = moved[:, chosen]
    if fixed is not None:
        selected = selected - moved[:, fixed].mean(axis=1, keepdims=True)
    return np.ascontiguousarray(selected)


def toroidal_walk(positions: FloatArray, cells: FloatArray, origins: FloatArray | None = None) -> FloatArray:
    """Return displacements since the first frame by the toroidal-view-preserving scheme; see `walk`.

    Parameters
    ----------
    positions
        Shape ``(F, N, 3)`` in Å, unwrapped by whole box vectors of each frame (image flags, ``xu``).
    cells
        Shape ``(F, 3, 3)`` in Å.
    origins
        Shape ``(F, 3)`` in Å, box corners.
    """
    result = np.zeros(np.shape(positions))
    inside: FloatArray | None = None
    images: FloatArray | None = None
    for i, (frame, cell) in enumerate(zip(positions, cells, strict=True)):
        relative = frame if origins is None else frame - origins[i]
        turns = np.floor(_fractional(relative, cell))
        wrapped = frame - turns @ cell
        if inside is not None and images is not None:
            result[i] = result[i - 1] + (wrapped - inside) + (turns - images) @ cell
        inside, images = wrapped, turns
    return result
