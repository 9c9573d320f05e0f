"""Ionic models with fixed charges: Pedone's, and Buckingham with rigid ions or with shells.

Long-range electrostatics are summed with PPPM in every one of them.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from .model import LammpsPotential, PairModel, Shells, Strict

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap

Positive = Annotated[float, Field(gt=0)]

KSPACE = ("pppm", "1.0e-6")
"""Relative error of the forces, far below what any of these models can claim."""

EXACT = ("table", "0", "shift", "yes")
"""No table of the real-space Coulomb term, and short-range terms that end at zero: their steps, small as they are, keep
perfect crystals from relaxing, since whole shells of neighbours cross the cutoff at once."""


class PedonePair(Strict):
    """Morse and repulsion between a cation, or oxygen, and oxygen.

    Attributes
    ----------
    charge_e
        Partial charge of the element.
    D_eV, a_per_A, r0_A
        Morse.
    C_eV_A12
        Repulsion C/r¹².
    """

    charge_e: float
    D_eV: Positive
    a_per_A: Positive
    r0_A: Positive
    C_eV_A12: Positive


class Pedone(PairModel):
    """Partial charges, Morse and r⁻¹² between oxygen and everything, Coulomb between everything.

    U = q q' / (4πε₀ r) + D ([1 − exp(−a(r−r₀))]² − 1) + C/r¹²; A. Pedone et al., J. Phys. Chem. B 110 (2006) 11780.

    Attributes
    ----------
    pairs
        Parameters of each element with oxygen.
    cutoff_A
        Of the short-range part and of the real-space part of the Coulomb sum.
    """

    style: Literal["pedone"] = "pedone"
    pairs: dict[str, PedonePair]
    cutoff_A: Positive = 12.0

    def known_elements(self) -> frozenset[str]:
        """Return the elements with parameters."""
        return frozenset(self.pairs)

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the commands."""
        coefficients: list[tuple[str, ...]] = [("*", "*", "coul/long")]
        if "O" in types.elements:
            for symbol in types.elements:
                pair = self.pairs[symbol]
                numbers = (pair.D_eV, pair.a_per_A, pair.r0_A, pair.C_eV_A12)
                indices = sorted((types.type_of(symbol), types.type_of("O")))
                coefficients.append((*map(str, indices), "pedone", *map(repr, numbers)))
        return LammpsPotential(
            files={},
            pair_style=("hybrid/overlay", "coul/long", repr(self.cutoff_A), "pedone", repr(self.cutoff_A)),
            pair_coeff=tuple(coefficients),
            charges_e={symbol: self.pairs[symbol].charge_e for symbol in types.elements},
            kspace_style=KSPACE,
            pair_modify=EXACT,
        )


class BuckinghamPair(Strict):
    """A exp(−r/ρ) − C/r⁶.

    Attributes
    ----------
    A_eV, rho_A, C_eV_A6
        Parameters.
    """

    A_eV: Positive
    rho_A: Positive
    C_eV_A6: Annotated[float, Field(ge=0)] = 0.0


class Shell(Strict):
    """Shell of an element.

    Attributes
    ----------
    charge_e
        Charge of the shell.
    spring_eV_A2
        k of k r²/2.
    """

    charge_e: float
    spring_eV_A2: Positive


class Angle(Strict):
    """k (θ − θ₀)²/2 for the triplet `ends`–`centre`–`ends`.

    Attributes
    ----------
    k_eV_rad2, theta0_degrees
        Parameters.
    cutoff_A
        Longest distance of an end from the centre.
    """

    k_eV_rad2: Positive
    theta0_degrees: Positive
    cutoff_A: Positive


class Buckingham(PairModel):
    """Charges, Buckingham pairs, optionally shells (Dick and Overhauser) and harmonic angles.

    Attributes
    ----------
    charges_e
        Total charge of each ion.
    pairs
        Parameters by pair, such as ``Li-O``; a pair that is not named interacts by its charges alone.
    shells
        Elements with a shell; their pairs act on it.
    angles
        Harmonic three-body terms by triplet, such as ``O-P-O``.
    cutoff_A
        Of the short-range part and of the real-space part of the Coulomb sum.
    """

    style: Literal["buckingham"] = "buckingham"
    charges_e: dict[str, float]
    pairs: dict[str, BuckinghamPair]
    shells: dict[str, Shell] = Field(default_factory=dict)
    angles: dict[str, Angle] = Field(default_factory=dict)
    cutoff_A: Positive = 12.0

    def known_elements(self) -> frozenset[str]:
        """Return the elements with charges."""
        return frozenset(self.charges_e)

    def _pair(self, first: str, second: str) -> BuckinghamPair | None:
        return self.pairs.get(f"{first}-{second}") or self.pairs.get(f"{second}-{first}")

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the commands, and the file of three-body terms where there are any."""
        shelled = [symbol for symbol in types.elements if symbol in self.shells]
        centre = {symbol: types.type_of(symbol) for symbol in types.elements}
        acting = {**centre, **{symbol: len(types.elements) + 1 + i for i, symbol in enumerate(shelled)}}
        angles = {
            name: angle
            for name, angle in self.angles.items()
            if all(symbol in types.elements for symbol in name.split("-"))
        }
        style = "buck/coul/long/cs" if shelled else "buck/coul/long"
        prefix = (style,) if angles else ()
        coefficients: list[tuple[str, ...]] = [("*", "*", *prefix, "0.0", "1.0", "0.0")]
        for first, second in combinations_with_replacement(types.elements, 2):
            pair = self._pair(first, second)
            if pair is not None:
                indices = sorted((acting[first], acting[second]))
                numbers = (pair.A_eV, pair.rho_A, pair.C_eV_A6)
                coefficients.append((*map(str, indices), *prefix, *map(repr, numbers)))
        pair_style: tuple[str, ...] = (style, repr(self.cutoff_A))
        files = {}
        if angles:
            pair_style = ("hybrid/overlay", *pair_style, "nb3b/harmonic")
            files["angles.nb3b"] = _angles_file(angles, types.elements)
            # Cores that have a shell take no part; the angle is that of the shells.
            names = ["NULL" if symbol in shelled else symbol for symbol in types.elements] + shelled
            coefficients.append(("*", "*", "nb3b/harmonic", "angles.nb3b", *names))
        charges = {
            symbol: self.charges_e[symbol] - (self.shells[symbol].charge_e if symbol in shelled else 0.0)
            for symbol in types.elements
        }
        shells = None
        if shelled:
            shells = Shells(
                {symbol: self.shells[symbol].charge_e for symbol in shelled},
                {symbol: self.shells[symbol].spring_eV_A2 for symbol in shelled},
                mass_fraction=0.1,
            )
        return LammpsPotential(
            files=files,
            pair_style=pair_style,
            pair_coeff=tuple(coefficients),
            charges_e=charges,
            kspace_style=KSPACE,
            pair_modify=EXACT,
            shells=shells,
        )


def _angles_file(angles: dict[str, Angle], elements: tuple[str, ...]) -> str:
    """Return an ``nb3b/harmonic`` file: every triplet of the elements, zero where there is no term.

    LAMMPS' K is that of K (θ − θ₀)², half of ours. The first element of an entry is the centre.
    """
    lines = []
    for centre in elements:
        for first in elements:
            for second in elements:
                angle = angles.get(f"{first}-{centre}-{second}") if first == second else None
                numbers = (angle.k_eV_rad2 / 2, angle.theta0_degrees, angle.cutoff_A) if angle else (0.0, 0.0, 0.01)
                lines.append(f"{centre} {first} {second} " + " ".join(map(repr, numbers)))
    return "\n".join(lines) + "\n"
