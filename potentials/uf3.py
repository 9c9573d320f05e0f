"""Pair and triplet energies as cubic splines: the linear model that LAMMPS runs as ``pair_style uf3``.

S. R. Xie, M. Rupp, R. G. Hennig, npj Comput. Mater. 9 (2023) 162.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from .guard import Guard
from .model import LammpsPotential, PairModel, Strict
from .source_file import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..structures.element_map import ElementMap

    Array = NDArray[np.float64]

SPLINE_FILE = "splines.uf3"
_HEADER = "#UF3 POT UNITS: metal DATE: 2025-01-01 AUTHOR: anodeflow CITATION: none"
_TRIMMED = 3
"""Last coefficients that are zero, so that energy, force and curvature vanish at the cut-off."""


class Uf3Basis(Strict):
    """Splines of the distances.

    Attributes
    ----------
    cutoff_A, intervals
        Pairs: range, and equal intervals from 0 to it.
    three_body_cutoff_A, three_body_intervals
        Triplets: longest distance of both neighbours from the atom in the middle, and intervals from `inner_A` to it.
        The cost of a step grows with its sixth power.
    opposite_intervals
        Triplets: intervals of the distance between the two neighbours, from `inner_A` to twice the cut-off.
    inner_A
        Triplets with a shorter distance do not count; the pairs repel each other there.
    own_cutoffs_A
        Cut-offs of single triplets, such as ``P-S-S: 3.0``, the middle first.
    """

    style: Literal["uf3"] = "uf3"
    cutoff_A: float = Field(default=6.0, gt=0)
    intervals: int = Field(default=24, ge=4)
    three_body_cutoff_A: float = Field(default=3.75, gt=0)
    three_body_intervals: int = Field(default=4, ge=2)
    opposite_intervals: int = Field(default=6, ge=2)
    inner_A: float = Field(default=1.0, gt=0)
    own_cutoffs_A: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Uf3Basis:
        for cutoff in (self.three_body_cutoff_A, *self.own_cutoffs_A.values()):
            if not self.inner_A < cutoff <= self.cutoff_A:
                raise ValueError("the cut-off of triplets has to lie between inner_A and cutoff_A")
        return self

    def pairs(self, elements: tuple[str, ...]) -> list[Pair]:
        """Return the splines of all pairs of elements."""
        found, first = [], 0
        for one, two in combinations_with_replacement(elements, 2):
            knots = _knots(0.0, self.cutoff_A, self.intervals)
            found.append(Pair((one, two), knots, first))
            first += self.intervals
        return found

    def triplets(self, elements: tuple[str, ...]) -> list[Triplet]:
        """Return the splines of all triplets of elements, the middle first; their columns follow those of the pairs."""
        first = self.intervals * len(list(combinations_with_replacement(elements, 2)))
        found = []
        for centre in elements:
            for one, two in combinations_with_replacement(elements, 2):
                cutoff = self.own_cutoffs_A.get(f"{centre}-{one}-{two}", self.three_body_cutoff_A)
                made = Triplet(
                    (centre, one, two),
                    _knots(self.inner_A, cutoff, self.three_body_intervals),
                    _knots(self.inner_A, 2 * cutoff, self.opposite_intervals),
                    first,
                )
                found.append(made)
                first += made.size
        return found

    def size(self, elements: tuple[str, ...]) -> int:
        """Return the number of coefficients."""
        last = self.triplets(elements)[-1]
        return last.first + last.size

    def text(self, elements: tuple[str, ...], coefficients: Array) -> str:
        """Return LAMMPS' file of a model, of which `coefficients`, shape (M,), are in eV."""
        lines: list[str] = []
        for pair in self.pairs(elements):
            lines += pair.lines(coefficients)
        for triplet in self.triplets(elements):
            lines += triplet.lines(coefficients)
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Pair:
    """Splines of one pair of elements; coefficients `first` and following are its own."""

    elements: tuple[str, str]
    knots: Array
    first: int

    @property
    def size(self) -> int:
        """Number of free coefficients."""
        return len(self.knots) - 4 - _TRIMMED

    def lines(self, coefficients: Array) -> Iterator[str]:
        """Return the block of LAMMPS' file."""
        own = np.concatenate([coefficients[self.first : self.first + self.size], np.zeros(_TRIMMED)])
        yield from (_HEADER, f"2B {' '.join(self.elements)} 0 3 uk", f"{_number(self.knots[-1])} {len(self.knots)}")
        yield from (_numbers(self.knots), str(len(own)), _numbers(own), "#")


@dataclass(frozen=True)
class Triplet:
    """Splines of one triplet, the middle first: products of one of each leg and one of the opposite side.

    Where both neighbours are the same element, exchanged legs have the same coefficient.
    """

    elements: tuple[str, str, str]
    legs: Array
    opposite: Array
    first: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of splines of either leg and of the opposite side that do not vanish."""
        leg = len(self.legs) - 4 - _TRIMMED
        return leg, leg, len(self.opposite) - 4

    @property
    def columns(self) -> NDArray[np.int64]:
        """Which coefficient belongs to each product, shape of `shape`."""
        leg, _, side = self.shape
        if self.elements[1] != self.elements[2]:
            return self.first + np.arange(leg * leg * side).reshape(leg, leg, side)
        one, two = np.sort(np.indices((leg, leg)), axis=0)
        order = one * leg - one * (one - 1) // 2 + (two - one)
        return np.asarray(self.first + order[:, :, None] * side + np.arange(side), dtype=np.int64)

    @property
    def size(self) -> int:
        """Number of free coefficients."""
        leg, _, side = self.shape
        return (leg * leg if self.elements[1] != self.elements[2] else leg * (leg + 1) // 2) * side

    def lines(self, coefficients: Array) -> Iterator[str]:
        """Return the block of LAMMPS' file."""
        leg, _, side = self.shape
        own = np.zeros((leg + _TRIMMED, leg + _TRIMMED, side))
        own[:leg, :leg] = coefficients[self.columns]
        cutoff, legs = _number(self.legs[-1]), len(self.legs)
        yield from (_HEADER, f"3B {' '.join(self.elements)} 0 3 uk")
        yield f"{_number(self.opposite[-1])} {cutoff} {cutoff} {len(self.opposite)} {legs} {legs}"
        yield from (_numbers(self.opposite), _numbers(self.legs), _numbers(self.legs))
        yield " ".join(str(size) for size in own.shape)
        yield from (_numbers(row) for row in own.reshape(-1, side))
        yield "#"


def _knots(low: float, high: float, intervals: int) -> Array:
    """Return equal intervals with both ends fourfold, as cubic splines need."""
    inside = np.linspace(low, high, intervals + 1)
    return np.concatenate([[low] * 3, inside, [high] * 3])


def _number(value: float) -> str:
    return repr(float(value))


def _numbers(values: Array) -> str:
    return " ".join(f"{value:.9g}" if value else "0" for value in values)


class Uf3(PairModel):
    """A model of splines.

    Attributes
    ----------
    order
        Elements in the file.
    splines
        LAMMPS' file.
    reference_eV
        Energy by element that LAMMPS' model leaves out: E = E(LAMMPS) + Σ of these over the atoms is the teacher's.
    guard
        Range that molecular dynamics is stopped at; None for no watch.
    """

    style: Literal["uf3"] = "uf3"
    order: tuple[str, ...]
    splines: SourceFile
    reference_eV: dict[str, float] = Field(default_factory=dict)
    guard: Guard | None = None

    @model_validator(mode="after")
    def _whole(self) -> Uf3:
        lines = self.splines.text.split("\n")
        blocks = [line.split()[1:-3] for line in lines if line.startswith(("2B ", "3B "))]
        missing = set(self.order) - {block[0] for block in blocks}
        count = len(self.order) * (len(self.order) + 1) // 2
        if missing or len(blocks) != count * (1 + len(self.order)) or [line for line in lines if line][-1:] != ["#"]:
            raise ValueError(f"the file {self.splines.name} is cut off or is not for {' '.join(self.order)}")
        return self

    def known_elements(self) -> frozenset[str]:
        """Return the elements of the file."""
        return frozenset(self.order)

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the file, the commands and the guard."""
        return LammpsPotential(
            files={SPLINE_FILE: self.splines.text},
            pair_style=("uf3", "3"),
            pair_coeff=(("*", "*", SPLINE_FILE, *types.elements),),
            guard=self.guard,
        )
