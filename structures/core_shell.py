"""LAMMPS data files for the adiabatic core-shell model: shell particles, springs, and the CS-Info section.

LAMMPS cannot make shells from a rigid-ion cell. Here each polarisable ion becomes a core and a shell at the same
place, joined by a harmonic bond (P.J. Mitchell, D. Fincham, J. Phys.: Condens. Matter 5 (1993) 1031); the ids of
the pairs stand in a section that ``fix property/atom i_CSID`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..files import write_text
from .lammps_data import lammps_oriented

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pymatgen.core import Structure

    from .element_map import ElementMap


@dataclass(frozen=True)
class Shell:
    """How an ion splits into core and shell.

    Attributes
    ----------
    core_charge_e, shell_charge_e
        Charges of the two particles; their sum is the charge of the ion.
    mass_fraction
        Share of the ion's mass that the shell carries; a tenth keeps the spring's period long enough for a
        timestep of 0.2 to 0.5 fs.
    """

    core_charge_e: float
    shell_charge_e: float
    mass_fraction: float = 0.1


@dataclass(frozen=True)
class CoreShellTypes:
    """The numbers that the input script needs.

    Attributes
    ----------
    path
        The data file, ``atom_style full``.
    cores
        LAMMPS type of each element's core (or whole ion), as the element map says.
    shells
        LAMMPS type of each element's shell.
    bonds
        Bond type of each element's spring.
    read_commands
        Lines that read the file with its pairs of core and shell.
    """

    path: Path
    cores: Mapping[str, int]
    shells: Mapping[str, int]
    bonds: Mapping[str, int]
    read_commands: tuple[str, ...]


def write_core_shell_data(
    structure: Structure,
    path: str | Path,
    element_map: ElementMap,
    *,
    shells: Mapping[str, Shell],
    charges_e: Mapping[str, float],
) -> CoreShellTypes:
    """Write a core-shell data file (``atom_style full``).

    Parameters
    ----------
    structure
        Ordered crystal; it is turned into LAMMPS' frame.
    path
        File to write, atomically.
    element_map
        Types 1 to n are the ions or cores; the shells follow as types n + 1 on, in the same order.
    shells
        Elements that are polarisable.
    charges_e
        Charge of every element without a shell, in e.

    Returns
    -------
    CoreShellTypes

    Raises
    ------
    InputError
        An element has neither or both of charge and shell, or the cell is not neutral.
    """
    if not structure.is_ordered:
        raise InputError("the structure has partial occupancies", remedy="Make an ordered cell of it first.")
    elements = element_map.elements
    for symbol in sorted(set(shells) | set(charges_e)):
        element_map.type_of(symbol)
    for symbol in elements:
        if (symbol in shells) == (symbol in charges_e):
            raise InputError(f"{symbol} needs either a charge or a shell")
    for symbol, shell in shells.items():
        if not 0 < shell.mass_fraction < 1:
            raise InputError(f"the shell of {symbol} has a mass fraction of {shell.mass_fraction}")
    oriented = lammps_oriented(structure)
    symbols = [site.specie.symbol for site in oriented]
    polarisable = [symbol for symbol in elements if symbol in shells]
    whole = {symbol: s.core_charge_e + s.shell_charge_e for symbol, s in shells.items()} | dict(charges_e)
    total = sum(whole[symbol] for symbol in symbols)
    if abs(total) > 1e-6:
        raise InputError(
            f"the cell has a charge of {total:+.6g} e with these charges", remedy="Check charges and composition."
        )
    cores = {symbol: index + 1 for index, symbol in enumerate(elements)}
    shell_types = {symbol: len(elements) + index + 1 for index, symbol in enumerate(polarisable)}
    bonds = {symbol: index + 1 for index, symbol in enumerate(polarisable)}

    atoms: list[str] = []
    springs: list[str] = []
    pairs: list[str] = []
    number = 0
    for molecule, (symbol, position) in enumerate(zip(symbols, oriented.cart_coords, strict=True), start=1):
        place = " ".join(f"{value:.17g}" for value in position)
        number += 1
        pairs.append(f"{number} {molecule}")
        if symbol not in shells:
            atoms.append(f"{number} {molecule} {cores[symbol]} {charges_e[symbol]:.10g} {place}")
            continue
        shell = shells[symbol]
        atoms.append(f"{number} {molecule} {cores[symbol]} {shell.core_charge_e:.10g} {place}")
        number += 1
        pairs.append(f"{number} {molecule}")
        atoms.append(f"{number} {molecule} {shell_types[symbol]} {shell.shell_charge_e:.10g} {place}")
        springs.append(f"{len(springs) + 1} {bonds[symbol]} {number - 1} {number}")

    cell = np.asarray(oriented.lattice.matrix)
    lines = [f"{structure.composition.reduced_formula}, core-shell, written by anodeflow", ""]
    lines += [f"{number} atoms", f"{len(springs)} bonds"]
    lines += [f"{len(elements) + len(polarisable)} atom types", f"{len(polarisable)} bond types"]
    lines += ["1 extra bond per atom", "2 extra special per atom", ""]
    lines += [f"0 {length:.17g} {axis}lo {axis}hi" for axis, length in zip("xyz", np.diag(cell), strict=True)]
    if np.abs(np.tril(cell, -1)).max() > 0:
        lines.append(f"{cell[1, 0]:.17g} {cell[2, 0]:.17g} {cell[2, 1]:.17g} xy xz yz")
    lines += ["", "Masses", ""]
    for symbol, mass in zip(elements, element_map.masses(), strict=True):
        share = 1 - shells[symbol].mass_fraction if symbol in shells else 1.0
        lines.append(f"{cores[symbol]} {share * mass:.10g} # {symbol}{' core' if symbol in shells else ''}")
    for symbol in polarisable:
        mass = element_map.masses()[cores[symbol] - 1] * shells[symbol].mass_fraction
        lines.append(f"{shell_types[symbol]} {mass:.10g} # {symbol} shell")
    lines += ["", "Atoms # full", "", *atoms]
    if springs:
        lines += ["", "Bonds", "", *springs]
    lines += ["", "CS-Info", "", *pairs]
    written = write_text(path, "\n".join(lines) + "\n")
    commands = (
        "fix csinfo all property/atom i_CSID",
        f"read_data {written} fix csinfo NULL CS-Info",
    )
    return CoreShellTypes(written, cores, shell_types, bonds, commands)
