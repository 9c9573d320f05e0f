"""Dopants, vacancies and interstitials, with charge compensation when asked, one by one or as a sweep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Element

from ..errors import InputError
from .ewald import ewald_matrix
from .record import BuildRecord, Source, make_record
from .voids import void_sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Defective:
    """A structure with defects.

    Attributes
    ----------
    structure
        Atoms keep their order; atoms added stand at the end.
    changed
        Indices, in the finished structure, of the atoms that were put in or replaced.
    removed
        Fractional coordinates of the sites that are empty now.
    record
        How it was made.
    """

    structure: Structure
    changed: tuple[int, ...]
    removed: tuple[tuple[float, float, float], ...]
    record: BuildRecord


def substitute(
    structure: Structure,
    element: str,
    dopant: str,
    *,
    count: int = 1,
    sites: Sequence[int] | None = None,
    seed: int = 1,
    compensate: str | None = None,
    source: Source | None = None,
    dopant_charge: float | None = None,
) -> Defective:
    """Replace atoms of one element by another.

    Parameters
    ----------
    structure
        Ordered structure, usually a supercell.
    element, dopant
        What is replaced, and by what.
    count
        Number of atoms, drawn at random.
    sites
        Indices of the atoms instead of a draw.
    seed
        Seed of the draw.
    compensate
        Mobile element, such as Li, that is removed or put into voids until the formal charge is what it was; the
        sites are those of lowest Coulomb energy.
    source
        Where the structure came from; its oxidation states are needed for the compensation.
    dopant_charge
        Oxidation state of the dopant; by default the one it most often has.

    Raises
    ------
    InputError
        There are not so many atoms, or whole atoms cannot compensate the charge.

    Examples
    --------
    >>> from anodeflow.structures.phases import find_structure
    >>> oxide, source = find_structure("tetragonal-LLZO")
    >>> doped = substitute(oxide, "Zr", "Ta", count=2, compensate="Li", source=source)
    >>> doped.structure.composition["Li"]
    54.0
    """
    _check_elements(structure, (element,), (dopant,))
    chosen = _choose(structure, element, count, sites, seed)
    doped = structure.copy()
    for index in chosen:
        _replace(doped, index, dopant)
    inputs: dict[str, Any] = {"element": element, "dopant": dopant, "count": len(chosen), "sites": chosen}
    inputs["compensate"] = compensate
    removed: list[tuple[float, float, float]] = []
    changed = list(chosen)
    source_after = source
    states = _known_states(doped, source, {dopant: dopant_charge} if dopant_charge is not None else {})
    if source is not None and states:
        source_after = replace(source, oxidation_states=states)
    if compensate:
        if not states or source is None:
            raise InputError("a charge can only be compensated where the oxidation states are known")
        excess = len(chosen) * (states[dopant] - states[element])
        doped, changed, removed = _compensate(doped, compensate, -excess, states, changed)
    return _result(doped, "dopant", inputs, changed, removed, source_after, seed if sites is None else None)


def remove(
    structure: Structure,
    element: str,
    *,
    count: int = 1,
    sites: Sequence[int] | None = None,
    seed: int = 1,
    source: Source | None = None,
) -> Defective:
    """Make vacancies.

    Parameters
    ----------
    structure, element, count, sites, seed, source
        As for `substitute`.
    """
    _check_elements(structure, (element,))
    chosen = _choose(structure, element, count, sites, seed)
    holes = [_position(structure, index) for index in chosen]
    left = structure.copy()
    left.remove_sites(chosen)
    inputs = {"kind": "vacancy", "element": element, "count": len(chosen), "sites": chosen}
    return _result(left, "defect", inputs, [], holes, source, seed if sites is None else None)


def insert(
    structure: Structure,
    element: str,
    *,
    count: int = 1,
    min_radius_A: float = 1.2,
    source: Source | None = None,
) -> Defective:
    """Put atoms into the largest voids, one after the other.

    Parameters
    ----------
    structure, element, count, source
        As for `substitute`.
    min_radius_A
        Smallest distance to the nearest atom that still is a void.

    Raises
    ------
    InputError
        There is no void of that size left.
    """
    _check_elements(structure, (), (element,))
    filled = structure.copy()
    for done in range(count):
        voids = void_sites(filled, min_radius_A=min_radius_A)
        if not voids:
            largest = void_sites(filled, min_radius_A=0.0)
            best = largest[0][1] if largest else 0.0
            raise InputError(
                f"after {done} of {count} {element} the largest void has a radius of {best:.2f} Å",
                remedy="Take a larger cell or a smaller radius.",
            )
        _append(filled, element, voids[0][0])
    inputs = {"kind": "interstitial", "element": element, "count": count, "min_radius_A": min_radius_A}
    added = list(range(len(structure), len(filled)))
    return _result(filled, "defect", inputs, added, [], source, None)


def dopant_sweep(
    structure: Structure,
    element: str,
    dopants: Iterable[str],
    *,
    count: int = 1,
    seed: int = 1,
    compensate: str | None = None,
    source: Source | None = None,
) -> dict[str, Defective]:
    """Put each of several dopants on the same sites, so that only the dopant differs.

    Parameters
    ----------
    structure, element, count, seed, compensate, source
        As for `substitute`.
    dopants
        Symbols, such as ``("Al", "Si", "C", "Sn", "Y", "Ta")``; one that is the element itself is refused.

    Returns
    -------
    dict
        By symbol, in the order given.
    """
    dopants = list(dopants)
    _check_elements(structure, (element,), ())
    twice = {symbol for symbol in dopants if dopants.count(symbol) > 1}
    if twice:
        raise InputError(f"the dopant {', '.join(sorted(twice))} is listed twice")
    sites = _choose(structure, element, count, None, seed)
    return {
        dopant: substitute(structure, element, dopant, sites=sites, seed=seed, compensate=compensate, source=source)
        for dopant in dopants
    }


def distinct_sites(structure: Structure, element: str | None = None) -> list[list[int]]:
    """Return the atoms grouped by symmetry: one defect on each group is one of each kind.

    Parameters
    ----------
    structure
        Ordered structure.
    element
        Only its atoms.
    """
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    symmetric = SpacegroupAnalyzer(structure, symprec=0.01).get_symmetrized_structure()
    groups = [[int(i) for i in group] for group in symmetric.equivalent_indices]
    return [group for group in groups if element is None or structure[group[0]].specie.symbol == element]


def _check_elements(structure: Structure, present: Sequence[str], new: Sequence[str] = ()) -> None:
    if not structure.is_ordered:
        raise InputError("defects need an ordered structure", remedy="Order it first: anodeflow build ordered.")
    for symbol in (*present, *new):
        if not Element.is_valid_symbol(symbol):
            raise InputError(f"'{symbol}' is no element")
    symbols = {site.specie.symbol for site in structure}
    for symbol in present:
        if symbol not in symbols:
            raise InputError(f"{structure.composition.reduced_formula} holds no {symbol}")
    if present and new and present[0] == new[0]:
        raise InputError(f"{new[0]} cannot replace itself")


def _choose(structure: Structure, element: str, count: int, sites: Sequence[int] | None, seed: int) -> list[int]:
    mine = [i for i, site in enumerate(structure) if site.specie.symbol == element]
    if sites is not None:
        wrong = [i for i in sites if i not in set(mine)]
        if wrong or len(set(sites)) != len(sites):
            raise InputError(f"the sites {list(sites)} are not different {element} atoms of the structure")
        return [int(i) for i in sites]
    if not 1 <= count <= len(mine):
        raise InputError(f"{count} {element} atoms were asked for, and the structure has {len(mine)}")
    return sorted(int(i) for i in np.random.default_rng(seed).choice(mine, count, replace=False))


def _known_states(structure: Structure, source: Source | None, given: Mapping[str, float]) -> dict[str, float]:
    """Return oxidation states for every element, or nothing."""
    if source is None or not source.oxidation_states:
        return {}
    states = {**source.oxidation_states, **given}
    for element in structure.composition.elements:
        if element.symbol not in states:
            common = Element(element.symbol).common_oxidation_states
            if not common:
                return {}
            states[element.symbol] = float(common[-1] if common[-1] > 0 else common[0])
    return states


def _compensate(
    structure: Structure, mobile: str, charge: float, states: Mapping[str, float], changed: list[int]
) -> tuple[Structure, list[int], list[tuple[float, float, float]]]:
    """Add mobile ions of a total charge, or remove them where it is negative."""
    if mobile not in states:
        raise InputError(f"the structure holds no {mobile} to compensate with")
    number = charge / states[mobile]
    if abs(number - round(number)) > 1e-6:
        raise InputError(
            f"a charge of {charge:+g} e cannot be compensated with whole {mobile} ions of {states[mobile]:+g} e",
            remedy="Replace another number of atoms.",
        )
    if number > 0:
        return _add_ions(structure, mobile, round(number), states, changed)
    return _remove_ions(structure, mobile, round(-number), states, changed)


def _remove_ions(
    structure: Structure, mobile: str, number: int, states: Mapping[str, float], changed: list[int]
) -> tuple[Structure, list[int], list[tuple[float, float, float]]]:
    matrix = ewald_matrix(structure)
    charges = np.array([states[site.specie.symbol] for site in structure])
    candidates = [i for i, site in enumerate(structure) if site.specie.symbol == mobile and i not in set(changed)]
    if len(candidates) < number:
        raise InputError(f"{number} {mobile} must go, and the structure has {len(candidates)}")
    gone: list[int] = []
    for _ in range(number):
        field = matrix @ charges
        q = states[mobile]
        energies = [-q * field[i] + 0.5 * q * q * matrix[i, i] for i in candidates]
        worst = candidates.pop(int(np.argmin(np.round(energies, 6))))
        charges[worst] = 0.0
        gone.append(worst)
    holes = [_position(structure, i) for i in gone]
    left = structure.copy()
    left.remove_sites(gone)
    moved = [index - sum(hole < index for hole in gone) for index in changed]
    return left, moved, holes


def _add_ions(
    structure: Structure, mobile: str, number: int, states: Mapping[str, float], changed: list[int]
) -> tuple[Structure, list[int], list[tuple[float, float, float]]]:
    filled = structure.copy()
    for _ in range(number):
        voids = void_sites(filled, min_radius_A=1.2)
        if not voids:
            raise InputError(f"there is no void left for a further {mobile}")
        trial = filled.copy()
        for centre, _ in voids[:200]:
            _append(trial, mobile, centre)
        matrix = ewald_matrix(trial)
        charges = np.array([states[site.specie.symbol] for site in filled])
        field = matrix[len(filled) :, : len(filled)] @ charges
        own = np.diag(matrix)[len(filled) :]
        energies = states[mobile] * field + 0.5 * states[mobile] ** 2 * own
        _append(filled, mobile, voids[int(np.argmin(np.round(energies, 6)))][0])
    return filled, [*changed, *range(len(structure), len(filled))], []


def _append(structure: Structure, symbol: str, position: NDArray[np.float64]) -> None:
    structure.append(symbol, position, properties=_properties(structure))


def _replace(structure: Structure, index: int, symbol: str) -> None:
    structure.replace(index, symbol, properties={**structure[index].properties, **_properties(structure)})


def _properties(structure: Structure) -> dict[str, Any]:
    """Return empty site properties: what they said of the old atom does not hold for the new one."""
    return dict.fromkeys(structure.site_properties)


def _position(structure: Structure, index: int) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in structure[index].frac_coords)
    return (x, y, z)


def _result(
    structure: Structure,
    builder: str,
    inputs: dict[str, Any],
    changed: Sequence[int],
    removed: Sequence[tuple[float, float, float]],
    source: Source | None,
    seed: int | None,
) -> Defective:
    if source is not None and source.oxidation_states and "charge" in structure.site_properties:
        states = source.oxidation_states
        structure.add_site_property("charge", [float(states[site.specie.symbol]) for site in structure])
    elif "charge" in structure.site_properties:
        structure.remove_site_property("charge")
    inputs = {"structure": source.name if source else structure.composition.reduced_formula, **inputs}
    record = make_record(structure, builder, inputs, sources=[source] if source else [], seed=seed)
    charge = record.charge
    if charge:
        sentence = (
            f"The formal charge of the cell is {charge:+g} e; a calculation would put a uniform background under it."
        )
        record = replace(record, warnings=(*record.warnings, sentence))
    return Defective(structure, tuple(changed), tuple(removed), record)
