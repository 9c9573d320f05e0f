"""Common cells of two crystal planes: coincidence lattices found by their reduced Gram matrices.

Only the lengths and the angle of a planar cell matter for a match, since either side may be turned in the plane.
So every sublattice of each plane is reduced, equal ones are dropped, and pairs are compared through the
generalised eigenvalues of their Gram matrices, which are the squares of the principal stretches. (The usual search
of Zur and McGill, J. Appl. Phys. 55 (1984) 378, compares transformation matrices and meets each cell many times.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .oriented import OrientedCell, orient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

_LENGTH_DIGITS = 4  # Gram matrices equal to 1e-4 Å² are one cell


@dataclass(frozen=True)
class Match:
    """A common cell of two planes.

    Attributes
    ----------
    lower, upper
        Rows of integers, shape (2, 2): the common cell's vectors in the primitive plane lattice of each side.
    area_A2
        Area of the lower side's cell before any strain, in Å².
    strain
        Largest of the two principal strains, absolute, that take the upper cell onto the lower one.
    principal_strains
        Both, signed: positive where the upper side must be stretched.
    shear_deg
        Angle of the upper cell minus that of the lower cell, in degrees.
    angle_deg
        Angle between the two vectors of the lower cell, in degrees.
    twist_deg
        Angle from the first primitive vector of the lower plane to that of the upper plane, in degrees.
    atoms
        Estimated number of atoms: area times thickness times number density of both sides.
    """

    lower: tuple[tuple[int, int], tuple[int, int]]
    upper: tuple[tuple[int, int], tuple[int, int]]
    area_A2: float
    strain: float
    principal_strains: tuple[float, float]
    shear_deg: float
    angle_deg: float
    twist_deg: float
    atoms: int

    @property
    def score(self) -> float:
        """Rank: the logarithm of the atoms plus the strain in per cent; twice the atoms is worth 0.7 % strain."""
        return float(np.log(max(self.atoms, 1)) + 100.0 * self.strain)


def plane_sublattices(plane: ArrayLike, max_area_A2: float) -> tuple[list[Integers], Array]:
    """All sublattices of a planar lattice up to an area, by their distinct reduced cells.

    Parameters
    ----------
    plane
        Primitive vectors as rows, shape (2, 2), in Å.
    max_area_A2
        Largest area in Å².

    Returns
    -------
    bases : list of ndarray of int, each of shape (V, 2, 2)
        For each distinct Gram matrix the reduced right-handed bases, in primitive vectors, of the sublattices
        that have it: they differ by a turn in the plane.
    grams : ndarray, shape (M, 3)
        ``a·a``, ``b·b``, ``a·b`` in Å², with ``a·a ≤ b·b`` and ``|a·b| ≤ a·a / 2``.
    """
    lattice = np.asarray(plane, dtype=float)
    area = abs(float(np.linalg.det(lattice)))
    # Hermite normal forms: every sublattice of an index once
    rows = [
        [[p, q], [0, index // p]]
        for index in range(1, int(max_area_A2 / area * (1 + 1e-9)) + 1)
        for p in range(1, index + 1)
        if index % p == 0
        for q in range(index // p)
    ]
    if not rows:
        return [], np.zeros((0, 3))
    bases = np.array(rows, dtype=np.int64)
    metric = lattice @ lattice.T
    bases = _reduce(bases, metric)
    grams = _grams(bases, metric)
    _, first, member = np.unique(np.round(grams, _LENGTH_DIGITS), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(member.ravel(), kind="stable")
    groups = np.split(bases[order], np.cumsum(np.bincount(member.ravel()))[:-1])
    return groups, grams[first]


def _grams(bases: Integers, metric: Array) -> Array:
    full = bases @ metric @ np.swapaxes(bases, 1, 2)
    return np.stack([full[:, 0, 0], full[:, 1, 1], full[:, 0, 1]], axis=1)


def _reduce(bases: Integers, metric: Array) -> Integers:
    """Gauss reduction of many planar bases at once, keeping their handedness."""
    bases = bases.copy()
    for _ in range(60):
        g = _grams(bases, metric)
        swap = g[:, 0] > g[:, 1] + 1e-7
        # swap with a sign so that the handedness stays
        bases[swap] = np.stack([bases[swap, 1], -bases[swap, 0]], axis=1)
        g = _grams(bases, metric)
        step = np.where(np.abs(g[:, 2]) > 0.5 * g[:, 0] + 1e-7, np.rint(g[:, 2] / g[:, 0]), 0.0).astype(int)
        if not step.any() and not swap.any():
            break
        bases[:, 1] -= step[:, None] * bases[:, 0]
    # one sign convention where two reduced bases describe one lattice: a·b = ± a·a/2, and a·a = b·b
    g = _grams(bases, metric)
    border = (np.abs(np.abs(g[:, 2]) - 0.5 * g[:, 0]) < 1e-6) & (g[:, 2] < 0)
    bases[border, 1] += bases[border, 0]
    rhombic = ~border & (np.abs(g[:, 1] - g[:, 0]) < 1e-6) & (g[:, 2] < -1e-6)
    bases[rhombic] = np.stack([bases[rhombic, 1], -bases[rhombic, 0]], axis=1)
    return bases


def _unimodular() -> Integers:
    """Small changes of basis with determinant 1, one of each pair of opposite sign."""
    found = []
    entries = (-1, 0, 1)
    for a in entries:
        for b in entries:
            for c in entries:
                for d in entries:
                    if a * d - b * c == 1 and (-a, -b, -c, -d) not in found:
                        found.append((a, b, c, d))
    return np.array(found, dtype=np.int64).reshape(-1, 2, 2)


def matches(
    lower: Structure | OrientedCell,
    upper: Structure | OrientedCell,
    lower_miller: str | Sequence[int] = (0, 0, 1),
    upper_miller: str | Sequence[int] = (0, 0, 1),
    *,
    max_area_A2: float = 400.0,
    max_strain: float = 0.03,
    thickness_A: float | tuple[float, float] = 10.0,
) -> list[Match]:
    """Every distinct common cell of two crystal planes, best first.

    Parameters
    ----------
    lower, upper
        Crystals, or cells already turned by :func:`~anodeflow.structures.oriented.orient`.
    lower_miller, upper_miller
        Miller indices; not used for cells already turned.
    max_area_A2
        Largest area of the common cell in Å².
    max_strain
        Largest principal strain, as a fraction, if one side took all of it.
    thickness_A
        Thickness of both sides, or of each, in Å; only for the estimated number of atoms.

    Returns
    -------
    list of Match
        Sorted by :attr:`Match.score`. No two have equal cells on both sides, mirror images included, and none is a
        supercell of another.

    Raises
    ------
    InputError
        If nothing meets both limits; the message says the best found and the area at which one would do.
    """
    sides = [
        side if isinstance(side, OrientedCell) else orient(side, miller)
        for side, miller in ((lower, lower_miller), (upper, upper_miller))
    ]
    if not max_area_A2 > 0 or not 0 <= max_strain < 0.5:
        raise InputError(
            f"an area of {max_area_A2:g} Å² and a strain of {max_strain:g} are no limits",
            remedy="Give an area above 0 and a strain between 0 and 0.5.",
        )
    thick = (thickness_A, thickness_A) if isinstance(thickness_A, int | float) else thickness_A
    per_area = sum(t * len(s.symbols) / (s.area_A2 * s.repeat_A) for t, s in zip(thick, sides, strict=True))
    found = search(sides[0].plane, sides[1].plane, max_area_A2, max_strain, per_area)
    if not found:
        raise InputError(
            f"no common cell of the {_index(sides[0])} and {_index(sides[1])} planes up to {max_area_A2:g} Å² "
            f"has a strain of {100 * max_strain:g} % or less; {_nearest(sides, max_area_A2, max_strain, per_area)}",
            remedy="Allow more strain or area, or take other planes.",
        )
    return found


def search(
    lower: ArrayLike,
    upper: ArrayLike,
    max_area_A2: float,
    max_strain: float,
    atoms_per_A2: float = 0.0,
    *,
    only_best: bool = False,
) -> list[Match]:
    """Search the common cells of two planar lattices; see :func:`matches`.

    Parameters
    ----------
    lower, upper
        Primitive vectors as rows, shape (2, 2), in Å.
    max_area_A2
        Largest area of the cell on either side, in Å².
    max_strain
        Largest principal strain.
    atoms_per_A2
        Atoms in both sides per area, for ranking.
    only_best
        Stop at the least strain there is.

    Returns
    -------
    list of Match
        Best first; may be empty.
    """
    planes = [_right_handed(lower), _right_handed(upper)]
    (bases, grams), (other_bases, other_grams) = (plane_sublattices(p, max_area_A2) for p in planes)
    if not len(bases) or not len(other_bases):
        return []
    areas, other_areas = (np.sqrt(g[:, 0] * g[:, 1] - g[:, 2] ** 2) for g in (grams, other_grams))
    reach = (1.0 + max_strain) ** 2
    order = np.argsort(other_areas, kind="stable")
    low = np.searchsorted(other_areas[order], areas * (1.0 - max_strain) ** 2 - 1e-9)
    high = np.searchsorted(other_areas[order], areas / (1.0 - max_strain) ** 2 * reach + 1e-9)
    first = np.repeat(np.arange(len(bases)), high - low)
    if not len(first):
        return []
    second = order[np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True)])]
    changes = _unimodular()
    strains, change = _best_strain(grams[first], other_grams[second], changes)
    good = np.abs(strains).max(axis=1) <= max_strain + 1e-12
    result: dict[tuple[float, ...], Match] = {}
    chosen = np.flatnonzero(good)
    if only_best:
        chosen = chosen[np.argsort(np.abs(strains[chosen]).max(axis=1), kind="stable")]
    for n in chosen:
        k, m, u, strain = first[n], second[n], change[n], strains[n]
        key = _pair_key(grams[k], other_grams[m])
        if key in result:
            continue
        pair = _smallest(bases[k], changes[u] @ other_bases[m])
        if pair is not None:
            result[key] = _match(planes, *pair, strain, float(areas[k]), atoms_per_A2)
            if only_best:
                break
    return sorted(result.values(), key=lambda match: (match.score, match.area_A2, match.twist_deg))


def _best_strain(grams: Array, others: Array, changes: Integers) -> tuple[Array, Integers]:
    """Principal strains of the best of several bases, shape (P, 2), and which basis."""
    inverse_det = 1.0 / (grams[:, 0] * grams[:, 1] - grams[:, 2] ** 2)
    best = np.full((len(grams), 2), np.inf)
    which = np.zeros(len(grams), dtype=np.int64)
    for number, ((a, b), (c, d)) in enumerate(changes):
        x = a * a * others[:, 0] + 2 * a * b * others[:, 2] + b * b * others[:, 1]
        y = c * c * others[:, 0] + 2 * c * d * others[:, 2] + d * d * others[:, 1]
        z = a * c * others[:, 0] + (a * d + b * c) * others[:, 2] + b * d * others[:, 1]
        # eigenvalues of inv(G_lower) G_upper from trace and determinant
        half = 0.5 * (grams[:, 1] * x - 2 * grams[:, 2] * z + grams[:, 0] * y) * inverse_det
        root = np.sqrt(np.maximum(half * half - (x * y - z * z) * inverse_det, 0.0))
        strains = 1.0 / np.sqrt(np.maximum(np.stack([half + root, half - root], axis=1), 1e-12)) - 1.0
        better = np.abs(strains).max(axis=1) < np.abs(best).max(axis=1) - 1e-9
        best[better] = strains[better]
        which[better] = number
    return best, which


def _smallest(lower: Integers, upper: Integers) -> tuple[Integers, Integers] | None:
    """First pair of bases that is not a supercell of a smaller match, or None.

    Both are taken on the same smaller cell if and only if the 2 × 2 minors of their integers side by side have a
    common divisor.
    """
    for below in lower:
        both = np.concatenate([np.broadcast_to(below, upper.shape), upper], axis=2)
        columns = [(i, j) for i in range(4) for j in range(i + 1, 4)]
        minors = np.stack([both[:, 0, i] * both[:, 1, j] - both[:, 0, j] * both[:, 1, i] for i, j in columns], axis=1)
        single = np.flatnonzero(np.gcd.reduce(minors, axis=1) == 1)
        if len(single):
            return below, upper[single[0]]
    return None


def _pair_key(gram: Array, other: Array) -> tuple[float, ...]:
    """Identity of a pair of cells; a pair and its mirror image have one key."""
    plain = np.round(np.concatenate([gram, other]), 2) + 0.0
    mirrored = plain.copy()
    for start, (a, b, c) in ((0, gram), (3, other)):
        # a mirror image turns the sign, unless its reduced cell is the same again: a rhombus, or a·b = a·a/2
        if abs(abs(c) - 0.5 * a) > 1e-3 and b - a > 1e-3:
            mirrored[start + 2] = -plain[start + 2] + 0.0
    return min(tuple(plain.tolist()), tuple(mirrored.tolist()))


def _match(
    planes: list[Array], lower: Integers, upper: Integers, strain: Array, area: float, atoms_per_A2: float
) -> Match:
    below, above = lower @ planes[0], upper @ planes[1]
    angles = [float(np.degrees(np.arctan2(np.linalg.det(v), float(v[0] @ v[1])))) for v in (below, above)]
    # the deformation that takes `above` onto `below`; its rotation is how far the upper crystal is turned
    deformation = np.linalg.solve(above, below)
    u, _, vt = np.linalg.svd(deformation)
    rotation = u @ vt
    start = planes[1][0] @ rotation
    twist = np.degrees(np.arctan2(planes[0][0, 0] * start[1] - planes[0][0, 1] * start[0], float(planes[0][0] @ start)))
    (a, b), (c, d) = lower.tolist()
    (e, f), (g, h) = upper.tolist()
    return Match(
        lower=((a, b), (c, d)),
        upper=((e, f), (g, h)),
        area_A2=area,
        strain=float(np.abs(strain).max()),
        principal_strains=(float(strain[0]), float(strain[1])),
        shear_deg=angles[1] - angles[0],
        angle_deg=angles[0],
        twist_deg=float(twist),
        atoms=round(area * atoms_per_A2),
    )


def _right_handed(plane: ArrayLike) -> Array:
    lattice = np.array(plane, dtype=float)
    return lattice if np.linalg.det(lattice) > 0 else lattice * np.array([[1.0], [-1.0]])


def _index(side: OrientedCell) -> str:
    return "(" + (" " if any(abs(n) > 9 or n < 0 for n in side.miller) else "").join(map(str, side.miller)) + ")"


def _nearest(sides: list[OrientedCell], area: float, strain: float, atoms_per_A2: float) -> str:
    """Say what would have been found with looser limits."""
    said = []
    loose = search(sides[0].plane, sides[1].plane, area, 0.3, atoms_per_A2, only_best=True)
    if loose:
        best = min(loose, key=lambda match: match.strain)
        said.append(f"the best there is {100 * best.strain:.2f} % at {best.area_A2:.0f} Å²")
    else:
        smallest = max(side.area_A2 for side in sides)
        said.append(f"the larger of the two primitive plane cells alone has {smallest:.0f} Å²")
    larger = search(sides[0].plane, sides[1].plane, max(3.0 * area, 1.1 * smallest if not loose else 0.0), strain)
    if larger:
        first = min(larger, key=lambda match: match.area_A2)
        said.append(f"the smallest that meets the strain has {first.area_A2:.0f} Å² ({100 * first.strain:.2f} %)")
    return "; ".join(said)
