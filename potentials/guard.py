"""The range that a fitted model has seen, in quantities that LAMMPS can watch while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from .model import Strict

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap


class Guard(Strict):
    """Shortest distances and energies of single atoms that a model was fitted to, with the margin already in.

    The energy of one atom is a sum over all its descriptors, so an atom in surroundings of another kind shows in it;
    two atoms that fall into each other show in their distance first.

    Attributes
    ----------
    every
        Steps between looks.
    shortest_A
        Distance by pair of elements, such as ``Li-S``, below which a run is stopped; pairs that are not named are not
        watched.
    energy_eV
        Lowest and highest energy of one atom, by element.
    """

    every: int = Field(default=100, ge=1)
    shortest_A: dict[str, float] = Field(default_factory=dict)
    energy_eV: dict[str, tuple[float, float]] = Field(default_factory=dict)

    @field_validator("energy_eV")
    @classmethod
    def _ordered(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        if any(low >= high for low, high in value.values()):
            raise ValueError("the lowest energy has to lie below the highest")
        return value

    def pairs(self, types: ElementMap) -> list[tuple[int, int, float]]:
        """Return LAMMPS types and shortest distance in Å of the pairs that occur."""
        found = []
        for pair, distance in self.shortest_A.items():
            first, second = pair.split("-")
            if first in types.elements and second in types.elements:
                found.append((types.type_of(first), types.type_of(second), distance))
        return found

    def energies(self, types: ElementMap) -> list[tuple[int, float, float]]:
        """Return LAMMPS type, lowest and highest energy in eV of the elements that occur."""
        return [
            (types.type_of(symbol), low, high)
            for symbol, (low, high) in self.energy_eV.items()
            if symbol in types.elements
        ]
