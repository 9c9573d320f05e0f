"""LAMMPS data files for cores and shells.

Atoms keep their ids and types as cores; a shell follows for each atom of a polarisable element, bound to its core by a
bond of its own type. On demand the section ``CS-Info`` says which two belong together, which ``compute temp/cs`` wants.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..files import write_text
from .lammps_data import check_lammps_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymatgen.core import Structure

    from .element_map import ElementMap

READ_WITH_PAIRS = ("fix csinfo all property/atom i_CSID", "read_data {file} fix csinfo NULL CS-Info")
"""LAMMPS commands that read a file with its section ``CS-Info``."""


def write_core_shell_data(
    structure: Structure,
    path: str | Path,
    element_map: ElementMap,
    *,
    core_charges_e: Mapping[str, float],
    shell_charges_e: Mapping[str, float],
    mass_fraction: float,
    pairs_section: bool = False,
) -> Path:
    """Write a LAMMPS data file of ``atom_style full`` with a shell on each atom of the polarisable elements.

    Parameters
    ----------
    structure
        Ordered crystal in LAMMPS' frame. A site property ``velocities`` in Å/ps is given to core and shell alike;
        ``shell_offsets`` (Å, Cartesian) puts the shells, which otherwise stand on their cores.
    path
        File to write, atomically.
    element_map
        Types of the cores; those of the shells follow, in the same order of elements.
    core_charges_e
        Charge of the core by element, or of the whole ion where it has no shell.
    shell_charges_e
        Charge of the shell by element.
    mass_fraction
        Share of the mass that a shell takes from its core.
    pairs_section
        Also write ``CS-Info``, the number of the ion of each particle. LAMMPS then reads the file with
        `READ_WITH_PAIRS`.

    Raises
    ------
    InputError
        If a site is disordered, an element is missing from the map, or the cell is not in LAMMPS' frame.
    """
    cell = check_lammps_frame(structure)
    symbols = [site.specie.symbol for site in structure]
    types = element_map.types_of(symbols)
    if not 0 < mass_fraction < 1:
        raise InputError(f"a shell cannot carry {mass_fraction:g} of the mass")
    shelled = [symbol for symbol in element_map.elements if symbol in shell_charges_e]
    bond_type = {symbol: index + 1 for index, symbol in enumerate(shelled)}
    pairs = [(index, symbol) for index, symbol in enumerate(symbols) if symbol in bond_type]
    ncores, nelements = len(symbols), len(element_map.elements)

    lines = [f"{structure.composition.reduced_formula}, {ncores} atoms with shells, written by anodeflow", ""]
    lines += [f"{ncores + len(pairs)} atoms", f"{len(pairs)} bonds", ""]
    lines += [f"{nelements + len(shelled)} atom types", f"{len(shelled)} bond types", ""]
    lines += [f"0 {length:.17g} {axis}lo {axis}hi" for axis, length in zip("xyz", np.diag(cell), strict=True)]
    if np.abs(np.tril(cell, -1)).max() > 0:
        lines.append(f"{cell[1, 0]:.17g} {cell[2, 0]:.17g} {cell[2, 1]:.17g} xy xz yz")
    lines += ["", "Masses", ""]
    masses = dict(zip(element_map.elements, element_map.masses(), strict=True))
    for kind, symbol in enumerate(element_map.elements, start=1):
        share = 1 - mass_fraction if symbol in bond_type else 1.0
        lines.append(f"{kind} {masses[symbol] * share:.10g} # {symbol}")
    lines += [
        f"{nelements + number} {masses[symbol] * mass_fraction:.10g} # {symbol} shell"
        for symbol, number in bond_type.items()
    ]
    lines += ["", "Atoms # full", ""]
    positions = np.asarray(structure.cart_coords)
    offsets = np.zeros_like(positions)
    if "shell_offsets" in structure.site_properties:
        offsets = np.array([offset or (0, 0, 0) for offset in structure.site_properties["shell_offsets"]])
    for index, symbol in enumerate(symbols):
        xyz = " ".join(f"{x:.17g}" for x in positions[index])
        lines.append(f"{index + 1} {index + 1} {types[index]} {core_charges_e[symbol]:.10g} {xyz}")
    for number, (index, symbol) in enumerate(pairs, start=ncores + 1):
        xyz = " ".join(f"{x:.17g}" for x in positions[index] + offsets[index])
        kind = nelements + bond_type[symbol]
        lines.append(f"{number} {index + 1} {kind} {shell_charges_e[symbol]:.10g} {xyz}")
    if "velocities" in structure.site_properties:
        given = structure.site_properties["velocities"]
        rows = [given[index] for index in range(ncores)] + [given[index] for index, _ in pairs]
        lines += ["", "Velocities", ""]
        lines += [f"{number} " + " ".join(f"{v:.17g}" for v in row) for number, row in enumerate(rows, start=1)]
    lines += ["", "Bonds", ""]
    for number, (index, symbol) in enumerate(pairs, start=1):
        lines.append(f"{number} {bond_type[symbol]} {index + 1} {ncores + number}")
    if pairs_section:
        ions = [*range(ncores), *(index for index, _ in pairs)]
        lines += ["", "CS-Info", "", *(f"{number} {ion + 1}" for number, ion in enumerate(ions, start=1))]
    return write_text(path, "\n".join(lines) + "\n")
