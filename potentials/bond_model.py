"""Networks whose energy depends on the vectors of the bonds alone, evaluated for molecular dynamics.

One pass back through the network gives dE/dr of every directed bond, and with it all that is needed:
F_i = −Σ dE/dr over the bonds that start at i, + Σ over those that end there, and the virial is Σ r ⊗ dE/dr. The
neighbour list has a skin, so that it lasts for many steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from ..errors import EngineError, InputError
from .bonds import NeighbourList

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from .bonds import Edges

SKIN_A = 1.0
_FIRST, _SECOND = (0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)
"""Components of a symmetric tensor in ASE's order."""


class BondCalculator(Calculator, ABC):
    """Energy, forces and stress for ASE of a network that takes bonds.

    Parameters
    ----------
    cutoff_A
        Length of the longest bond.
    skin_A
        How much farther than the cut-off neighbours are looked for, so that the list lasts for many steps.
    """

    implemented_properties: list[str] = ["energy", "free_energy", "forces", "stress", "stresses"]  # noqa: RUF012 - declared so by ASE

    def __init__(self, cutoff_A: float, skin_A: float = SKIN_A) -> None:
        super().__init__()
        self._neighbours = NeighbourList(cutoff_A, skin_A)

    @abstractmethod
    def energy_and_gradient(self, numbers: NDArray[np.int64], edges: Edges) -> tuple[float, NDArray[np.float64]]:
        """Return the energy in eV and its derivative with respect to each directed bond, shape (M, 3), in eV/Å."""

    def forget(self) -> None:
        """Make a new neighbour list at the next evaluation, as a new process would."""
        self._neighbours.forget()
        self.reset()

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate `atoms`; called by ASE."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        now = cast("Atoms", self.atoms)
        if not all(now.pbc) or now.cell.rank < 3:
            name = type(self).__name__.removesuffix("Calculator")
            raise InputError(f"{name} needs a cell that is periodic in three directions", where="atoms.pbc")
        numbers = np.asarray(now.numbers, dtype=np.int64)
        edges = self._neighbours.edges(np.asarray(now.positions), np.asarray(now.cell), numbers)
        if not np.isfinite(edges.vectors_A).all():
            raise EngineError("positions are not numbers (non-numeric coordinates)")
        energy, gradient = self.energy_and_gradient(numbers, edges)
        count, volume = len(numbers), now.cell.volume
        forces = _sums(edges.neighbour, gradient, count) - _sums(edges.centre, gradient, count)
        # the share of a bond in the virial belongs half to either end, as that of a pair potential does
        bonds = edges.vectors_A
        tensors = (bonds[:, _FIRST] * gradient[:, _SECOND] + bonds[:, _SECOND] * gradient[:, _FIRST]) / 2
        stresses = (_sums(edges.centre, tensors, count) + _sums(edges.neighbour, tensors, count)) / (2 * volume)
        results: dict[str, Any] = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": stresses.sum(axis=0),
            "stresses": stresses,
        }
        self.results = results


def _sums(owner: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the sums of the rows of `values` that belong to each of `count` owners."""
    return np.stack([np.bincount(owner, column, count) for column in values.T], axis=1)
