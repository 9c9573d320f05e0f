"""Bonds of a periodic cell as arrays, from a neighbour list that lasts for many steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Edges:
    """Directed bonds, each of which stands in the list in both directions.

    Attributes
    ----------
    centre, neighbour
        Atoms of each bond, shape (M,).
    reverse
        Index of the same bond in the other direction, shape (M,).
    vectors_A
        From the neighbour to the centre, shape (M, 3).
    """

    centre: Integers
    neighbour: Integers
    reverse: Integers
    vectors_A: Floats


class NeighbourList:
    """Bonds up to a cut-off, taken from a list that reaches farther and is made anew only when it has to be.

    Parameters
    ----------
    cutoff_A
        Length of the longest bond.
    skin_A
        How much farther the list reaches.
    """

    def __init__(self, cutoff_A: float, skin_A: float) -> None:
        self.cutoff_A, self.skin_A = cutoff_A, skin_A
        self.builds = 0
        self.forget()

    def forget(self) -> None:
        """Have the next configuration make a new list."""
        self._numbers: Integers = np.zeros(0, dtype=np.int64)
        self._cell: Floats = np.zeros((3, 3))
        self._fractional: Floats = np.zeros((0, 3))

    def edges(self, positions_A: Floats, cell_A: Floats, numbers: Integers) -> Edges:
        """Return the bonds of a configuration.

        Parameters
        ----------
        positions_A
            Shape (N, 3); they need not be inside the cell.
        cell_A
            Rows are vectors.
        numbers
            Atomic numbers; others make a new list.
        """
        fractional = np.asarray(np.linalg.solve(cell_A.T, positions_A.T).T, dtype=np.float64)
        if not np.isfinite(fractional).all():
            raise EngineError("positions are not numbers (non-numeric coordinates)")
        if not self._holds(fractional, cell_A, numbers):
            self._build(fractional, cell_A, numbers)
        moved = fractional - self._fractional
        positions = (fractional - np.round(moved)) @ cell_A  # an atom that was folded back is the same atom
        vectors = positions[self._centre] - positions[self._neighbour] - self._image @ cell_A
        inside = np.einsum("ij,ij->i", vectors, vectors) < self.cutoff_A**2
        inside &= inside[self._reverse]  # both directions, whatever the last digit says
        number = np.cumsum(inside) - 1
        return Edges(self._centre[inside], self._neighbour[inside], number[self._reverse[inside]], vectors[inside])

    def _holds(self, fractional: Floats, cell_A: Floats, numbers: Integers) -> bool:
        """Whether no pair can have come from beyond the list to within the cut-off.

        A pair at the distance d when the list was made is now at least s d − 2 u apart: s is the smallest stretch of
        the cell since then, u the farthest that an atom has moved beyond what the cell did.
        """
        if not np.array_equal(numbers, self._numbers):
            return False
        stretch = np.linalg.svd(np.linalg.solve(self._cell, cell_A), compute_uv=False)[-1]
        moved = fractional - self._fractional
        farthest = np.linalg.norm((moved - np.round(moved)) @ cell_A, axis=1).max(initial=0.0)
        return bool(stretch * (self.cutoff_A + self.skin_A) - 2 * farthest > self.cutoff_A)

    def _build(self, fractional: Floats, cell_A: Floats, numbers: Integers) -> None:
        from ase.neighborlist import primitive_neighbor_list

        self.builds += 1
        folded = fractional - np.floor(fractional)
        centre, neighbour, image = primitive_neighbor_list(
            "ijS", (True, True, True), cell_A, folded @ cell_A, self.cutoff_A + self.skin_A, self_interaction=False
        )
        self._centre, self._neighbour = centre.astype(np.int64), neighbour.astype(np.int64)
        self._image = np.asarray(image, dtype=np.float64)
        there = np.lexsort((image[:, 2], image[:, 1], image[:, 0], neighbour, centre))
        back = np.lexsort((-image[:, 2], -image[:, 1], -image[:, 0], centre, neighbour))
        reverse = np.empty(len(there), dtype=np.int64)
        reverse[there] = back
        self._reverse = reverse
        self._numbers, self._cell, self._fractional = numbers.copy(), cell_A.copy(), folded
