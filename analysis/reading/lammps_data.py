"""The part of a LAMMPS data file that an analysis needs: which type each atom has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TYPE_COLUMN = {
    "atomic": 1,
    "charge": 1,
    "molecular": 2,
    "full": 2,
    "bond": 2,
    "angle": 2,
    "sphere": 1,
    "dipole": 1,
}
"""Column of the atom type in the ``Atoms`` section by atom style (LAMMPS manual, read_data)."""


def read_types(path: str | Path, ids: Iterable[int] | None = None) -> list[str]:
    """Return the type of each atom in ascending id, or of `ids`.

    The atom style is taken from the comment behind ``Atoms`` or, without one, from the number of columns.

    Raises
    ------
    InputError
        If there is no ``Atoms`` section, its style cannot be told, or an atom of `ids` is missing.
    """
    path = Path(path)
    lines = path.read_text(errors="replace").splitlines()
    start = next((i for i, line in enumerate(lines) if line.split("#")[0].strip() == "Atoms"), None)
    if start is None:
        raise InputError("the data file has no Atoms", where=str(path))
    style = lines[start].partition("#")[2].strip().split(" ")[0]
    types: dict[int, str] = {}
    for number, line in enumerate(lines[start + 1 :], start + 2):
        words = line.partition("#")[0].split()
        if not words:
            if types:
                break
            continue
        if not words[0].isdigit():
            break
        if not style:
            style = {5: "atomic", 8: "atomic"}.get(len(words), "")
        if style not in _TYPE_COLUMN or len(words) <= _TYPE_COLUMN[style]:
            raise InputError(
                "the atom style of the data file cannot be told",
                where=f"{path}:{number}",
                remedy="Write it behind the section, as in 'Atoms # atomic'.",
            )
        types[int(words[0])] = words[_TYPE_COLUMN[style]]
    wanted = sorted(types) if ids is None else [int(atom) for atom in ids]
    missing = [atom for atom in wanted if atom not in types]
    if missing:
        raise InputError(f"atom {missing[0]} is not in the data file", where=str(path))
    return [types[atom] for atom in wanted]
