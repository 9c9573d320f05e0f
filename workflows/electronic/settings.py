"""The section ``electronic`` of a campaign file: cells, a DFT level, and what is wanted of their electrons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ..own_files import StructureName
from ..settings import Finite, Positive, PositiveInt, Settings, plain_name

Index = Annotated[int, Field(ge=0)]


class SubstitutionSettings(Settings):
    """Atoms of one element replaced by another, as ``anodeflow build dopant`` does it.

    Attributes
    ----------
    element, dopant
        What is replaced, and by what.
    count
        Number of atoms, drawn at random with the campaign's seed.
    compensate
        Mobile element that is removed or put into voids until the formal charge is what it was.
    """

    element: str
    dopant: str
    count: PositiveInt = 1
    compensate: str | None = None


class CellSettings(Settings):
    """One cell.

    Attributes
    ----------
    phase
        Name in the phase library, or a structure file, such as a builder wrote it (relative to the campaign file).
    supercell
        Repeats along the three vectors.
    substitute
        Atoms to replace in it.
    relax
        ``positions`` relaxes the atoms with the campaign's potential first, ``none`` takes the cell as it is.
    held_against
        System of the table of literature whose ``band_gap`` is put beside.
    """

    phase: StructureName
    supercell: tuple[PositiveInt, PositiveInt, PositiveInt] = (1, 1, 1)
    substitute: SubstitutionSettings | None = None
    relax: Literal["none", "positions"] = "none"
    held_against: str | None = None


class PartSettings(Settings):
    """Which atoms of a cell are taken apart from the rest for a charge-density difference: exactly one of the three.

    Attributes
    ----------
    elements
        All atoms of these elements.
    atoms
        Atoms by number, from 0.
    above_A
        Atoms higher than this along the normal of the first two cell vectors, in Å from the origin.
    """

    elements: tuple[str, ...] = ()
    atoms: tuple[Index, ...] = ()
    above_A: Finite | None = None

    @model_validator(mode="after")
    def _one(self) -> PartSettings:
        if bool(self.elements) + bool(self.atoms) + (self.above_A is not None) != 1:
            raise ValueError("give exactly one of 'elements', 'atoms' and 'above_A'")
        return self


class ElectronicSettings(Settings):
    """Electronic structure of some cells.

    Attributes
    ----------
    level
        DFT level: ``gpaw-fast``, ``gpaw-moderate``, ``gpaw-precise``.
    structures
        Cells by name.
    compute
        ``density_of_states`` gives the gap too; ``charges`` are Bader's.
    difference
        By the name of a structure: the part that is taken apart from the rest.
    band_k_spacing_per_A
        Largest distance of k-points for bands, by default that of the level.
    window_eV, width_eV
        Range of the density of states around its zero, and standard deviation of the Gaussians.
    """

    level: str = "gpaw-moderate"
    structures: Annotated[dict[str, CellSettings], Field(min_length=1)]
    compute: tuple[Literal["density_of_states", "charges"], ...] = ("density_of_states", "charges")
    difference: dict[str, PartSettings] = Field(default_factory=dict)
    band_k_spacing_per_A: Positive | None = None
    window_eV: tuple[Finite, Finite] = (-10.0, 10.0)
    width_eV: Positive = 0.1

    @field_validator("structures")
    @classmethod
    def _plain(cls, value: dict[str, CellSettings]) -> dict[str, CellSettings]:
        for name in value:
            plain_name(name)
        return value

    @model_validator(mode="after")
    def _fits(self) -> ElectronicSettings:
        for name in self.difference:
            if name not in self.structures:
                raise ValueError(f"'difference' names '{name}', which is not among 'structures'")
        if not self.compute and not self.difference:
            raise ValueError("nothing is asked for: give 'compute' or 'difference'")
        if self.window_eV[1] <= self.window_eV[0]:
            raise ValueError("window_eV has to rise")
        return self
