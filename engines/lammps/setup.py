"""What every LAMMPS run starts with: the system, the model, and what is printed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ...files import write_text
from ...structures.element_map import ElementMap
from ...structures.lammps_core_shell import write_core_shell_data
from ...structures.lammps_data import lammps_oriented, write_lammps_data
from .external import FIX_ID
from .log import COLUMNS
from .script import (
    AtomModify,
    AtomStyle,
    BondCoeff,
    BondStyle,
    Boundary,
    Box,
    Command,
    CommModify,
    Fix,
    FixModify,
    Group,
    KspaceStyle,
    Mass,
    Neighbor,
    NeighModify,
    PairCoeff,
    PairModify,
    PairStyle,
    ReadData,
    ReadRestart,
    SpecialBonds,
    Thermo,
    ThermoModify,
    ThermoStyle,
    Units,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...potentials.cards import PotentialCard
    from ...potentials.model import LammpsPotential

DATA_FILE = "system.data"
CORES = "cores"


@dataclass(frozen=True)
class System:
    """A structure with the model that describes it, ready for LAMMPS.

    Attributes
    ----------
    structure
        In LAMMPS' frame, ordered.
    card
        The energy model.
    element_map
        Decides types, masses, ``pair_coeff`` and dump labels.
    """

    structure: Structure
    card: PotentialCard
    element_map: ElementMap

    @classmethod
    def of(cls, structure: Structure, card: PotentialCard) -> System:
        """Turn a structure into LAMMPS' frame and number its elements.

        Raises
        ------
        InputError
            If the model does not describe an element, or its fixed charges do not add up to zero.
        """
        symbols = [site.specie.symbol for site in structure]
        card.check_elements(symbols)
        system = cls(lammps_oriented(structure), card, ElementMap.of(symbols))
        _check_neutral(system)
        return system

    @property
    def symbols(self) -> list[str]:
        """Element of each atom in the order of ids."""
        return [site.specie.symbol for site in self.structure]

    def at_rest(self) -> System:
        """Return the system without velocities: their kinetic part would count as pressure."""
        if "velocities" not in self.structure.site_properties:
            return self
        structure = self.structure.copy()
        structure.remove_site_property("velocities")
        return replace(self, structure=structure)

    @cached_property
    def model(self) -> LammpsPotential:
        """The model as LAMMPS reads it."""
        return self.card.lammps(self.element_map)

    @property
    def atoms_group(self) -> str:
        """LAMMPS group of the atoms: all particles but the shells."""
        return "all" if self.model.shells is None else CORES

    def write_files(self, directory: Path) -> None:
        """Write the data file and the model's files into the run's folder."""
        directory.mkdir(parents=True, exist_ok=True)
        model = self.model
        for name, text in model.files.items():
            write_text(directory / name, text)
        charges = None if model.charges_e is None else [model.charges_e[symbol] for symbol in self.symbols]
        path = directory / DATA_FILE
        if model.shells is None:
            write_lammps_data(self.structure, path, self.element_map, charges=charges)
        else:
            write_core_shell_data(
                self.structure,
                path,
                self.element_map,
                core_charges_e=model.charges_e or {},
                shell_charges_e=model.shells.charges_e,
                mass_fraction=model.shells.mass_fraction,
            )

    def commands(self, *, restart: str | None = None, thermo_every: int) -> list[Command]:
        """Return the head of a script: the system from its data file or from a restart, the model, the output.

        Masses come after ``pair_coeff``, since a MEAM library brings its own and ours are to hold.
        """
        model = self.model
        head: list[Command] = [Units(), AtomStyle(model.atom_style), Boundary(), Box()]
        if model.external:
            head.append(AtomModify(("map", "array", "sort", 0, 0.0)))
        if model.shells is not None:
            head += [BondStyle("harmonic"), CommModify(("vel", True))]
        head.append(ReadRestart(restart) if restart else ReadData(DATA_FILE))
        head.append(PairStyle(model.pair_style))
        head += [PairCoeff(arguments) for arguments in model.pair_coeff]
        if model.kspace_style:
            head.append(KspaceStyle(model.kspace_style))
        if model.pair_modify:
            head.append(PairModify(model.pair_modify))
        head += [Mass(kind, mass) for kind, mass in enumerate(self._masses(), start=1)]
        if model.shells is not None:
            elements = model.shells.elements(self.element_map)
            springs = (model.shells.springs_eV_A2[symbol] for symbol in elements)
            head += [BondCoeff(kind, spring / 2, 0.0) for kind, spring in enumerate(springs, start=1)]
            head += [SpecialBonds(("lj/coul", 0.0, 0.0, 0.0)), Group(CORES, ("type", *self._core_types()))]
        if model.charge_fix:
            head.append(Fix("charges", "all", model.charge_fix[0], model.charge_fix[1:]))
        if model.external:
            head.append(Fix(FIX_ID, "all", "external", ("pf/callback", 1, 1)))
            head.append(FixModify(FIX_ID, ("energy", True, "virial", True)))
        head += [Neighbor(), NeighModify(), Thermo(thermo_every), ThermoStyle("custom", COLUMNS)]
        head.append(ThermoModify(("flush", True, "format", "float", "%.12g")))
        return head

    def _masses(self) -> list[float]:
        """Return the mass of each LAMMPS type; a shell takes its share from its core."""
        masses = list(self.element_map.masses())
        if self.model.shells is None:
            return masses
        share = self.model.shells.mass_fraction
        shells = [self.element_map.type_of(symbol) - 1 for symbol in self.model.shells.elements(self.element_map)]
        light = [masses[index] * share for index in shells]
        for index in shells:
            masses[index] *= 1 - share
        return masses + light

    def _core_types(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.element_map.elements) + 1))


def _check_neutral(system: System) -> None:
    """Raise unless the fixed charges of a model add up to zero over the cell."""
    model = system.model
    if model.charges_e is None or not model.fixed_charges:
        return
    charges = dict(model.charges_e)
    for symbol, charge in (model.shells.charges_e if model.shells else {}).items():
        charges[symbol] += charge
    total = sum(charges[symbol] for symbol in system.symbols)
    if abs(total) > 1e-6:
        each = ", ".join(f"{symbol} {charge:+g}" for symbol, charge in charges.items())
        raise InputError(
            f"the cell of {system.structure.composition.reduced_formula} carries {total:+.4g} e with the charges of "
            f"{system.card.name} ({each})",
            where="potential",
            remedy="These charges are fixed: make the cell neutral, or take a model without charges.",
        )
