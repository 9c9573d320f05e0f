"""Modified embedded-atom models (MEAM), rendered into the two files that LAMMPS reads.

The layout of the library and of the parameter file is that of LAMMPS' ``pair_style meam`` documentation. Numbers are
those of the card, digit for digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from .model import LammpsPotential, PairModel, Strict

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap

Number = int | float


class MeamElement(Strict):
    """One record of a MEAM library; the names are LAMMPS'.

    Attributes
    ----------
    lat, z
        Reference lattice and its number of neighbours.
    ielement, atwt
        Atomic number and mass in g/mol.
    alpha, b0, b1, b2, b3
        Exponents of the Rose equation and of the densities.
    alat, esub, asub
        Lattice constant in Å, cohesive energy in eV, scaling of the embedding energy.
    t0, t1, t2, t3
        Weights of the angular densities.
    rozero, ibar
        Density scaling, and form of the combination of densities.
    """

    lat: Literal["fcc", "bcc", "hcp", "dim", "dia", "dia3", "lin", "zig", "tri", "sc"]
    z: Number
    ielement: int
    atwt: Number
    alpha: Number
    b0: Number
    b1: Number
    b2: Number
    b3: Number
    alat: Number
    esub: Number
    asub: Number
    t0: Number = 1.0
    t1: Number
    t2: Number
    t3: Number
    rozero: Number = 1.0
    ibar: int

    def record(self, symbol: str) -> str:
        """Return the four lines of the library."""
        return (
            f"'{symbol}' '{self.lat}' {self.z} {self.ielement} {self.atwt}\n"
            f"{self.alpha} {self.b0} {self.b1} {self.b2} {self.b3} {self.alat} {self.esub} {self.asub}\n"
            f"{self.t0} {self.t1} {self.t2} {self.t3} {self.rozero} {self.ibar}\n"
        )


class Meam(PairModel):
    """First- or second-nearest-neighbour MEAM.

    Attributes
    ----------
    order
        Elements in the order of the indices in `alloy`.
    library
        One record per element.
    alloy
        The parameter file: keyword, with indices in LAMMPS' notation, and value.
    """

    style: Literal["meam"] = "meam"
    order: tuple[str, ...]
    library: dict[str, MeamElement]
    alloy: dict[str, int | float | str]

    @model_validator(mode="after")
    def _complete(self) -> Meam:
        missing = [symbol for symbol in self.order if symbol not in self.library]
        if missing:
            raise ValueError(f"the MEAM library has no record of {', '.join(missing)}")
        return self

    def known_elements(self) -> frozenset[str]:
        """Return the elements of the library."""
        return frozenset(self.order)

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the library, the parameter file and the commands."""
        library = "".join(self.library[symbol].record(symbol) for symbol in self.order)
        alloy = "".join(
            f"{key} = '{value}'\n" if isinstance(value, str) else f"{key} = {value}\n"
            for key, value in self.alloy.items()
        )
        arguments = ("*", "*", "library.meam", *self.order, "alloy.meam", *types.elements)
        return LammpsPotential(
            files={"library.meam": library, "alloy.meam": alloy}, pair_style=("meam",), pair_coeff=(arguments,)
        )
