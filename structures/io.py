"""Structures from the user's files, and to files: CIF, POSCAR, extended XYZ, LAMMPS data."""

from __future__ import annotations

import io
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core import Element, Species, Structure

from ..errors import InputError
from ..files import sha256, write_json, write_text
from .record import Source, minimum_distance

if TYPE_CHECKING:
    from .record import BuildRecord

SHORTEST_POSSIBLE_A = 0.5
"""Two atoms nearer than this are an error of the file (H-H in H2 is 0.74 Å)."""

_MATERIALS_PROJECT = re.compile(r"mp-\d+$")
_ENDINGS = (".cif", ".vasp", ".poscar", ".contcar", ".extxyz", ".xyz", ".json", ".data", ".lmp")


def is_structure_file(text: str) -> bool:
    """Tell whether a text is meant as a file or a Materials Project id and not as a name of the library."""
    path = Path(text)
    return bool(
        path.suffix.lower() in _ENDINGS
        or path.name.upper().startswith(("POSCAR", "CONTCAR"))
        or _MATERIALS_PROJECT.match(text)
        or path.is_file()
    )


def read_structure(path: str | Path) -> tuple[Structure, Source]:
    """Read a crystal from a user's file or, by an id such as ``mp-149``, from the Materials Project.

    Parameters
    ----------
    path
        CIF, POSCAR, extended XYZ (first frame), or pymatgen JSON by ending or name.

    Raises
    ------
    InputError
        The file is absent, unreadable, has no periodic cell, spells an element in a way that
        is none, or holds atoms on top of each other.
    """
    text = str(path)
    if _MATERIALS_PROJECT.match(text):
        return _from_materials_project(text)
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file '{path}'", remedy="Give a path to a CIF, POSCAR or extended XYZ file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = _read(path)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the file holds no structure that can be read: {reason}", where=text) from error
    _check(structure, text)
    states = {
        specie.symbol: float(specie.oxi_state)
        for specie in structure.composition
        if isinstance(specie, Species) and specie.oxi_state
    }
    structure.remove_oxidation_states()
    return structure, Source(text, "user file", origin=f"sha256 {sha256(path)}", oxidation_states=states)


def _read(path: Path) -> Structure:
    ending = path.suffix.lower()
    if ending in (".extxyz", ".xyz"):
        return _read_xyz(path)
    if ending in (".data", ".lmp"):
        from pymatgen.io.lammps.data import LammpsData

        structure = LammpsData.from_file(str(path), atom_style=_lammps_style(path)).structure
        return Structure(structure.lattice, [site.specie for site in structure], structure.frac_coords)
    if ending in (".vasp", ".poscar", ".contcar") or path.name.upper().startswith(("POSCAR", "CONTCAR")):
        from pymatgen.io.vasp import Poscar

        return Poscar.from_file(path, check_for_potcar=False).structure
    structure = Structure.from_file(path)
    if not isinstance(structure, Structure):
        raise InputError("the file holds a molecule without a cell", where=str(path))
    return structure


def _lammps_style(path: Path) -> str:
    match = re.search(r"^\s*Atoms\s*#\s*(\w+)", path.read_text(), flags=re.MULTILINE)
    return match[1] if match else "atomic"


def _read_xyz(path: Path) -> Structure:
    text = path.read_text()
    lines = text.splitlines()
    count = int(lines[0])
    symbols = [line.split()[0] for line in lines[2 : 2 + count]]
    for symbol in dict.fromkeys(symbols):
        if not Element.is_valid_symbol(symbol):
            _refuse_spelling(symbol, path)
    if "lattice=" not in lines[1].lower():
        raise InputError(
            "the file holds a molecule without a cell",
            where=str(path),
            remedy="Write it as extended XYZ with Lattice=.",
        )
    import ase.io
    from pymatgen.io.ase import AseAtomsAdaptor

    atoms = ase.io.read(path, index=0, format="extxyz")
    if isinstance(atoms, list):
        atoms = atoms[0]
    structure = AseAtomsAdaptor.get_structure(atoms)
    return Structure(structure.lattice, [site.specie for site in structure], structure.frac_coords)


def _refuse_spelling(symbol: str, path: Path) -> None:
    meant = symbol[:1].upper() + symbol[1:].lower()
    remedy = f"Write '{meant}'." if Element.is_valid_symbol(meant) else ""
    raise InputError(f"'{symbol}' is no element", where=str(path), remedy=remedy)


def _check(structure: Structure, where: str) -> None:
    if len(structure) == 0:
        raise InputError("the file holds no atoms", where=where)
    if not np.all(np.isfinite(structure.lattice.matrix)) or structure.volume < 1.0:
        raise InputError("the file has no cell with a volume", where=where)
    for specie in structure.composition:
        if not Element.is_valid_symbol(specie.symbol):
            raise InputError(f"'{specie}' is no element", where=where)
    shortest = minimum_distance(structure)
    if shortest is not None and shortest < SHORTEST_POSSIBLE_A:
        raise InputError(
            f"two atoms are {shortest:.3f} Å apart",
            where=where,
            remedy="Remove the overlapping atoms, or give partial occupancies.",
        )


def _from_materials_project(identifier: str) -> tuple[Structure, Source]:
    key = os.environ.get("MP_API_KEY") or os.environ.get("PMG_MAPI_KEY")
    if not key:
        raise InputError(
            f"'{identifier}' is an id of the Materials Project, and no key is set",
            remedy="Set MP_API_KEY to your key.",
        )
    from pymatgen.ext.matproj import MPRester

    try:
        with MPRester(key) as client:
            structure = client.get_structure_by_material_id(identifier)
    except Exception as error:
        raise InputError(
            f"the Materials Project did not give '{identifier}': {' '.join(str(error).split())}"
        ) from error
    if isinstance(structure, list):
        structure = structure[0]
    source = Source(
        identifier,
        "Materials Project",
        citation="A. Jain et al., APL Mater. 1 (2013) 011002",
        origin=f"Materials Project {identifier}",
        note="relaxed with PBE",
    )
    structure.remove_oxidation_states()
    return structure, source


def write_structure(structure: Structure, path: str | Path, record: BuildRecord | None = None) -> list[Path]:
    """Write a structure in the format its file's ending asks for, and the build record beside it.

    Parameters
    ----------
    structure
        What to write. Site properties are kept where the format has room for them.
    path
        ``.cif``, ``.vasp``/``POSCAR``, ``.xyz``/``.extxyz``, ``.data``/``.lmp`` (LAMMPS), ``.json``.
    record
        Goes to ``PATH.json``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        The ending is not known, or the format has no partial occupancies; nothing is written then.
    """
    path = Path(path)
    if path.suffix.lower() in (".data", ".lmp"):
        written = [_write_lammps(structure, path)]
    else:
        written = [write_text(path, format_structure(structure, path))]
    if record is not None:
        written.append(write_json(path.with_name(path.name + ".json"), record.to_dict()))
    return written


def _write_lammps(structure: Structure, path: Path) -> Path:
    from .element_map import ElementMap
    from .lammps_data import lammps_oriented, write_lammps_data

    _refuse_disorder(structure, path)
    oriented = lammps_oriented(structure)
    charges = site_charges(structure)
    symbols = [site.specie.symbol for site in oriented]
    return write_lammps_data(oriented, path, ElementMap.of(symbols), charges=charges)


def site_charges(structure: Structure) -> list[float] | None:
    """Return the charge of each atom in e (site property ``charge``, else oxidation states), or None."""
    if "charge" in structure.site_properties:
        return [float(value) for value in structure.site_properties["charge"]]
    states = [getattr(site.specie, "oxi_state", None) for site in structure]
    if any(state is None for state in states):
        return None
    return [float(state) for state in states if state is not None]


def _refuse_disorder(structure: Structure, path: Path) -> None:
    if not structure.is_ordered:
        raise InputError(
            "the structure has partial occupancies, which only CIF and JSON can hold",
            where=str(path),
            remedy="Order it first: anodeflow build ordered.",
        )


def format_structure(structure: Structure, path: str | Path) -> str:
    """Return the text of a structure in the format (not LAMMPS data) that the ending of `path` asks for."""
    path = Path(path)
    ending = path.suffix.lower()
    is_poscar = ending in (".vasp", ".poscar") or path.name.upper().startswith(("POSCAR", "CONTCAR"))
    if ending not in (".cif", ".json"):
        _refuse_disorder(structure, path)
    if ending == ".cif":
        from pymatgen.io.cif import CifWriter

        return str(CifWriter(structure, significant_figures=8))
    if ending == ".json":
        return str(structure.to(fmt="json"))
    if is_poscar:
        from pymatgen.io.vasp import Poscar

        grouped = structure.get_sorted_structure(key=lambda site: site.specie.X)
        return str(Poscar(grouped).get_str(significant_figures=10))
    if ending in (".xyz", ".extxyz"):
        import ase.io
        from pymatgen.io.ase import AseAtomsAdaptor

        stream = io.StringIO()
        ase.io.write(stream, AseAtomsAdaptor.get_atoms(structure, msonable=False), format="extxyz")
        return stream.getvalue()
    raise InputError(
        f"no structure format has the ending '{ending or path.name}'",
        where=str(path),
        remedy="Use .cif, .vasp, .extxyz, .data or .json.",
    )
