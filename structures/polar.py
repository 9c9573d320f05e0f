"""Polar slabs made whole: ions of one face moved to the other until no dipole is left.

A slab whose planes carry charge, such as LiF(111), has a dipole that grows with its thickness (a surface of type 3 of
P.W. Tasker, J. Phys. C 12 (1979) 4977). Moving a share of the outermost ions, half a layer in rock salt, takes it away.
A moved ion goes to the place where the crystal would have gone on, so no two atoms come closer than in the bulk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .oriented import LAYER_TOLERANCE_A, OrientedCell, orient
from .surface import Slab, choose_termination, slab, slab_atoms, slab_heights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_CELLS = 6
"""Largest number of surface cells searched for a whole number of ions."""

_NO_DIPOLE = 1e-3
_MOST_CHOICES = 20_000


@dataclass(frozen=True)
class Compensated:
    """A slab without the dipole of its formal charges.

    Attributes
    ----------
    slab
        The slab; its cell may be a multiple of the surface cell.
    element
        What was moved; empty if nothing had to be.
    moved
        Number of ions moved.
    cells
        Surface cells in the slab.
    dipole_before_e_A
        Dipole per area before, in e/Å.
    note
        What was done, in a sentence.
    """

    slab: Slab
    element: str
    moved: int
    cells: int
    dipole_before_e_A: float
    note: str


def compensated_slab(
    bulk: Structure | OrientedCell,
    miller: str | Sequence[int] = (0, 0, 1),
    *,
    charges: Mapping[str, float],
    thickness_A: float,
    termination: int = 1,
    vacuum_A: float = 15.0,
    element: str | None = None,
) -> Compensated:
    """Cut a slab and move ions between its faces until it has no dipole.

    Parameters
    ----------
    bulk, miller, thickness_A, termination, vacuum_A
        As in :func:`~anodeflow.structures.surface.slab`.
    charges
        Formal charge of each element.
    element
        What to move; by default the outermost ions of lowest charge that can do it.

    Returns
    -------
    Compensated

    Raises
    ------
    InputError
        If charges are missing or do not add up to nothing, or no ion on a face can take the dipole away.
    """
    cell = bulk if isinstance(bulk, OrientedCell) else orient(bulk, miller)
    plain = slab(cell, thickness_A=thickness_A, termination=termination, vacuum_A=vacuum_A, charges=charges)
    if plain.dipole_e_A is None or plain.charge is None or abs(plain.charge) > 1e-6:
        raise InputError(
            "a dipole needs formal charges that add up to nothing",
            remedy="Give the oxidation state of every element.",
        )
    if not plain.polar:
        return Compensated(plain, "", 0, 1, plain.dipole_e_A, "the slab has no dipole; nothing was moved")
    bottom, top = slab_heights(cell, choose_termination(cell, termination), thickness_A)
    which, positions = slab_atoms(cell, bottom, top)
    symbols = [cell.symbols[k] for k in which]
    repeats = round(top - bottom)
    if abs(top - bottom - repeats) > 1e-6:
        raise AssertionError("a stoichiometric slab is a whole number of repeats")
    leap = repeats * cell.matrix[2]
    total = plain.dipole_e_A * cell.area_A2
    best: tuple[float, float, int, int, Integers, int] | None = None
    for sign in (1, -1):  # from the upper face down, from the lower face up
        edge = positions[:, 2].max() if sign > 0 else positions[:, 2].min()
        face = np.flatnonzero(np.abs(positions[:, 2] - edge) < LAYER_TOLERANCE_A)
        for name in sorted({symbols[k] for k in face}):
            ions = np.array([k for k in face if symbols[k] == name])
            share = sign * total / (charges[name] * leap[2]) if charges[name] else -1.0
            if share <= 0 or (element is not None and name != element):
                continue
            for cells in range(1, MOST_CELLS + 1):
                number = min(round(share * cells), len(ions) * cells)
                left = abs(total - sign * number / cells * charges[name] * leap[2]) / cell.area_A2
                rank = (round(left, 6), abs(charges[name]), cells, number, ions, sign)
                if number and (best is None or rank[:3] < best[:3]):
                    best = rank
    if best is None or best[0] > 0.5 * abs(plain.dipole_e_A):
        named = f" {element}" if element else ""
        raise InputError(
            f"no{named} ions on its faces can take away the dipole of {plain.dipole_e_A:+.3f} e/Å per area",
            where=f"({' '.join(map(str, cell.miller))}), termination {plain.termination.label}",
            remedy="Take another termination or element.",
        )
    _, _, cells, number, ions, sign = best
    name = symbols[int(ions[0])]
    plane, grid = _near_square(cell.plane, cells)
    spread = np.concatenate([positions + np.append(point, 0.0) for point in grid])
    names = symbols * cells
    candidates = np.concatenate([ions + len(symbols) * n for n in range(cells)])
    moved = candidates[_farthest(spread[candidates, :2], plane, number)]
    spread[moved] -= sign * leap
    structure = _structure(spread, names, plane, vacuum_A)
    heights = structure.cart_coords[:, 2]
    q = np.array([charges[site.specie.symbol] for site in structure])
    area = abs(float(np.linalg.det(plane)))
    thickness = float(np.ptp(heights))
    dipole = float(q @ (heights - 0.5 * thickness)) / area
    way = "upper to the lower" if sign > 0 else "lower to the upper"
    note = (
        f"{number} of {len(candidates)} {name} were moved from the {way} face: "
        f"dipole per area {plain.dipole_e_A:+.3f} to {dipole:+.3f} e/Å with the formal charges "
        + ", ".join(f"{s} {charges[s]:+g}" for s in sorted(set(names)))
    )
    made = replace(
        plain, structure=structure, thickness_A=thickness, area_A2=area, charge=float(q.sum()), dipole_e_A=dipole,
        symmetric=False,
    )  # fmt: skip
    if abs(dipole) > _NO_DIPOLE:
        note += f"; no surface of up to {MOST_CELLS} cells has none"
    return Compensated(made, name, number, cells, plain.dipole_e_A, note)


def _near_square(plane: Array, cells: int) -> tuple[Array, Array]:
    """Multiple of a surface cell with the shortest longest edge, and its lattice points."""
    pairs = [(a, cells // a) for a in range(1, cells + 1) if cells % a == 0]
    a, b = min(pairs, key=lambda p: max(p[0] * np.linalg.norm(plane[0]), p[1] * np.linalg.norm(plane[1])))
    grid = np.array([i * plane[0] + j * plane[1] for i in range(a) for j in range(b)])
    return np.array([a * plane[0], b * plane[1]]), grid


def _farthest(points: Array, plane: Array, number: int) -> Integers:
    """Choose points that lie as far from each other as they can, periodic images included."""
    inverse = np.linalg.inv(plane)
    gap = points[None] - points[:, None]
    images = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) @ plane
    gap -= np.rint(gap @ inverse) @ plane
    distance = np.linalg.norm(gap[:, :, None] + images[None, None], axis=-1).min(axis=-1)
    np.fill_diagonal(distance, np.inf)
    repulsion = 1.0 / np.maximum(distance, 0.1) ** 2
    chosen = min(
        islice(combinations(range(len(points)), number), _MOST_CHOICES),
        key=lambda c: round(float(repulsion[np.ix_(c, c)].sum()), 9),
    )
    return np.array(chosen)


def _structure(positions: Array, symbols: Sequence[str], plane: Array, vacuum: float) -> Structure:
    from pymatgen.core import Lattice, Structure

    order = np.argsort(np.round(positions[:, 2], 4), kind="stable")
    positions = positions[order]
    positions[:, 2] -= positions[:, 2].min()
    matrix = np.zeros((3, 3))
    matrix[:2, :2] = plane
    matrix[2, 2] = float(np.ptp(positions[:, 2])) + vacuum
    fractional = positions @ np.linalg.inv(matrix)
    fractional[:, :2] %= 1.0
    layer = np.concatenate([[0], np.cumsum(np.diff(positions[:, 2]) > LAYER_TOLERANCE_A)])
    return Structure(
        Lattice(matrix), [symbols[k] for k in order], fractional, site_properties={"layer": layer.tolist()}
    )
