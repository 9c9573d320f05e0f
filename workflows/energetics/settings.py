"""The section ``energetics``: atoms on surfaces, in crystals and in boundaries, and grains that slide."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ..own_files import CardName, StructureName
from ..screen.settings import GrainBoundarySettings, SurfaceSettings
from ..settings import Finite, Positive, PositiveInt, Settings, plain_name

Repeats = tuple[PositiveInt, PositiveInt, PositiveInt]


class AdsorptionSettings(Settings):
    """One atom on a face: exactly one of `cell` and `surface`.

    Attributes
    ----------
    cell
        Slab or layer with vacuum along the third cell vector: a phase, or a structure file of any builder.
    surface
        A slab to build.
    repeat
        Repeats of its cell in the face.
    species
        Element of the adsorbate.
    sites
        By name: where in the face of the cell before it is repeated, in fractions of its first two vectors.
    """

    cell: StructureName | None = None
    surface: SurfaceSettings | None = None
    repeat: tuple[PositiveInt, PositiveInt] = (1, 1)
    species: str
    sites: Annotated[dict[str, tuple[Finite, Finite]], Field(min_length=1)]

    @model_validator(mode="after")
    def _one(self) -> AdsorptionSettings:
        if (self.cell is None) == (self.surface is None):
            raise ValueError("give exactly one of 'cell' and 'surface'")
        return self


class SolutionSettings(Settings):
    """One atom in the place of another: exactly one of `crystal`, `cell` and `grain_boundary`.

    Attributes
    ----------
    crystal
        Perfect crystal, relaxed with its cell: a phase, or a structure file.
    cell
        Any builder's cell, whose positions are relaxed: a structure file.
    grain_boundary
        A boundary to build.
    supercell
        Repeats of the crystal or cell.
    element, solute
        What is replaced, and by what.
    sites
        How many sites are tried: distinct ones of a crystal or cell, those nearest to the contact of a boundary.
    against
        Name of another solution whose energy is the bulk's: the difference is the segregation energy.
    """

    crystal: StructureName | None = None
    cell: StructureName | None = None
    grain_boundary: GrainBoundarySettings | None = None
    supercell: Repeats = (1, 1, 1)
    element: str
    solute: str
    sites: PositiveInt = 1
    against: str | None = None

    @model_validator(mode="after")
    def _one(self) -> SolutionSettings:
        if sum(source is not None for source in (self.crystal, self.cell, self.grain_boundary)) != 1:
            raise ValueError("give exactly one of 'crystal', 'cell' and 'grain_boundary'")
        if self.element == self.solute:
            raise ValueError(f"an element cannot be dissolved in itself: {self.element}")
        return self


class SlidingSettings(Settings):
    """Rigid shifts of one grain against the other.

    Attributes
    ----------
    grain_boundary
        The boundary.
    steps
        Points of the grid along both vectors of the cell of distinct shifts.
    solute, solutes
        Element, and how many atoms of the lower grain nearest to the contact that slides it replaces; none by default.
    relax
        ``normal`` lets all atoms move along the normal of the boundary at each shift, ``none`` nothing.
    vacuum_A
        Vacuum that opens the other contact of the cell, so that one boundary slides.
    """

    grain_boundary: GrainBoundarySettings
    steps: tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=1)]] = (8, 4)
    solute: str | None = None
    solutes: PositiveInt = 1
    relax: Literal["normal", "none"] = "normal"
    vacuum_A: Positive = 10.0


class EnergeticsSettings(Settings):
    """Energies beside barriers, all at one level.

    Attributes
    ----------
    level
        A potential card, the path of a card file, or a DFT level; the campaign's potential by default.
    references
        Phase of each element whose energy per atom is its chemical potential; the phase of its own name by default.
    adsorption, solution, sliding
        What is computed, by name.
    """

    level: CardName | None = None
    references: dict[str, StructureName] = Field(default_factory=dict)
    adsorption: dict[str, AdsorptionSettings] = Field(default_factory=dict)
    solution: dict[str, SolutionSettings] = Field(default_factory=dict)
    sliding: dict[str, SlidingSettings] = Field(default_factory=dict)

    @field_validator("adsorption", "solution", "sliding")
    @classmethod
    def _plain(cls, value: dict[str, Settings]) -> dict[str, Settings]:
        for name in value:
            plain_name(name)
        return value

    @model_validator(mode="after")
    def _fits(self) -> EnergeticsSettings:
        if not (self.adsorption or self.solution or self.sliding):
            raise ValueError("nothing is asked for: give 'adsorption', 'solution' or 'sliding'")
        for name, one in self.solution.items():
            if one.against is not None and (one.against == name or one.against not in self.solution):
                raise ValueError(f"'{name}' is held against '{one.against}', which is no other solution")
            if one.against is not None and self.solution[one.against].solute != one.solute:
                raise ValueError(f"'{name}' and '{one.against}' have different solutes")
        names = [*self.adsorption, *self.solution, *self.sliding]
        if len(set(names)) != len(names):
            raise ValueError("a name stands twice")
        return self
