"""Numbers that follow from a formula and a cell: capacity, lithium content, density, expansion."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pymatgen.core import Composition, Element, Structure

from ..errors import InputError
from ..units import FARADAY_C_MOL
from .phases import Phase, phase

C_PER_MAH = 3.6
"""Coulomb in one mAh."""

ANIONS = frozenset({"H", "N", "O", "F", "S", "Cl", "Br", "I"})
"""Elements that make a cell with lithium a salt, an oxide or an electrolyte rather than an alloy."""


@dataclass(frozen=True)
class PhaseNumbers:
    """What follows from a phase's formula and cell.

    Attributes
    ----------
    density_g_cm3
        Mass over volume of the cell, partial occupancies counted.
    volume_per_atom_A3
        Cell volume over atoms.
    host_element
        Element that takes up lithium; None for electrolytes and interlayers, and then the rest is None too.
    li_per_host
        x in LixM.
    capacity_mAh_g
        Charge stored per mass of unlithiated host.
    volume_per_host_A3
        Cell volume over host atoms.
    expansion_percent
        Volume per host atom against the unlithiated host's, both as they stand in the library.
    host_phase
        The unlithiated phase that the expansion refers to.
    """

    density_g_cm3: float
    volume_per_atom_A3: float
    host_element: str | None = None
    li_per_host: float | None = None
    capacity_mAh_g: float | None = None
    volume_per_host_A3: float | None = None
    expansion_percent: float | None = None
    host_phase: str | None = None


def li_per_host(formula: str | Composition, host: str) -> float:
    """Return x of LixM: lithium atoms for each atom of the host element.

    Parameters
    ----------
    formula
        Such as ``Li15Si4``.
    host
        Symbol of the host element.

    Raises
    ------
    InputError
        The formula holds none of the host.
    """
    composition = Composition(formula)
    if composition[host] <= 0:
        raise InputError(f"{composition.formula} holds no {host}")
    return float(composition["Li"] / composition[host])


def host_atoms(structure: Structure, guests: Collection[str] = ("Li",)) -> int:
    """Return how many atoms of an alloy take up lithium: all but the guests, and none where the cell holds anions.

    Parameters
    ----------
    structure
        Crystal, glass or melt.
    guests
        Elements that are taken up.

    Returns
    -------
    int
        0 for a salt, an oxide or an electrolyte, where a volume per host atom means nothing.
    """
    symbols = [site.specie.symbol for site in structure]
    return 0 if ANIONS & set(symbols) else sum(symbol not in guests for symbol in symbols)


def theoretical_capacity_mAh_g(formula: str | Composition, host: str) -> float:
    """Return the theoretical specific capacity x F / M in mAh per gram of unlithiated host.

    Only the host element's mass counts, as is usual for alloy anodes; one electron per lithium.

    Parameters
    ----------
    formula
        End phase of the lithiation, such as ``Li15Si4``.
    host
        Symbol of the host element.

    Examples
    --------
    >>> round(theoretical_capacity_mAh_g("Li15Si4", "Si"))
    3579
    """
    return li_per_host(formula, host) * FARADAY_C_MOL / C_PER_MAH / float(Element(host).atomic_mass)


def phase_numbers(name: str | Phase) -> PhaseNumbers:
    """Return capacity, lithium content, density and expansion of a phase of the library.

    Parameters
    ----------
    name
        A phase, or any name that `anodeflow.structures.phases.phase` takes.
    """
    item = name if isinstance(name, Phase) else phase(name)
    structure = item.structure
    density = float(structure.density)
    per_atom = float(structure.volume / structure.composition.num_atoms)
    host = item.host_element
    if host is None or item.host_phase is None:
        return PhaseNumbers(density, per_atom)
    per_host = float(structure.volume / structure.composition[host])
    reference = phase(item.host_phase).structure
    unlithiated = float(reference.volume / reference.composition[host])
    return PhaseNumbers(
        density,
        per_atom,
        host_element=host,
        li_per_host=li_per_host(item.formula, host),
        capacity_mAh_g=theoretical_capacity_mAh_g(item.formula, host),
        volume_per_host_A3=per_host,
        expansion_percent=100 * (per_host / unlithiated - 1),
        host_phase=item.host_phase,
    )
