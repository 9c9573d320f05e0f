"""Bulk moduli, only to decide which side of an interface takes more of the misfit strain."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from .density import IONIC_VOLUMES_A3, LITHIUM_IN_ALLOY_A3
from .distances import ANION_RADII_A

if TYPE_CHECKING:
    from pymatgen.core import Composition

_MEASURED_GPA = {
    "LiF": 67.0,
    "LiCl": 30.0,
    "Li2O": 82.0,
    "Li2S": 41.0,
    "MgO": 160.0,
    "Al2O3": 250.0,
    "TiN": 290.0,
    "SiO2": 37.0,
    "Li3PO4": 72.5,
    "Li3PS4": 23.3,
    "Li7P3S11": 23.9,
    "Li6PS5Cl": 28.7,
    "Li10Ge(PS6)2": 27.3,
    "Li7La3Zr2O12": 112.0,
    "Li3OCl": 55.7,
    "LiTi2(PO4)3": 95.0,
}
"""GPa. Electrolytes: PBE, Deng et al., J. Electrochem. Soc. 163 (2016) A67 (LLZO: 112.4). Salts, oxides and
nitrides: rounded handbook values. A wrong value shifts strain between the sides and nothing else."""

_BY_ANION_GPA = {"F": 60.0, "O": 90.0, "N": 100.0, "S": 25.0, "Cl": 27.0, "Se": 20.0, "Br": 23.0, "I": 18.0}


def bulk_modulus_GPa(composition: Composition) -> tuple[float, str]:
    """Bulk modulus of a phase, as well as it is known.

    Parameters
    ----------
    composition
        Composition of the phase.

    Returns
    -------
    modulus : float
        GPa.
    basis : str
        ``"literature"``; ``"elements"``, the volume-weighted mean of the elements for alloys (Voigt's bound); or
        ``"anion"``, a typical value of oxides, sulfides or halides.
    """
    formula = composition.reduced_formula
    if formula in _MEASURED_GPA:
        return _MEASURED_GPA[formula], "literature"
    anions = _anions(composition)
    if anions:
        weights = {symbol: amount * IONIC_VOLUMES_A3.get(symbol, 30.0) for symbol, amount in anions.items()}
        total = sum(weights.values())
        return sum(_BY_ANION_GPA.get(symbol, 30.0) * w for symbol, w in weights.items()) / total, "anion"
    volumes, moduli = [], []
    for element, amount in composition.items():
        volume = float(element.molar_volume or 10.0) / 0.602214076
        volumes.append(amount * (LITHIUM_IN_ALLOY_A3 if element.symbol == "Li" else volume))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "No data available for bulk_modulus", UserWarning)  # then 50 GPa
            moduli.append(float(element.bulk_modulus or 50.0))
    return float(np.average(moduli, weights=volumes)), "elements"


def _anions(composition: Composition) -> dict[str, float]:
    return {e.symbol: float(n) for e, n in composition.items() if e.symbol in ANION_RADII_A}
