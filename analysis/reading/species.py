"""Which element an atom is: from labels, from a LAMMPS data file, from masses, or from the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ase.data import atomic_masses, chemical_symbols

from ...errors import InputError

_SYMBOLS = frozenset(chemical_symbols[1:])


def element_of_mass(mass_g_mol: float) -> str | None:
    """Return the element of an atomic mass, or None where no or more than one element lies within 0.05 g/mol.

    Standard atomic weights differ between tables in the second decimal; cobalt and nickel are 0.24 apart.
    """
    near = [
        symbol for symbol, mass in zip(chemical_symbols, atomic_masses, strict=True) if abs(mass - mass_g_mol) < 0.05
    ]
    near = [symbol for symbol in near if symbol != "X"]
    return near[0] if len(near) == 1 else None


def types_of_data(path: str | Path) -> dict[str, str]:
    """Return the element of each atom type of a LAMMPS data file, from its ``Masses``.

    A comment behind a mass (``1 6.94 # Li``) names the element and must agree with the mass.

    Raises
    ------
    InputError
        If the file has no masses, or a mass belongs to no element.
    """
    path = Path(path)
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    start = next((i for i, line in enumerate(lines) if line.split("#")[0].strip() == "Masses"), None)
    if start is None:
        raise InputError("the data file has no Masses", where=str(path), remedy="Map types to elements with species.")
    found: dict[str, str] = {}
    for line in lines[start + 1 :]:
        body, _, comment = line.partition("#")
        words = body.split()
        if not words:
            if found:
                break
            continue
        try:
            mass = float(words[1])
        except (IndexError, ValueError):
            break
        by_mass = element_of_mass(mass)
        named = comment.split()[0] if comment.split() else ""
        if named in _SYMBOLS and by_mass is not None and named != by_mass:
            raise InputError(
                f"type {words[0]} is called {named} but has the mass of {by_mass} ({mass:g} g/mol)",
                where=str(path),
                remedy="Correct the data file.",
            )
        element = named if named in _SYMBOLS else by_mass
        if element is None:
            raise InputError(
                f"no element has the mass {mass:g} g/mol of type {words[0]}",
                where=str(path),
                remedy="Map types to elements with species.",
            )
        found[words[0]] = element
    if not found:
        raise InputError("the data file has no Masses", where=str(path), remedy="Map types to elements with species.")
    return found


def map_types(types: Sequence[str], species: Mapping[Any, str] | Sequence[str], where: str = "") -> tuple[str, ...]:
    """Return the element of every atom from a map of types, a list by type, or a list by atom.

    Raises
    ------
    InputError
        If a type has no element.
    """
    if isinstance(species, Mapping):
        table = {str(key): value for key, value in species.items()}
    elif len(species) == len(types) and len(set(types)) != len(species):
        return tuple(species)
    else:
        table = {str(i + 1): name for i, name in enumerate(species)}
    if missing := sorted(set(types) - set(table)):
        raise InputError(f"type {missing[0]} has no element", where=where, remedy="Name every type in species.")
    return tuple(table[name] for name in types)


def species_of_dump(
    ids: Sequence[int],
    elements: Sequence[str],
    types: Sequence[str],
    data: str | Path | None,
    species: Mapping[Any, str] | Sequence[str] | None,
    where: str,
    warnings: list[str],
) -> tuple[str, ...]:
    """Return the element of every atom of a dump; what the user says goes before the file.

    Parameters
    ----------
    ids, elements, types
        Of every atom; elements and types may be empty.
    data, species
        As given to `read_trajectory`.
    where
        The file.
    warnings
        Receives sentences.

    Raises
    ------
    InputError
        If the dump names elements that contradict `data`, or `species` is no list of the atoms or types.
    """
    if species is not None:
        if types:
            return map_types(types, species, where)
        if isinstance(species, Mapping):
            return tuple({str(k): v for k, v in species.items()}.get(label, label) for label in elements)
        if len(species) == len(ids):
            return tuple(species)
        raise InputError(f"{len(species)} species for {len(ids)} atoms without types", where=where)
    if data is not None:
        from .lammps_data import read_types

        mapped = map_types(types or read_types(data, ids), types_of_data(data), str(data))
        wrong = [i for i, (a, b) in enumerate(zip(elements, mapped, strict=False)) if a in _SYMBOLS and a != b]
        if wrong and set(elements) != {"C"}:  # LAMMPS calls every atom C where the user named no elements
            i = wrong[0]
            raise InputError(
                f"atom {ids[i]} is {elements[i]} in the dump and {mapped[i]} by its type",
                where=f"{where} and {data}",
                remedy="One of them is wrong; leave data out or correct the labels.",
            )
        return mapped
    if elements:
        if set(elements) == {"C"} and len(set(types)) > 1:
            warnings.append("every atom is called C, as LAMMPS does where no elements are named; types are used")
            return tuple(types)
        return tuple(elements)
    if types:
        warnings.append("the file holds types, not elements; map them with data or species")
        return tuple(types)
    raise InputError("the file has neither elements nor types", where=where, remedy="Give species by atom.")
