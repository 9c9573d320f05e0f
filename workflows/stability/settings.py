"""The section ``stability`` of a campaign file: electrolytes, what they can become, and what they touch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..own_files import StructureName
from ..settings import Finite, Positive, Settings


class StabilitySettings(Settings):
    """Electrolytes, the phases that they can become, and what they touch.

    Attributes
    ----------
    electrolytes
        Formulas; each has to be among the phases.
    phases
        Names in the phase library, or structure files beside the campaign file; partial occupancies are
        ordered by their Coulomb energy. Every element has to be among them, the `molecules` or `energies_eV_atom`.
    molecules
        Molecules, each alone in a cube of edge `box_A`: references of elements whose solid is made of molecules, such
        as S8 and Cl2; see `anodeflow.structures.molecules`. What binds molecules to each other is not in them.
    box_A
        Edge of that box.
    energies_eV_atom
        Energies by formula that the user brings; they have to be of the same level as the model's.
    against
        Formulas that touch each electrolyte.
    """

    electrolytes: Annotated[tuple[str, ...], Field(min_length=1)]
    phases: tuple[StructureName, ...] = ()
    molecules: tuple[str, ...] = ()
    box_A: Positive = 14.0
    energies_eV_atom: dict[str, Finite] = Field(default_factory=dict)
    against: tuple[str, ...] = ("Li",)
