"""What every energy model has in common: strict fields, and the form in which it reaches LAMMPS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap
    from .guard import Guard

EXTERNAL_FILE = "model.json"
"""Stands in the folder of a run whose model LAMMPS calls back in Python."""


class Strict(BaseModel):
    """A frozen pydantic model that refuses fields it does not know, and numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PairModel(Strict):
    """Parameters of one family of LAMMPS pair styles; a subclass per family, told apart by `style`."""

    style: str

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return what LAMMPS needs for the given order of types.

        Parameters
        ----------
        types
            Elements of the system in the order of their LAMMPS types; the model describes them all.
        """
        raise NotImplementedError

    def known_elements(self) -> frozenset[str] | None:
        """Return the elements that the parameters describe, or None where only LAMMPS can tell."""
        return None

    def identity(self) -> dict[str, Any]:
        """Return what decides the energies, as JSON types: what the fingerprint of the card is made of."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class Shells:
    """Massless-like shells bound to cores by springs, after B. G. Dick and A. W. Overhauser, Phys. Rev. 112 (1958) 90.

    LAMMPS types of the shells follow those of the cores, in the order of `charges_e`.

    Attributes
    ----------
    charges_e
        Charge of the shell by element.
    springs_eV_A2
        Spring constant k by element; the energy is k r²/2.
    mass_fraction
        Share of the atom's mass that the shell carries in molecular dynamics.
    """

    charges_e: Mapping[str, float]
    springs_eV_A2: Mapping[str, float]
    mass_fraction: float

    def elements(self, types: ElementMap) -> tuple[str, ...]:
        """Return the elements with a shell in the order of the shells' LAMMPS types."""
        return tuple(symbol for symbol in types.elements if symbol in self.charges_e)


@dataclass(frozen=True)
class LammpsPotential:
    """A model as LAMMPS reads it, in units ``metal``.

    Attributes
    ----------
    files
        Content of each file that has to stand in the run's folder, by name.
    pair_style, pair_coeff
        Arguments of the two commands.
    charges_e
        Charge of each atom, by element (of the core where there are shells); None for a model without charges.
    fixed_charges
        False where LAMMPS equilibrates the charges, so that `charges_e` is only where it starts.
    kspace_style
        Arguments of ``kspace_style``, empty where none is needed.
    pair_modify
        Arguments of ``pair_modify``, empty where none is needed.
    charge_fix
        Style and arguments of the fix that equilibrates charges; empty for fixed ones.
    shells
        Shells of a core–shell model.
    external
        Whether LAMMPS calls the model back in Python, as `EXTERNAL_FILE` among the files says.
    guard
        Range at which molecular dynamics is stopped; None for no watch.
    """

    files: dict[str, str]
    pair_style: tuple[str, ...]
    pair_coeff: tuple[tuple[str, ...], ...]
    charges_e: Mapping[str, float] | None = None
    fixed_charges: bool = True
    kspace_style: tuple[str, ...] = ()
    pair_modify: tuple[str, ...] = ()
    charge_fix: tuple[str, ...] = ()
    shells: Shells | None = field(default=None)
    external: bool = False
    guard: Guard | None = None

    @property
    def atom_style(self) -> str:
        """LAMMPS' ``atom_style``."""
        if self.shells is not None:
            return "full"
        return "atomic" if self.charges_e is None else "charge"
