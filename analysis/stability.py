"""Thermodynamic stability of an electrolyte: its window in lithium potential, what it becomes, and what it meets.

Everything rests on energies at 0 K of one level of theory; kinetics, and so how far a metastable electrolyte survives
its window, are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pymatgen.analysis.phase_diagram import PhaseDiagram

_SMALL = 1e-6


@dataclass(frozen=True)
class Plateau:
    """What an electrolyte decomposes into over a range of potential.

    Attributes
    ----------
    low_V, high_V
        Range against lithium metal; `high_V` is None where nothing more happens.
    lithium
        Lithium atoms taken up by a formula unit, negative when they leave.
    products
        Formulas, in the order of the alphabet.
    """

    low_V: float
    high_V: float | None
    lithium: float
    products: tuple[str, ...]


@dataclass(frozen=True)
class StabilityWindow:
    """The electrochemical window of one electrolyte.

    Attributes
    ----------
    formula
        Electrolyte.
    above_hull
        ``energy_above_hull`` in eV/atom.
    reduction, oxidation
        ``reduction_limit`` and ``oxidation_limit`` in V against lithium metal: between them neither the electrolyte
        nor what it decomposes into without lithium takes up or gives off any.
    plateaus
        From the lowest potential to the highest.
    """

    formula: str
    above_hull: Quantity
    reduction: Quantity
    oxidation: Quantity
    plateaus: tuple[Plateau, ...]


@dataclass(frozen=True)
class InterfaceReaction:
    """The strongest reaction of two phases that touch.

    Attributes
    ----------
    formulas
        The two.
    energy
        ``reaction_energy`` in eV an atom of the products; 0 where none lowers the energy.
    share
        Atomic share of the first phase where it is strongest.
    reaction
        As text.
    """

    formulas: tuple[str, str]
    energy: Quantity
    share: float
    reaction: str


def phase_diagram(energies_eV_atom: Mapping[str, float]) -> PhaseDiagram:
    """Return the phase diagram of phases at one level of theory.

    Parameters
    ----------
    energies_eV_atom
        Energy of an atom by formula; every element has to be among them.

    Raises
    ------
    InputError
        If the energy of an element is missing or one is not a number.
    """
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    entries, present, pure = [], set(), set()
    for formula, energy in energies_eV_atom.items():
        composition = Composition(formula)
        if not np.isfinite(energy):
            raise InputError(f"the energy of {formula} is not a number")
        present |= {element.symbol for element in composition}
        if len(composition) == 1:
            pure |= {element.symbol for element in composition}
        entries.append(PDEntry(composition, energy * composition.num_atoms))
    if missing := sorted(present - pure):
        raise InputError(
            f"there is no energy of the element {', '.join(missing)}", remedy="Give one of every element at one level."
        )
    return PhaseDiagram(entries)


def stability_window(
    energies_eV_atom: Mapping[str, float], formula: str, *, mobile: str = "Li", source: str = ""
) -> StabilityWindow:
    """Return the window of an electrolyte and what it becomes beyond it.

    The lithium potential is scanned along the convex hull; at each step the phases of the lowest grand potential are
    the products (Y. Zhu, X. He, Y. Mo, ACS Appl. Mater. Interfaces 7 (2015) 23685; by pymatgen).

    Parameters
    ----------
    energies_eV_atom
        As for `phase_diagram`; the electrolyte has to be among them.
    formula
        Electrolyte.
    mobile
        Element whose potential is scanned.
    source
        For the quantities.

    Raises
    ------
    InputError
        If the electrolyte is not among the phases or holds none of the mobile element.
    """
    from pymatgen.core import Composition, Element

    diagram = phase_diagram(energies_eV_atom)
    composition = Composition(formula)
    entry = next((e for e in diagram.all_entries if e.composition.reduced_formula == composition.reduced_formula), None)
    if entry is None or composition[mobile] == 0:
        raise InputError(f"{formula} is not among the phases, or holds no {mobile}", remedy="Give its energy too.")
    method = "convex hull of energies at 0 K; no statistical error"
    above = diagram.get_e_above_hull(entry)
    assert above is not None  # only where errors are to be swallowed
    metal = diagram.el_refs[Element(mobile)].energy_per_atom
    steps = diagram.get_element_profile(Element(mobile), Composition(composition.reduced_formula))
    potentials = [float(metal - step["chempot"]) for step in steps]
    ordered = sorted(zip(potentials, steps, strict=True), key=lambda pair: pair[0])
    plateaus = []
    for number, (low, step) in enumerate(ordered):
        high = ordered[number + 1][0] if number + 1 < len(ordered) else None
        products = tuple(sorted({e.composition.reduced_formula for e in step["entries"]} - {mobile}))
        plateaus.append(Plateau(max(low, 0.0), high, float(step["evolution"]), products))
    inert = [plateau for plateau in plateaus if abs(plateau.lithium) < _SMALL]

    def limit(name: str, value: float | None) -> Quantity:
        if value is None:
            why = ("no potential leaves its lithium alone",)
            return Quantity(name, None, "V", method=method, converged=False, warnings=why, source=source)
        return Quantity(name, value, "V", method=method, source=source)

    return StabilityWindow(
        composition.reduced_formula,
        Quantity("energy_above_hull", float(above), "eV/atom", method=method, source=source),
        limit("reduction_limit", inert[0].low_V if inert else None),
        limit("oxidation_limit", inert[-1].high_V if inert else None),
        tuple(plateaus),
    )


def interface_reaction(
    energies_eV_atom: Mapping[str, float], first: str, second: str, *, source: str = ""
) -> InterfaceReaction:
    """Return the strongest reaction between two phases over all mixing ratios.

    W. D. Richards, L. J. Miara, Y. Wang, J. C. Kim, G. Ceder, Chem. Mater. 28 (2016) 266; by pymatgen's
    `InterfacialReactivity`, from the phases' own energies.

    Parameters
    ----------
    energies_eV_atom
        As for `phase_diagram`; both phases have to be among them.
    first, second
        Formulas.
    source
        For the quantity.

    Raises
    ------
    InputError
        If one is not among the phases.
    """
    from pymatgen.analysis.interface_reactions import InterfacialReactivity
    from pymatgen.core import Composition

    diagram = phase_diagram(energies_eV_atom)
    one, other = (Composition(Composition(name).reduced_formula) for name in (first, second))
    known = {e.composition.reduced_formula for e in diagram.all_entries}
    if missing := [each.reduced_formula for each in (one, other) if each.reduced_formula not in known]:
        raise InputError(f"{missing[0]} is not among the phases", remedy="Give its energy too.")
    found = InterfacialReactivity(one, other, diagram, norm=True, use_hull_energy=False)
    kinks = [(ratio, energy, reaction) for _, ratio, energy, reaction, _ in found.get_kinks()]
    ratio, energy, reaction = min(kinks, key=lambda kink: kink[1])
    quantity = Quantity(
        "reaction_energy",
        float(energy),
        "eV/atom",
        method="strongest point over all mixing ratios, energies at 0 K; no statistical error",
        source=source,
    )
    return InterfaceReaction((first, second), quantity, float(ratio), str(reaction))


def plateau_text(plateaus: Sequence[Plateau]) -> list[str]:
    """Return each plateau as a sentence."""
    sentences = []
    for plateau in plateaus:
        above = (
            f"{plateau.low_V:.2f} to {plateau.high_V:.2f} V"
            if plateau.high_V is not None
            else f"above {plateau.low_V:.2f} V"
        )
        if abs(plateau.lithium) < _SMALL:
            what = "no lithium is exchanged"
        else:
            what = f"{abs(plateau.lithium):.3g} Li {'taken up' if plateau.lithium > 0 else 'given off'}"
        sentences.append(f"{above}: {what}, {' + '.join(plateau.products)}")
    return sentences
