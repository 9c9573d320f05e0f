"""Hops that a symmetry operation of the crystal turns around: half of the band says what the other half does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .paths import Band, minimum_image
from .primitive import symmetry_operations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

SAME_PLACE_A = 0.01
"""How far an atom may be from where the operation puts it, in Å, in end points that are not relaxed."""

SAME_PATH_A = 0.1
"""The same for the images of a path that a cheaper model gave."""


@dataclass(frozen=True)
class Reversal:
    """A symmetry operation that exchanges the ends of a band.

    Atom i of the other end stands where the operation puts atom ``order[i]`` of this one.

    Attributes
    ----------
    rotation
        Orthogonal, shape (3, 3), acts on Cartesian columns.
    order
        Shape (N,).
    shifts_A
        Added after the rotation, for each atom, shape (N, 3): the translation with the lattice vectors that keep the
        positions of the band unfolded.
    """

    rotation: Array
    order: Indices
    shifts_A: Array

    def positions(self, positions: Array) -> Array:
        """Return the configuration that belongs to one of shape (N, 3), in Å, on the other side of the band."""
        return np.asarray(positions[self.order] @ self.rotation.T + self.shifts_A)

    def forces(self, forces: Array) -> Array:
        """Return the forces there, from those here, shape (N, 3)."""
        return np.asarray(forces[self.order] @ self.rotation.T)

    def fits(self, band: Band, tolerance_A: float = SAME_PATH_A) -> bool:
        """Whether no atom of any image is farther than `tolerance_A` from where the other half wants it."""
        turned = np.stack([self.positions(image) for image in band.positions[::-1]])
        return bool(np.linalg.norm(turned - band.positions, axis=2).max() < tolerance_A)

    def complete(self, band: Band) -> Band:
        """Return the band with its second half from the first; the image in the middle becomes its own partner."""
        positions = band.positions.copy()
        for image in range(len(band) // 2):
            positions[-1 - image] = self.positions(positions[image])
        if len(band) % 2:
            middle = len(band) // 2
            positions[middle] = (positions[middle] + self.positions(positions[middle])) / 2
        return Band(band.symbols, band.cell, positions)


def reversal(ends: Band, *, tolerance_A: float = SAME_PLACE_A) -> Reversal | None:
    """Return an operation that turns a hop around, or None where there is none.

    Parameters
    ----------
    ends
        Its unrelaxed end points (inner images are not looked at). The operation leaves the configuration half way on
        the straight line as it is, and is looked for among the operations of that.
    tolerance_A
        How far an atom may be from where the operation puts it, in Å.
    """
    start, end = ends.positions[0], ends.positions[-1]
    cell = np.asarray(ends.cell)
    inverse = np.linalg.inv(cell)
    between = (start + end) / 2
    symbols = list(ends.symbols)
    for rotation, translation in symmetry_operations(cell, (between @ inverse) % 1.0, symbols, tolerance_A=tolerance_A):
        turn = cell.T @ rotation @ inverse.T
        shift = translation @ cell
        order = _order(cell, symbols, between @ turn.T + shift, between, tolerance_A)
        if order is None:
            continue
        shifts = end - (start[order] @ turn.T)
        one = Reversal(turn, order, shifts)
        lattice = (shifts - shift) @ inverse
        on_lattice = np.linalg.norm((lattice - np.rint(lattice)) @ cell, axis=1).max() < 2 * tolerance_A
        back = np.linalg.norm(one.positions(end) - start, axis=1).max() < 2 * tolerance_A
        if on_lattice and back:
            return one
    return None


def _order(cell: Array, symbols: list[str], moved: Array, places: Array, tolerance: float) -> Indices | None:
    """Return which moved atom comes to each place, or None if one stays empty."""
    order = np.empty(len(symbols), dtype=np.int64)
    kinds = np.array(symbols)
    for atom, place in enumerate(places):
        apart = np.linalg.norm(minimum_image(cell, moved - place), axis=1)
        apart[kinds != symbols[atom]] = np.inf
        order[atom] = int(apart.argmin())
        if apart[order[atom]] > 2 * tolerance:
            return None
    return order if len(set(order.tolist())) == len(order) else None
