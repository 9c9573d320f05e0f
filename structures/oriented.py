"""The cell of a crystal seen along a Miller index: in-plane lattice, repeat along the normal, possible cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .distances import is_polyanion_bond, periodic_pairs
from .primitive import primitive_crystal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

LAYER_TOLERANCE_A = 0.25
"""Atoms whose heights differ by less than this belong to one atomic layer and are not cut apart."""


@dataclass(frozen=True)
class OrientedCell:
    """Primitive cell of a crystal with its first two vectors in a lattice plane.

    Attributes
    ----------
    miller
        Miller index in the cell the user gave.
    matrix
        Cell vectors as rows, shape (3, 3), in Å, right-handed: the first along x, the second in the xy plane with
        positive y, the third with positive z. The first two are the reduced primitive lattice of the plane.
    fractional
        Fractional coordinates in ``matrix``, shape (N, 3). Molecular ions (PS4, PO4, BH4, P2S7) are whole, so that
        some may lie outside [0, 1).
    heights
        Height in [0, 1) of the repeat that decides on which side of a cut an atom goes, shape (N,): its own, or that
        of the middle of the molecular ion it belongs to.
    symbols
        Element of each atom.
    frame
        The axes x, y and z of ``matrix`` as rows in the Cartesian frame of the crystal given, shape (3, 3).
    cuts
        Heights, in [0, 1) of the repeat, of every distinct place between two layers where the crystal can be cut.
    same_up
        For each cut the first cut that a symmetry operation maps onto it with the normal kept.
    same_down
        For each cut the first cut that an operation maps onto it with the normal reversed, or -1.
    """

    miller: tuple[int, int, int]
    matrix: Array
    fractional: Array
    heights: Array
    symbols: tuple[str, ...]
    frame: Array
    cuts: Array
    same_up: Integers
    same_down: Integers

    @property
    def repeat_A(self) -> float:
        """Distance along the normal after which the crystal repeats, in Å."""
        return float(self.matrix[2, 2])

    @property
    def area_A2(self) -> float:
        """Area of the primitive cell of the plane in Å²."""
        return float(self.matrix[0, 0] * self.matrix[1, 1])

    @property
    def plane(self) -> Array:
        """Primitive lattice of the plane as rows, shape (2, 2), in Å."""
        return self.matrix[:2, :2]

    def distinct_cuts(self) -> list[int]:
        """Return the indices of cuts that no symmetry operation which keeps the normal maps onto an earlier one."""
        return [k for k in range(len(self.cuts)) if self.same_up[k] == k]


def miller_index(text: str | Sequence[int]) -> tuple[int, int, int]:
    """Read a Miller index: ``"100"``, ``"1-10"``, ``"1 -1 0"``, ``"10,1,0"``, four-index ``"11-20"``, or numbers.

    Parameters
    ----------
    text
        The index.

    Returns
    -------
    tuple of int
        Three numbers without a common divisor.

    Raises
    ------
    InputError
        If it is not an index or is 0 0 0.
    """
    import re

    if isinstance(text, str):
        separated = re.split(r"[\s,]+", text.strip("()[] "))
        parts = separated if len(separated) > 1 else re.findall(r"-?\d", separated[0])
        if len(separated) == 1 and "".join(parts) != separated[0]:
            parts = []
        try:
            numbers = [int(p) for p in parts]
        except ValueError:
            numbers = []
    else:
        numbers = [int(v) for v in text]
    if len(numbers) == 4 and numbers[0] + numbers[1] + numbers[2] == 0:
        numbers = [numbers[0], numbers[1], numbers[3]]
    if len(numbers) != 3:
        raise InputError(f"{text!r} is not a Miller index", remedy="Write it as in (100), (1-10) or (10,1,0).")
    if not any(numbers):
        raise InputError("the Miller index 0 0 0 is no plane", remedy="Give at least one number that is not zero.")
    divisor = int(np.gcd.reduce(numbers))
    h, k, m = (n // divisor for n in numbers)
    return h, k, m


def check_ordered(structure: Structure, what: str) -> None:
    """Refuse structures with partial occupancies or overlapping atoms.

    Raises
    ------
    InputError
        With the sites that are wrong.
    """
    if not hasattr(structure, "lattice"):
        raise InputError(f"{what} is a molecule without a cell", remedy="Give a periodic crystal.")
    if not structure.is_ordered:
        raise InputError(
            f"{what} has partly occupied sites",
            where=structure.composition.reduced_formula,
            remedy="Order it first: anodeflow build ordered.",
        )
    i, j, _, distance = periodic_pairs(structure.lattice.matrix, structure.cart_coords, 0.6)
    if len(i):
        k = int(np.argmin(distance))
        raise InputError(
            f"{what} has overlapping atoms: {structure[int(i[k])].specie} and {structure[int(j[k])].specie} are "
            f"{distance[k]:.2f} Å apart",
            where=f"atoms {i[k] + 1} and {j[k] + 1}",
            remedy="Repair the file.",
        )


def orient(bulk: Structure, miller: str | Sequence[int]) -> OrientedCell:
    """Turn a crystal so that a lattice plane lies in xy, and find where it can be cut.

    Parameters
    ----------
    bulk
        Ordered crystal; the Miller index refers to its cell.
    miller
        Miller index.

    Returns
    -------
    OrientedCell

    Raises
    ------
    InputError
        For 0 0 0, partial occupancies or overlapping atoms.
    """
    index = miller_index(miller)
    check_ordered(bulk, "the crystal")
    reciprocal = np.array(index) @ np.linalg.inv(bulk.lattice.matrix).T  # normal times 1/spacing, rows
    cell, fractional, symbols, operations = primitive_crystal(bulk)
    # the index in the primitive cell: a plane of the cell given may pass through fractions of a primitive vector
    smaller = round(abs(float(np.linalg.det(bulk.lattice.matrix) / np.linalg.det(cell))))
    plane = np.rint(cell @ reciprocal * smaller).astype(int)
    plane //= np.gcd.reduce(plane)
    first, second, third = _basis_with_plane(cell, plane)
    basis = np.array([first, second, third])
    matrix, frame = _lower_triangle(basis @ cell)
    if matrix[2, 2] < 0 or np.linalg.det(basis) * np.linalg.det(cell) < 0:
        raise AssertionError("the oriented cell is not right-handed")
    new = fractional @ np.linalg.inv(basis)
    new %= 1.0
    # snap heights just under 1 to 0, so that a layer on the border is one layer
    new[new[:, 2] > 1.0 - 1e-6, 2] -= 1.0
    new, heights = _whole_ions(matrix, new, symbols)
    cuts = _cuts(heights, float(matrix[2, 2]))
    same_up, same_down = _equivalent_cuts(cuts, plane, operations, float(matrix[2, 2]))
    return OrientedCell(index, matrix, new, heights, symbols, frame, cuts, same_up, same_down)


def _whole_ions(matrix: Array, fractional: Array, symbols: tuple[str, ...]) -> tuple[Array, Array]:
    """Put the atoms of each molecular ion side by side, and give them the height of its middle.

    Networks without end (SiO2, LiAlO2) are left as single atoms.
    """
    whole, heights = fractional.copy(), fractional[:, 2].copy()
    i, j, shift, distance = periodic_pairs(matrix, fractional @ matrix, 2.8)
    neighbours: dict[int, list[tuple[int, Integers]]] = {}
    offsets = np.rint(shift @ np.linalg.inv(matrix)).astype(int)
    for a, b, offset, d in zip(i.tolist(), j.tolist(), offsets, distance.tolist(), strict=True):
        if is_polyanion_bond(symbols[a], symbols[b], d):
            neighbours.setdefault(a, []).append((b, offset))
            neighbours.setdefault(b, []).append((a, -offset))
    seen: set[int] = set()
    for start in sorted(neighbours):
        if start in seen:
            continue
        place: dict[int, Integers] = {start: np.zeros(3, dtype=int)}
        queue, endless = [start], False
        while queue:
            here = queue.pop()
            for there, offset in neighbours[here]:
                if there not in place:
                    place[there] = place[here] + offset
                    queue.append(there)
                elif (place[there] != place[here] + offset).any():
                    endless = True
        seen.update(place)
        if endless:
            continue
        members = sorted(place)
        moved = fractional[members] + np.array([place[m] for m in members])
        # the middle of the ion: its atoms with the most neighbours, P in PS4 and both P in P2S7
        most = max(len(neighbours[m]) for m in members)
        middle = float(np.mean([moved[k, 2] for k, m in enumerate(members) if len(neighbours[m]) == most]))
        level = np.floor(middle + 1e-6)
        moved[:, 2] -= level
        whole[members] = moved
        heights[members] = middle - level
    return whole, heights


def _basis_with_plane(cell: Array, plane: Integers) -> tuple[Integers, Integers, Integers]:
    """Integer vectors: two that span the plane, reduced, and one that climbs a single spacing."""
    h, k, m = (int(v) for v in plane)
    # solutions of plane . v = 0 from two crossings, then one of plane . v = 1
    g, p, q = _extended_gcd(h, k)
    first = np.array([k // g, -h // g, 0]) if g else np.array([1, 0, 0])
    if g:
        one, r, s = _extended_gcd(g, m)
        second = np.array([-p * m, -q * m, g]) // one
        third = np.array([p * r, q * r, s])
    else:
        second = np.array([0, 1, 0])
        third = np.array([0, 0, 1 if m > 0 else -1])
    first, second = _gauss(first, second, cell)
    vectors = np.array([first, second]) @ cell
    if np.linalg.det(np.array([vectors[0], vectors[1], third @ cell])) < 0:
        second = -second
        vectors[1] = -vectors[1]
    # make the angle between 90 and 120 degrees or as given, and lean the third vector as little as possible
    gram = vectors @ vectors.T
    lean = np.linalg.solve(gram, vectors @ (third @ cell))
    third = third - int(np.rint(lean[0])) * first - int(np.rint(lean[1])) * second
    return first, second, third


def _extended_gcd(a: int, b: int) -> tuple[int, int, int]:
    """Return g = gcd(a, b) ≥ 0 with x, y such that a x + b y = g."""
    x0, y0, x1, y1 = 1, 0, 0, 1
    while b:
        quotient = a // b
        a, b = b, a - quotient * b
        x0, x1 = x1, x0 - quotient * x1
        y0, y1 = y1, y0 - quotient * y1
    return (a, x0, y0) if a >= 0 else (-a, -x0, -y0)


def _gauss(first: Integers, second: Integers, cell: Array) -> tuple[Integers, Integers]:
    """Two shortest vectors of the lattice they span."""
    while True:
        a, b = first @ cell, second @ cell
        if a @ a > b @ b + 1e-9:
            first, second = second, first
            continue
        step = int(np.rint((a @ b) / (a @ a)))
        if step == 0 or abs((a @ b) / (a @ a)) <= 0.5 + 1e-9:
            return first, second
        second = second - step * first


def _lower_triangle(vectors: Array) -> tuple[Array, Array]:
    """Rotate cell vectors so that the first is along x and the second in the xy plane."""
    rotation, upper = np.linalg.qr(vectors.T)
    signs = np.sign(np.diag(upper))
    matrix = upper.T * signs
    matrix[np.abs(matrix) < 1e-12] = 0.0
    return matrix, (rotation * signs).T


def _cuts(heights: Array, repeat: float) -> Array:
    """Middle of every gap between atomic layers, sorted, in units of the repeat."""
    order = np.sort(heights)
    following = np.append(order[1:], order[0] + 1.0)
    gaps = (following - order) * repeat
    wide = gaps > min(LAYER_TOLERANCE_A, 0.999 * float(gaps.max()))
    return np.sort((0.5 * (order + following))[wide] % 1.0)


def _equivalent_cuts(
    cuts: Array, plane: Integers, operations: list[tuple[Integers, Array]], repeat: float
) -> tuple[Integers, Integers]:
    """Map each cut to the first one that symmetry makes equal, with the normal kept and with it reversed."""
    number = len(cuts)
    same_up = np.arange(number)
    same_down = np.full(number, -1)
    shifts: dict[int, set[float]] = {1: set(), -1: set()}
    for rotation, translation in operations:
        image = rotation.T @ plane
        for sign in (1, -1):
            if (image == sign * plane).all():
                shifts[sign].add(round(float(plane @ translation) % 1.0, 4) % 1.0)
    tolerance = 0.05 / repeat + 2e-4
    for sign, target in ((1, same_up), (-1, same_down)):
        for shift in sorted(shifts[sign]):
            moved = (sign * cuts + shift) % 1.0
            apart = moved[:, None] - cuts[None, :]
            apart -= np.round(apart)
            nearest = np.argmin(np.abs(apart), axis=1)
            for k in range(number):
                if abs(apart[k, nearest[k]]) < tolerance:
                    low = int(nearest[k])
                    if sign == 1:
                        target[k] = min(target[k], low)
                    else:
                        target[k] = low if target[k] < 0 else min(target[k], low)
    return same_up, same_down
