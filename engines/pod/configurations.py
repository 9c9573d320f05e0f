"""Configurations as plain data, with or without labels, for documents and for files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from pymatgen.core import Structure

_DIGITS = 8


def to_document(atoms: Atoms) -> dict[str, Any]:
    """Return a configuration as JSON types; labels that its calculator already holds go along.

    Parameters
    ----------
    atoms
        Periodic in three directions. ``info["origin"]``, in words how it was made, is kept.

    Returns
    -------
    dict
        ``symbols``, ``cell`` and ``positions`` in Å, ``origin``, and with labels ``energy_eV``, ``forces_eV_A`` and
        ``stress_eV_A3`` (ASE's order and sign).
    """
    document: dict[str, Any] = {
        "symbols": atoms.get_chemical_symbols(),
        "cell": np.round(np.array(atoms.cell), _DIGITS).tolist(),
        "positions": np.round(atoms.positions, _DIGITS).tolist(),
        "origin": str(atoms.info.get("origin", "")),
    }
    results = atoms.calc.results if atoms.calc is not None else {}
    if "energy" in results and "forces" in results:
        document["energy_eV"] = float(results["energy"])
        document["forces_eV_A"] = np.round(results["forces"], _DIGITS).tolist()
        document["stress_eV_A3"] = np.round(results["stress"], _DIGITS + 2).tolist()
    return document


def from_document(document: dict[str, Any]) -> Atoms:
    """Return the configuration of a document of `to_document`, its labels in a single-point calculator."""
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = Atoms(document["symbols"], positions=document["positions"], cell=document["cell"], pbc=True)
    atoms.info["origin"] = document["origin"]
    if "energy_eV" in document:
        atoms.calc = SinglePointCalculator(  # type: ignore[no-untyped-call]  # ASE carries no types
            atoms,
            energy=document["energy_eV"],
            forces=np.array(document["forces_eV_A"]),
            stress=np.array(document["stress_eV_A3"]),
        )
    return atoms


def atoms_of(structure: Structure, origin: str = "") -> Atoms:
    """Return an ordered pymatgen structure as a configuration."""
    from ase import Atoms

    atoms = Atoms(
        [site.specie.symbol for site in structure],
        positions=np.array(structure.cart_coords),
        cell=np.array(structure.lattice.matrix),
        pbc=True,
    )
    atoms.info["origin"] = origin
    return atoms


def structure_of(atoms: Atoms) -> Structure:
    """Return a configuration as a pymatgen structure."""
    from pymatgen.core import Lattice, Structure

    return Structure(
        Lattice(np.array(atoms.cell)), atoms.get_chemical_symbols(), atoms.positions, coords_are_cartesian=True
    )


def shortest_distances(configurations: Sequence[Atoms]) -> dict[str, float]:
    """Return the shortest distance of each pair of elements over all configurations, in Å, by ``A-B``."""
    from ...structures.distances import closest_pairs

    found: dict[str, float] = {}
    for atoms in configurations:
        for pair, distance in closest_pairs(structure_of(atoms), cutoff=5.0).items():
            name = "-".join(sorted(pair))
            found[name] = min(found.get(name, np.inf), float(distance))
    return dict(sorted(found.items()))
