"""The section ``screen`` of a campaign file: cells, what is put into them, and what is wanted of each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ..own_files import SideName, StructureName
from ..settings import Finite, Positive, PositiveInt, Settings, Timestep, plain_name

Miller = tuple[int, int, int]
Repeat = tuple[PositiveInt, PositiveInt]
KINDS = ("grain_boundary", "interface", "surface", "crystal")


class GrainBoundarySettings(Settings):
    """A grain boundary, as ``anodeflow build grain-boundary`` makes it.

    Attributes
    ----------
    crystal
        Name in the phase library.
    plane, axis, sigma
        Boundary plane, axis of the turn, and Σ.
    thickness_A
        Smallest thickness of each grain.
    repeat
        Repeats of the cell in the plane, so that a dopant keeps away from its own images.
    """

    crystal: StructureName
    plane: Miller
    axis: Miller | None = None
    sigma: Annotated[int, Field(ge=3)] = 5
    thickness_A: Positive = 10.0
    repeat: Repeat = (2, 1)


class InterfaceCellSettings(Settings):
    """Two solids that touch, as ``anodeflow build interface`` makes them.

    Attributes
    ----------
    lower, upper
        Sides: ``Si(100)``, ``a-Li15Si4``, ``LiPON``, ``a-SiCO``.
    thickness_A
        Smallest thickness of each side that names none.
    max_strain, max_area_A2, max_atoms
        Limits of the common cell.
    """

    lower: SideName
    upper: SideName
    thickness_A: Positive = 10.0
    max_strain: Positive = 0.05
    max_area_A2: Positive = 200.0
    max_atoms: PositiveInt = 400


class SurfaceSettings(Settings):
    """A slab, as ``anodeflow build surface`` makes it.

    Attributes
    ----------
    crystal
        Name in the phase library, or a structure file.
    plane
        Miller index.
    termination
        Counted from 1.
    thickness_A, vacuum_A
        Of the slab and above it.
    """

    crystal: StructureName
    plane: Miller
    termination: PositiveInt = 1
    thickness_A: Positive = 10.0
    vacuum_A: Positive = 15.0


class AnnealSettings(Settings):
    """Molecular dynamics at constant pressure before anything is put in: what a packed glass needs.

    Attributes
    ----------
    temperature_K, length_ps, timestep_fs
        Of the run.
    """

    temperature_K: Positive = 600.0
    length_ps: Positive = 2.0
    timestep_fs: Timestep = 1.0


class CellSettings(Settings):
    """One cell: exactly one of `grain_boundary`, `interface`, `surface` and `crystal`.

    Attributes
    ----------
    grain_boundary, interface, surface
        How it is built.
    crystal
        Name in the phase library or a structure file; a sheet with vacuum, such as graphene, is one too.
    repeat
        Repeats in the plane of the other kinds.
    anneal
        Molecular dynamics before the relaxation.
    """

    grain_boundary: GrainBoundarySettings | None = None
    interface: InterfaceCellSettings | None = None
    surface: SurfaceSettings | None = None
    crystal: StructureName | None = None
    repeat: Repeat = (1, 1)
    anneal: AnnealSettings | None = None

    @model_validator(mode="after")
    def _one(self) -> CellSettings:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(f"give exactly one of {', '.join(map(repr, KINDS))}")
        return self

    @property
    def kind(self) -> str:
        """Which of the four it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class ScreenSettings(Settings):
    """What is compared: cells, each without and with every dopant.

    Attributes
    ----------
    cells
        By name.
    element
        What the dopants replace.
    dopants
        Symbols; none compares the cells as they are.
    boundary_sites, interior_sites
        How many sites nearest to the contact or the upper face, and farthest from any, each dopant is put on, one at a
        time; no two of them are equal by symmetry. In a crystal the first is how many there are in all.
    adsorbate
        Element that is put on the upper face of every cell with vacuum, such as Li.
    adsorption_sites
        How many hollows nearest to the site of the dopant it is put into, besides on top of it.
    references
        Phase (name or file) that an atom of an element comes from; by default a phase of the library, or the crystal
        that ASE knows.
    rank_by
        Quantity of the ranking; by default the first of those there are.
    vacuum_A
        Gap that parts the two sides for the work of separation.
    pressure_GPa
        Pressure at which the undoped cell is relaxed.
    """

    cells: Annotated[dict[str, CellSettings], Field(min_length=1)]
    element: str | None = None
    dopants: tuple[str, ...] = ()
    boundary_sites: PositiveInt = 3
    interior_sites: Annotated[int, Field(ge=2)] = 2
    adsorbate: str | None = None
    adsorption_sites: PositiveInt = 2
    references: dict[str, StructureName] = Field(default_factory=dict)
    rank_by: (
        Literal["segregation_energy", "substitution_energy", "adsorption_energy", "work_of_separation", "strengthening"]
        | None
    ) = None
    vacuum_A: Positive = 10.0
    pressure_GPa: Finite = 0.0

    @field_validator("cells")
    @classmethod
    def _plain(cls, value: dict[str, CellSettings]) -> dict[str, CellSettings]:
        for name in value:
            plain_name(name)
        return value

    @model_validator(mode="after")
    def _fits(self) -> ScreenSettings:
        if len(set(self.dopants)) != len(self.dopants):
            raise ValueError("a dopant stands twice")
        if self.dopants and self.element is None:
            raise ValueError("'dopants' needs 'element', what they replace")
        if self.element in self.dopants:
            raise ValueError(f"{self.element} cannot dope itself")
        return self
