"""The section ``screen`` of a campaign file: several dopants in the same places, ranked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from ..settings import Finite, Positive, PositiveInt, Settings

Miller = tuple[int, int, int]


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

    crystal: str
    plane: Miller
    axis: Miller | None = None
    sigma: Annotated[int, Field(ge=3)] = 5
    thickness_A: Positive = 10.0
    repeat: tuple[PositiveInt, PositiveInt] = (2, 1)


class ScreenSettings(Settings):
    """Dopants at a grain boundary.

    Attributes
    ----------
    grain_boundary
        Where they are put.
    element
        What they replace.
    dopants
        Symbols.
    boundary_sites, interior_sites
        How many sites nearest to the boundary, and farthest from any, each dopant is put on, one at a time.
    vacuum_A
        Gap that parts the grains for the work of separation.
    pressure_GPa
        Pressure at which the undoped cell is relaxed.
    """

    grain_boundary: GrainBoundarySettings
    element: str
    dopants: Annotated[tuple[str, ...], Field(min_length=1)]
    boundary_sites: PositiveInt = 3
    interior_sites: Annotated[int, Field(ge=2)] = 2
    vacuum_A: Positive = 10.0
    pressure_GPa: Finite = 0.0

    @field_validator("dopants")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a dopant stands twice")
        return value
