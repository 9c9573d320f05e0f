"""Density of a glass or alloy nobody has measured: additive volumes, and compositions in whole atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..units import G_MOL_A3_TO_G_CM3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymatgen.core import Composition

LITHIUM_IN_ALLOY_A3 = 14.8
"""Volume that one lithium atom adds to an alloy (Obrovac and Chevrier, Chem. Rev. 114 (2014) 11444)."""

IONIC_VOLUMES_A3 = {
    "Al": 3.0,
    "B": 6.1,
    "Br": 35.8,
    "C": 7.0,
    "Cl": 29.3,
    "F": 10.4,
    "Ga": 9.0,
    "Ge": 5.0,
    "H": 10.5,
    "I": 48.6,
    "In": 19.5,
    "La": 7.3,
    "Li": 5.9,
    "Mg": 5.0,
    "N": 19.4,
    "O": 13.7,
    "P": 5.0,
    "S": 34.0,
    "Se": 42.0,
    "Si": 17.7,
    "Sn": 13.1,
    "Ta": 20.0,
    "Te": 52.0,
    "Ti": 12.4,
    "Y": 21.3,
    "Zr": 22.3,
}
"""Volume increments in compounds with anions, Å³ per atom.

Least squares over the salts, oxides and sulfides of the phase library, LiBr, LiI, Al2O3 and glassy SiO2 and
LiPON, held weakly to the volumes of the anions. The root mean square error there
is 4 %, the largest 17 % (Li3N).
C, Se, Ta and Te were not in the fit and are estimates from SiC, the trend to S, Zr and I.
"""

_OTHER_CATION_A3 = 10.0
_ANIONS = frozenset({"N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I", "H"})


def parse_composition(composition: str | Mapping[str, float]) -> Composition:
    """Read a formula or a mapping of symbols to amounts.

    Parameters
    ----------
    composition
        A formula such as ``"Li15Si4"`` or ``{"Li": 15, "Si": 4}``.

    Returns
    -------
    Composition

    Raises
    ------
    InputError
        If it is empty, names something that is not an element, names one element twice, or has an amount
        that is not positive.
    """
    from pymatgen.core import Composition, Element

    where = f"composition {composition!r}"
    if isinstance(composition, str):
        try:
            result = Composition(composition)
            if not result or not all(isinstance(k, Element) for k in result):
                raise ValueError(composition)
        except (ValueError, KeyError) as error:
            raise InputError(
                "this is not a chemical formula", where=where, remedy="Write it as in 'Li15Si4'."
            ) from error
        amounts = {str(k): float(v) for k, v in result.items()}
    else:
        amounts = {str(k): float(v) for k, v in composition.items()}
    totals: dict[str, str] = {}
    for symbol, amount in amounts.items():
        bare = symbol.strip().rstrip("+-0123456789")
        proper = bare.capitalize()
        if proper in totals:
            raise InputError(
                f"element {proper} is given twice, as {totals[proper]!r} and {symbol!r}",
                where=where,
                remedy="Give each element once.",
            )
        if not Element.is_valid_symbol(bare) or bare != symbol:
            hint = f"Did you mean {proper!r}?" if Element.is_valid_symbol(proper) else "Use element symbols."
            raise InputError(f"{symbol!r} is not an element", where=where, remedy=hint)
        totals[proper] = symbol
        if not np.isfinite(amount) or amount <= 0:
            raise InputError(f"the amount {amount:g} of {symbol} is not a positive number", where=where)
    if not totals:
        raise InputError("the composition is empty", where=where, remedy="Write it as in 'Li15Si4'.")
    return Composition(amounts)


def whole_atoms(composition: Composition, atoms: int) -> tuple[dict[str, int], str]:
    """Turn a composition into whole numbers of atoms near a wanted total.

    Whole formula units are taken where the formula has whole numbers (or becomes whole within ``atoms``); any
    other formula is rounded element by element, largest remainder first.

    Parameters
    ----------
    composition
        What is wanted.
    atoms
        Wanted number of atoms.

    Returns
    -------
    counts : dict
        Atoms of each element, in the order of the formula.
    note : str
        What was rounded, or an empty string.

    Raises
    ------
    InputError
        If ``atoms`` is not positive or too few for one of each element.
    """
    if atoms < 1:
        raise InputError(f"{atoms} atoms cannot be packed", remedy="Ask for at least one.")
    names = [e.symbol for e in composition]
    if atoms < len(names):
        raise InputError(
            f"{atoms} atoms are too few for {len(names)} elements of {composition.formula.replace(' ', '')}",
            remedy="Ask for more.",
        )
    amounts = np.array([composition[e] for e in names])
    for multiple in range(1, 101):
        scaled = amounts * multiple
        if scaled.sum() > 1.5 * atoms and multiple > 1:
            break
        if np.allclose(scaled, np.round(scaled), atol=1e-6):
            unit = np.round(scaled).astype(int)
            unit //= np.gcd.reduce(unit)
            number = max(1, round(atoms / int(unit.sum())))
            counts = unit * number
            total = int(counts.sum())
            note = ""
            if total != atoms:
                note = f"{atoms} atoms rounded to {total}: {number} units of {int(unit.sum())} atoms"
            return dict(zip(names, counts.tolist(), strict=True)), note
    exact = amounts / amounts.sum() * atoms
    counts = np.maximum(np.floor(exact), 1).astype(int)
    order = np.argsort(-(exact - counts), kind="stable")
    for k in order[: max(0, atoms - int(counts.sum()))]:
        counts[k] += 1
    made = "".join(f"{n}{c}" for n, c in zip(names, counts, strict=True))
    return dict(zip(names, counts.tolist(), strict=True)), (
        f"{composition.formula.replace(' ', '')} in {atoms} atoms rounded to {made}"
    )


def estimated_density_g_cm3(composition: str | Mapping[str, float]) -> float:
    """Density from additive volumes: elements and 14.8 Å³ per lithium in alloys, ionic increments otherwise.

    Parameters
    ----------
    composition
        Formula or amounts.

    Returns
    -------
    float
        Density in g/cm³; right to about 4 % for crystals, and a glass is some per cent lighter.
    """
    content = parse_composition(composition)
    return float(content.weight) / estimated_volume(content) * G_MOL_A3_TO_G_CM3


def estimated_volume(composition: Composition) -> float:
    """Volume of one formula unit in Å³ from additive volumes.

    Parameters
    ----------
    composition
        Amounts in one formula unit.

    Returns
    -------
    float
    """
    symbols = {e.symbol for e in composition}
    volume = 0.0
    for element, amount in composition.items():
        symbol = element.symbol
        if symbols & _ANIONS:
            volume += amount * IONIC_VOLUMES_A3.get(symbol, _OTHER_CATION_A3)
        elif symbol == "Li" and len(symbols) > 1:
            volume += amount * LITHIUM_IN_ALLOY_A3
        else:
            # molar volume of the element in cm³/mol
            volume += amount * float(element.molar_volume or 10.0) / 0.602214076
    return volume


def atoms_per_volume(composition: Composition, density_g_cm3: float) -> float:
    """Convert a density in g/cm³ to atoms per volume.

    Parameters
    ----------
    composition
        Composition.
    density_g_cm3
        Density in g/cm³.

    Returns
    -------
    float
        Atoms per Å³.
    """
    return float(composition.num_atoms) * density_g_cm3 / (float(composition.weight) * G_MOL_A3_TO_G_CM3)
