"""LAMMPS data files: written from a structure with every digit kept, and read back.

LAMMPS wants the first cell vector along x and the second in the xy plane. `lammps_oriented` turns a structure that
way (a rotation; fractional coordinates stay), and everything after it lives in that frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InputError
from ..files import write_text
from .element_map import ElementMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure


def lammps_oriented(structure: Structure) -> Structure:
    """Return the structure with its first vector along x and its second in the xy plane.

    Parameters
    ----------
    structure
        Any ordered crystal. A left-handed cell gets its third vector reversed, so that nothing is mirrored.
        Site properties are kept; ``velocities`` are turned along.

    Returns
    -------
    Structure
        The same crystal in LAMMPS' frame; its lattice matrix is lower triangular with a positive diagonal.
    """
    from pymatgen.core import Lattice, Structure

    matrix = np.array(structure.lattice.matrix)
    fractional = np.array(structure.frac_coords)
    if np.linalg.det(matrix) < 0:
        matrix[2] *= -1
        fractional[:, 2] *= -1
    rotation, lower = np.linalg.qr(matrix.T)
    signs = np.sign(np.diag(lower))
    lower = (lower * signs[:, None]).T
    rotation = rotation * signs
    properties = dict(structure.site_properties)
    if "velocities" in properties:
        if any(velocity is None for velocity in properties["velocities"]):
            raise InputError("some atoms have velocities and others have none", remedy="Remove them all, or add them.")
        properties["velocities"] = [np.asarray(v) @ rotation for v in properties["velocities"]]
    return Structure(
        Lattice(np.tril(lower)),
        structure.species_and_occu,
        fractional,
        site_properties={key: list(value) for key, value in properties.items()},
    )


def check_lammps_frame(structure: Structure) -> NDArray[np.float64]:
    """Return the cell, rows are vectors in Å, after checking that LAMMPS can take it.

    Parameters
    ----------
    structure
        Any crystal.

    Raises
    ------
    InputError
        If a site is disordered or the cell is not in LAMMPS' frame.
    """
    if not structure.is_ordered:
        raise InputError("the structure has partial occupancies", remedy="Make an ordered cell of it first.")
    cell = np.asarray(structure.lattice.matrix, dtype=np.float64)
    if np.abs(np.triu(cell, 1)).max() > 1e-8 or np.diag(cell).min() <= 0:
        raise InputError("the cell is not in LAMMPS' frame", remedy="Turn it with lammps_oriented first.")
    return cell


def write_lammps_data(
    structure: Structure, path: str | Path, element_map: ElementMap, *, charges: Sequence[float] | None = None
) -> Path:
    """Write a LAMMPS data file (``atom_style atomic``, or ``charge`` when charges are given).

    Parameters
    ----------
    structure
        Ordered crystal in LAMMPS' frame (see `lammps_oriented`). A site property ``velocities`` in Å/ps is written.
    path
        File to write, atomically.
    element_map
        Decides the types. Its masses are written.
    charges
        Charge of each atom in e, or None for ``atom_style atomic``.

    Raises
    ------
    InputError
        If a site is disordered, an element is missing from the map, or the cell is not in LAMMPS' frame.
    """
    cell = check_lammps_frame(structure)
    symbols = [site.specie.symbol for site in structure]
    types = element_map.types_of(symbols)
    if charges is not None and len(charges) != len(structure):
        raise InputError(f"{len(charges)} charges for {len(structure)} atoms")

    lines = [f"{structure.composition.reduced_formula}, {len(structure)} atoms, written by anodeflow", ""]
    lines += [f"{len(structure)} atoms", f"{len(element_map.elements)} atom types", ""]
    lines += [f"0 {length:.17g} {axis}lo {axis}hi" for axis, length in zip("xyz", np.diag(cell), strict=True)]
    if np.abs(np.tril(cell, -1)).max() > 0:
        lines.append(f"{cell[1, 0]:.17g} {cell[2, 0]:.17g} {cell[2, 1]:.17g} xy xz yz")
    lines += ["", "Masses", ""]
    for index, (symbol, mass) in enumerate(zip(element_map.elements, element_map.masses(), strict=True)):
        lines.append(f"{index + 1} {mass:.10g} # {symbol}")
    lines += ["", "Atoms # atomic" if charges is None else "Atoms # charge", ""]
    positions = np.asarray(structure.cart_coords)
    for index, (kind, position) in enumerate(zip(types, positions, strict=True)):
        charge = "" if charges is None else f" {charges[index]:.10g}"
        lines.append(f"{index + 1} {kind}{charge} " + " ".join(f"{x:.17g}" for x in position))
    if "velocities" in structure.site_properties:
        lines += ["", "Velocities", ""]
        for index, velocity in enumerate(structure.site_properties["velocities"]):
            lines.append(f"{index + 1} " + " ".join(f"{v:.17g}" for v in velocity))
    return write_text(path, "\n".join(lines) + "\n")


def read_lammps_data(path: str | Path, element_map: ElementMap) -> Structure:
    """Read a data file of ``atom_style atomic``, ``charge`` or, for cores and shells, ``full`` into a structure.

    Parameters
    ----------
    path
        File as written by `write_lammps_data` or by LAMMPS' ``write_data``.
    element_map
        Says which element each type is.

    Returns
    -------
    Structure
        Atoms in the order of their ids, unwrapped by their image flags, with site properties ``velocities`` (Å/ps)
        and ``charge`` (e) where the file has them. Of cores and shells, only the cores are atoms: particles of types
        beyond those of the map are left out.
    """
    from pymatgen.core import Lattice, Structure

    path = Path(path)
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        raise InputError("no such LAMMPS data file", where=str(path)) from None
    header, sections = _split_sections(lines[1:])
    style, atoms = sections.get("Atoms", ("", []))
    layout = _LAYOUTS.get(style)
    if layout is None:
        raise InputError(f"atom style '{style}' is not read here", where=str(path))
    if len(atoms) != int(header.get("atoms", "0").split()[0]):
        raise InputError(f"{len(atoms)} atom lines where the header says {header.get('atoms', '0')}", where=str(path))
    table = np.array(_by_id(atoms))
    kinds = table[:, layout.kind].astype(int)
    kept = kinds <= len(element_map.elements) if style == "full" else np.ones(len(table), dtype=bool)
    table, kinds = table[kept], kinds[kept]
    origin, cell = _box(header)
    columns = layout.position
    positions = table[:, columns : columns + 3] - origin
    if table.shape[1] >= columns + 6:
        positions = positions + table[:, columns + 3 : columns + 6] @ cell
    species = [element_map.elements[kind - 1] for kind in kinds]
    properties: dict[str, list[object]] = {}
    if style == "charge":
        properties["charge"] = [float(charge) for charge in table[:, 2]]
    if "Velocities" in sections:
        velocities = np.array(_by_id(sections["Velocities"][1]))[kept]
        properties["velocities"] = [list(map(float, row[1:4])) for row in velocities]
    return Structure(Lattice(cell), species, positions, coords_are_cartesian=True, site_properties=properties)


class _Layout(NamedTuple):
    """Columns of the type and of x in an ``Atoms`` section."""

    kind: int
    position: int


_LAYOUTS = {"": _Layout(1, 2), "atomic": _Layout(1, 2), "charge": _Layout(1, 3), "full": _Layout(2, 4)}


def _by_id(lines: list[str]) -> list[list[float]]:
    return sorted(([float(word) for word in line.split()] for line in lines), key=lambda row: row[0])


_HEADER = ("atoms", "atom types", "xlo xhi", "ylo yhi", "zlo zhi", "xy xz yz")


def _split_sections(lines: list[str]) -> tuple[dict[str, str], dict[str, tuple[str, list[str]]]]:
    """Return the header as {keyword: value} and each section as (comment after its name, its lines)."""
    header: dict[str, str] = {}
    sections: dict[str, tuple[str, list[str]]] = {}
    current: list[str] | None = None
    for line in lines:
        text, _, comment = line.partition("#")
        text = text.strip()
        if not text:
            continue
        if text[0].isalpha():
            current = []
            sections[text] = (comment.strip(), current)
        elif current is not None:
            current.append(text)
        else:
            for keyword in _HEADER:
                if text.endswith(keyword):
                    header[keyword] = text.removesuffix(keyword).strip()
    return header, sections


def _box(header: dict[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return origin (3,) and cell (3, 3), rows are vectors, in Å."""
    bounds = np.array([[float(word) for word in header[f"{axis}lo {axis}hi"].split()] for axis in "xyz"])
    cell = np.diag(bounds[:, 1] - bounds[:, 0])
    if "xy xz yz" in header:
        cell[1, 0], cell[2, 0], cell[2, 1] = (float(word) for word in header["xy xz yz"].split())
    return bounds[:, 0], cell
