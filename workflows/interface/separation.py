"""What holds an interface together: rank by rigid adhesion, relax, part plane by plane, and weigh against the bulk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.energetics import EV_A2_TO_J_M2, interface_energy
from ...analysis.replicas import mean_of_places
from ...engines.lammps.relax import Relaxation, relax
from ...engines.lammps.setup import System
from ...quantity import Quantity
from ...structures.parting import cleavage_planes, cleaved, lay_out, one_side, with_gaps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pymatgen.core import Structure

    from ...engines.resources import Resources
    from ...potentials.cards import PotentialCard

INTERFACES = 2
"""Interfaces in a cell, a sandwich without vacuum."""

GAPS_A = (-0.6, -0.3, 0.0, 0.3, 0.6, 0.9, 1.3)
"""Widenings of the contacts that are tried for the rigid adhesion; 0 is where the nearest atoms touch."""


@dataclass(frozen=True)
class Ranked:
    """Rigid adhesion of one candidate.

    Attributes
    ----------
    structure
        With the contacts as wide as suits them best.
    adhesion_J_m2
        Work to part all contacts, sides as cut, for the area of all contacts.
    gap_A
        Widening of the contacts where it is largest.
    """

    structure: Structure
    adhesion_J_m2: float
    gap_A: float


def energy_of(structure: Structure, calculator: Any) -> float:
    """Return the energy of a structure as it is, in eV."""
    from pymatgen.io.ase import AseAtomsAdaptor

    bare = structure.copy()
    for key in list(bare.site_properties):
        bare.remove_site_property(key)
    atoms = AseAtomsAdaptor.get_atoms(bare)
    atoms.calc = calculator
    return float(atoms.get_potential_energy())


def area_of(structure: Structure) -> float:
    """Return the area of the plane of the first two vectors in Å²."""
    return float(np.linalg.norm(np.cross(*np.asarray(structure.lattice.matrix)[:2])))


def rigid_adhesion(structure: Structure, calculator: Any, *, vacuum_A: float) -> Ranked:
    """Bring the sides of a sandwich to their best distance, unrelaxed, and part them.

    Parameters
    ----------
    structure
        With the site property ``side``.
    calculator
        Of ASE.
    vacuum_A
        Vacuum beside each side alone.
    """
    sides = [int(side) for side in structure.site_properties["side"]]
    parts = sum(energy_of(one_side(structure, sides, k, vacuum_A), calculator) for k in range(max(sides) + 1))
    tried = [(gap, with_gaps(structure, sides, gap)) for gap in GAPS_A]
    energies = [energy_of(one, calculator) for _, one in tried]
    best = int(np.argmin(energies))
    work = (parts - energies[best]) / (area_of(structure) * (max(sides) + 1)) * EV_A2_TO_J_M2
    return Ranked(tried[best][1], float(work), tried[best][0])


@dataclass(frozen=True)
class Separation:
    """What parting an interface gave.

    Attributes
    ----------
    structure
        Relaxed, in LAMMPS' frame, with the site property ``side``.
    quantities
        Works of separation and interface energy, for one interface with whatever lies between its sides.
    planes
        Of each contact the distances of the planes tried from it in Å and the rigid work there in J/m².
    warnings
        Sentences.
    """

    structure: Structure
    quantities: list[Quantity]
    planes: list[dict[str, list[float]]]
    warnings: list[str]


def separate(
    structure: Structure,
    bulks: Sequence[Structure | None],
    potential: PotentialCard,
    folder: Path,
    resources: Resources,
    *,
    pressure_GPa: float,
    scan_A: float,
    vacuum_A: float,
    relaxed: bool,
    source: str,
) -> Separation:
    """Relax an interface along its normal, part it at planes near each contact, and weigh it against the bulk.

    Parameters
    ----------
    structure
        Sandwich with the site property ``side``.
    bulks
        Strained bulk of each side; None where there is none.
    potential
        The energy model.
    folder
        Where the relaxations work.
    resources
        Processors.
    pressure_GPa
        On the normal.
    scan_A, vacuum_A
        Range of planes beside a contact, and width of the gap.
    relaxed
        Also relax at the weakest plane of each interface.
    source
        For the quantities.
    """
    sides = [int(side) for side in structure.site_properties["side"]]
    whole = relax(
        System.of(_bare(structure), potential), folder / "whole", resources, cell="normal", pressure_GPa=pressure_GPa
    )
    joined = whole.structure.copy()
    joined.add_site_property("side", sides)
    warnings = [] if whole.converged else [_left("the interface", whole)]
    calculator = potential.for_relaxation().ase_calculator()
    area, base = area_of(joined), energy_of(joined, calculator)

    def work(energy: float) -> float:
        return (energy - base) / area * EV_A2_TO_J_M2

    laid = lay_out(joined, sides)
    planes: list[dict[str, list[float]]] = []
    heights: list[list[float]] = []
    for contact, own in enumerate(laid.contacts_A):
        heights.append(cleavage_planes(laid, contact, within_A=scan_A))
        works = [work(energy_of(cleaved(joined, place, vacuum_A), calculator)) for place in heights[contact]]
        planes.append({"distance_A": [place - own for place in heights[contact]], "work_J_m2": works})
    found: dict[str, list[Quantity]] = {}

    def put(name: str, value: float, unit: str, method: str, *, parted: bool = True) -> None:
        why = tuple(warnings) if parted else (*warnings, "the relaxation after parting did not come to its end")
        one = Quantity(name, value, unit, method=method, converged=not why, warnings=why, source=source)
        found.setdefault(name, []).append(one)

    # a cell holds two interfaces; one with layers between has several contacts, the weakest of which parts
    each = len(planes) // INTERFACES
    for first in range(0, len(planes), each):
        contact = min(range(first, first + each), key=lambda k: min(planes[k]["work_J_m2"]))
        works, away = planes[contact]["work_J_m2"], np.abs(planes[contact]["distance_A"])
        weakest = int(np.argmin(works))
        put("rigid_work_of_separation", works[int(np.argmin(away))], "J/m^2", "parted at the contact as it is")
        how = f"parted as it is at the weakest of the planes within {scan_A:g} Å of the contact"
        put("weakest_rigid_work", works[weakest], "J/m^2", how)
        how = "distance of the weakest plane from the contact"
        put("weakest_plane_distance", round(float(away[weakest]), 6), "Å", how)
        if relaxed:
            parted = _bare(cleaved(joined, heights[contact][weakest], vacuum_A))
            halves = relax(System.of(parted, potential), folder / f"parted-{contact}", resources, cell="fixed")
            how = "parted at the weakest plane, both halves relaxed"
            put("work_of_separation", work(halves.energy_eV), "J/m^2", how, parted=halves.converged)
    quantities = [_over_interfaces(several) for several in found.values()]
    formation = _formation(joined, sides, whole.energy_eV, bulks, potential, folder, resources, pressure_GPa, source)
    if warnings:
        formation = formation.doubted(*warnings)
    return Separation(joined, [*quantities, formation], planes, warnings)


def _bare(structure: Structure) -> Structure:
    bare = structure.copy()
    for key in list(bare.site_properties):
        bare.remove_site_property(key)
    return bare


def _left(what: str, relaxation: Relaxation) -> str:
    return (
        f"The relaxation of {what} left forces up to {relaxation.max_force_eV_A:.2g} eV/Å and "
        f"{relaxation.stress_GPa[2]:.2g} GPa along the normal."
    )


def _over_interfaces(both: Sequence[Quantity]) -> Quantity:
    """Return the mean over the interfaces of one cell; what did not come to its end for one did not for the mean."""
    mean = mean_of_places(both)
    method = mean.method.replace("mean over replicas", "mean over the interfaces of the cell")
    notes = dict.fromkeys(text for one in (mean, *both) for text in one.warnings)
    return replace(mean, method=method, converged=all(one.converged for one in both), warnings=tuple(notes))


def _formation(
    joined: Structure,
    sides: Sequence[int],
    energy_eV: float,
    bulks: Sequence[Structure | None],
    potential: PotentialCard,
    folder: Path,
    resources: Resources,
    pressure_GPa: float,
    source: str,
) -> Quantity:
    """Return the interface energy against the strained bulk of each side, or why there is none."""
    from pymatgen.core import Composition

    method = "excess over the bulk of each side, strained in the plane as here and relaxed along the normal"

    def none(why: str) -> Quantity:
        return Quantity(
            "interface_energy", None, "J/m^2", method=method, converged=False, warnings=(why,), source=source
        )

    atoms: dict[str, float] = {}
    energies: dict[str, Quantity | float] = {}
    for side, bulk in enumerate(bulks):
        own = [joined[k] for k, number in enumerate(sides) if number == side]
        name = f"side {side + 1}"
        if bulk is None:
            return none(f"{name} is a glass, whose bulk has no energy of its own")
        content = bulk.composition.fractional_composition
        here = Composition(_counts(own))
        if not here.fractional_composition.almost_equals(content, rtol=1e-6, atol=1e-6):
            return none(
                f"the slab of {bulk.composition.reduced_formula} holds {here.reduced_formula}, so its bulk is no "
                "reference without chemical potentials"
            )
        rest = relax(
            System.of(bulk, potential), folder / f"bulk-{side}", resources, cell="normal", pressure_GPa=pressure_GPa
        )
        if not rest.converged:
            return none(_left(f"the strained bulk of {bulk.composition.reduced_formula}", rest))
        atoms[name], energies[name] = float(len(own)), rest.energy_eV_atom
    made = interface_energy(energy_eV, atoms, energies, area_of(joined), interfaces=INTERFACES)
    return replace(made, method=method, source=source)


def _counts(sites: Sequence[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for site in sites:
        counts[site.specie.symbol] = counts.get(site.specie.symbol, 0) + 1
    return counts
