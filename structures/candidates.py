"""All interfaces that two sides can make: pairs of planes, terminations, common cells and in-plane shifts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .common_cell import CommonCell, Limits, common_cells, count_atoms, shift_cell
from .interface import BuildOptions, Interface, assemble, read_sides, terminations_of
from .registry import distinct_shifts
from .side import Side
from .stack import build_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymatgen.core import Structure

    from .common_cell import Fit


@dataclass(frozen=True)
class Candidate:
    """One interface among those that two sides can make.

    Attributes
    ----------
    label
        Planes, terminations, and the numbers of common cell and shift where there is more than one.
    interface
        Structure, match and record.
    shift
        In-plane shift of the upper crystal in fractions of the common cell; None where it was not searched.
    """

    label: str
    interface: Interface
    shift: tuple[float, float] | None

    @property
    def misfit(self) -> float | None:
        """Largest principal strain that one side would have if it took all; None with fewer than two crystals."""
        match = self.interface.match
        return None if match is None else match.strain


def interface_candidates(
    lower: Sequence[str],
    upper: Sequence[str],
    *,
    interlayer: Sequence[str] = (),
    thickness_A: float = 10.0,
    max_strain: float = 0.05,
    max_area_A2: float = 400.0,
    max_atoms: int = 1000,
    terminations: int = 2,
    cells: int = 1,
    shifts: int = 1,
    most: int = 24,
    seed: int = 1,
) -> tuple[list[Candidate], list[str]]:
    """Build every interface of two sides within limits, as sandwiches without vacuum.

    Parameters
    ----------
    lower, upper
        Each one side or more, as for :func:`~anodeflow.structures.interface.interface`; every pair of planes is
        tried. A crystal without a plane stands for all its low-index planes.
    interlayer
        Layers between them, at both contacts of the sandwich: above the upper side they come again in the other order.
    thickness_A, max_strain, max_area_A2, max_atoms, seed
        As for :func:`~anodeflow.structures.interface.interface`.
    terminations
        Terminations of each plane, the best first.
    cells
        Common cells of each pair, the best first.
    shifts
        In-plane shifts of each, at least 1 Å apart, by the proxy of :mod:`~anodeflow.structures.registry`; only
        the first with an interlayer or a glass.
    most
        Largest number of candidates; those of the best match are kept.

    Returns
    -------
    candidates : list of Candidate
        By match, the best first.
    left_out : list of str
        Why pairs gave none, a sentence each.

    Raises
    ------
    InputError
        If a side cannot be read, or there is no candidate at all.
    """
    limits = Limits(max_strain, max_area_A2, max_atoms)
    options = BuildOptions(None, True, None, None, None, "stiffness", seed)
    waiting: list[tuple[tuple[float, int], list[Side], CommonCell, str]] = []
    left_out: list[str] = []
    first: InputError | None = None
    for low, high in product(lower, upper):
        sides = read_sides(low, high, interlayer, thickness_A, seed)
        for start, end in product(_cuts(sides[0], terminations), _cuts(sides[-1], terminations)):
            stack = [start, *sides[1:-1], end]
            name = " | ".join(_name(side) for side in stack)
            try:
                every = (_closed(stack, common) for common in common_cells(stack, limits, share="stiffness"))
                found = list(islice((one for one in every if count_atoms(*one) <= max_atoms), cells))
            except InputError as error:
                first = first or error
                left_out.append(f"{name}: {error.what}.")
                continue
            if not found:
                fault = InputError(
                    f"with {', '.join(interlayer)} at both contacts no cell has {max_atoms} atoms or fewer",
                    remedy="Allow more atoms, or make the layers thinner.",
                )
                first = first or fault
                left_out.append(f"{name}: {fault.what}.")
            for number, (closed, common) in enumerate(found, start=1):
                score = common.match.score if common.match is not None else 0.0
                label = name + (f", cell {number}" if len(found) > 1 else "")
                waiting.append(((score, start.termination + end.termination), closed, common, label))
    waiting.sort(key=lambda one: one[0])
    made: list[Candidate] = []
    for _, stack, common, label in waiting:
        if len(made) >= most:
            left_out.append(f"{label}: beyond the {most} candidates of the best match.")
            continue
        try:
            made += _shifted(stack, common, limits, options, shifts, label)
        except InputError as error:
            first = first or error
            left_out.append(f"{label}: {error.what}.")
    if not made:
        raise first or InputError("the two sides make no interface", remedy="Widen the limits.")
    return made[:most], list(dict.fromkeys(left_out))


def _closed(stack: Sequence[Side], common: CommonCell) -> tuple[list[Side], CommonCell]:
    """Return a stack whose layers between the sides lie at its other contact too, and how they lie in the cell."""
    again = [replace(side, label=f"{side.label} again") for side in reversed(stack[1:-1])]
    fits = (*common.fits, *reversed(common.fits[1:-1]))
    return [*stack, *again], replace(common, fits=fits)


def _cuts(side: Side, terminations: int) -> list[Side]:
    """Return the side once for each of its planes and terminations."""
    if not side.planes:
        return [side]
    named = len(side.planes) == 1
    found: list[Side] = []
    for plane in side.planes:
        index = "".join(map(str, plane.miller))
        one = replace(side, planes=(plane,), label=side.label if named else f"{side.label}({index})")
        cuts = terminations_of(one, terminations) if side.termination == 1 else [one]
        found += cuts
    return found


def _name(side: Side) -> str:
    return f"{side.label}#{side.termination}" if side.planes else side.label


def _shifted(
    sides: list[Side], common: CommonCell, limits: Limits, options: BuildOptions, shifts: int, label: str
) -> list[Candidate]:
    """Return one candidate for each of the best in-plane shifts."""
    lower, upper = common.fits[0], common.fits[-1]
    if len(sides) > 2 or lower is None or upper is None:
        return [Candidate(label, assemble(sides, common, limits, options), None)]
    stack = build_stack(sides, common, vacuum_A=None, seed=options.seed)
    cell = shift_cell(lower, upper, common.plane)
    found = []
    (registry,) = stack.registries.values()
    chosen = distinct_shifts(registry, cell, shifts)
    for number, shift in enumerate(chosen, start=1):
        fraction = shift @ np.linalg.inv(common.plane)
        pair = (float(fraction[0]), float(fraction[1]))
        own = replace(options, shift=pair)
        name = label + (f", shift {number}" if len(chosen) > 1 else "")
        found.append(Candidate(name, assemble(sides, common, limits, own), pair))
    return found


def strained_bulk(fit: Fit, plane: np.ndarray) -> Structure:
    """Return the bulk crystal of a layer, strained in the plane as in the common cell and unstrained along z.

    Parameters
    ----------
    fit
        How the crystal lies in the common cell.
    plane
        The common cell's vectors as rows, shape (2, 2), in Å.

    Returns
    -------
    Structure
        Primitive in the plane, one repeat high, without surfaces.
    """
    from pymatgen.core import Lattice, Structure

    cell = fit.cell
    strained = np.linalg.inv(fit.supercell) @ np.asarray(plane, dtype=float)
    matrix = np.array(cell.matrix, dtype=float)
    lean = matrix[2, :2] @ np.linalg.inv(cell.plane)
    matrix[:2, :2] = strained
    matrix[2, :2] = lean @ strained
    return Structure(Lattice(matrix), list(cell.symbols), cell.fractional, to_unit_cell=True)


def follow_plane(bulk: Structure, before: np.ndarray, after: np.ndarray) -> Structure:
    """Return a bulk crystal strained as the plane of an interface was since.

    Parameters
    ----------
    bulk
        Of `strained_bulk`.
    before, after
        Cells of the interface as rows, shape (3, 3), in Å, then and now; their first two vectors span the plane and
        have no component along z.
    """
    from pymatgen.core import Lattice, Structure

    matrix = np.array(bulk.lattice.matrix)
    matrix[:, :2] = matrix[:, :2] @ np.linalg.inv(before[:2, :2]) @ after[:2, :2]
    return Structure(Lattice(matrix), bulk.species, bulk.frac_coords)
