"""Pairs of near atoms in any periodic cell, through as many images as the distance needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FloatArray = NDArray[np.float64]

_BOND_FACTOR = 1.25
"""Times the sum of covalent radii: beyond the bond (Si-Si 2.35 Å → 2.78 Å), short of the second shell."""


@dataclass(frozen=True)
class Pairs:
    """Ordered pairs of atoms within a distance: each pair is there in both directions.

    Attributes
    ----------
    first, second
        Indices of the atoms.
    distance_A
        Their distance.
    image
        Box vectors to add to the second, shape ``(P, 3)``.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distance_A: FloatArray
    image: NDArray[np.int64]


def pairs_within(
    positions: FloatArray,
    cell: FloatArray,
    cutoff_A: float,
    *,
    centres: NDArray[np.int64] | None = None,
    periodic: tuple[bool, bool, bool] = (True, True, True),
) -> Pairs:
    """Return all pairs of atoms no further apart than a distance.

    Parameters
    ----------
    positions
        Shape ``(N, 3)`` in Å, wrapped or not.
    cell
        Shape ``(3, 3)`` in Å, rows are the box vectors.
    cutoff_A
        Distance; it may exceed the cell.
    centres
        Atoms to look around; None for all.
    periodic
        Along the three box vectors.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    if not (np.isfinite(cutoff_A) and cutoff_A > 0):
        raise InputError(f"a distance of {cutoff_A} Å holds no pairs", remedy="Give a positive distance.")
    scaled = positions @ np.linalg.inv(cell)
    turns = np.floor(scaled) * np.asarray(periodic, dtype=float)
    inside = np.ascontiguousarray((scaled - turns) @ cell)
    chosen = np.arange(len(positions)) if centres is None else np.asarray(centres)
    first, second, image, distance = find_points_in_spheres(
        all_coords=inside,
        center_coords=np.ascontiguousarray(inside[chosen]),
        r=float(cutoff_A),
        pbc=np.array(periodic, dtype=np.int64),
        lattice=np.ascontiguousarray(cell, dtype=float),
        tol=1e-8,
    )
    first = chosen[first]
    shift = np.rint(image).astype(np.int64)
    other = (first != second) | shift.any(axis=1)
    # Images count from where the atoms are, not from where they were wrapped to.
    shift = shift + (turns[first] - turns[second]).astype(np.int64)
    return Pairs(first[other], second[other], distance[other], shift[other])


def bond_cutoff(a: str, b: str, cutoffs_A: Mapping[tuple[str, str], float] | None = None) -> float:
    """Return the largest length in Å of a bond between two elements.

    Parameters
    ----------
    a, b
        Elements.
    cutoffs_A
        Lengths by pair in either order, before the default of 1.25 times the sum of covalent radii (B.
        Cordero et al., Dalton Trans. (2008) 2832).

    Raises
    ------
    InputError
        If an element is unknown.
    """
    for pair in ((a, b), (b, a)):
        if cutoffs_A is not None and pair in cutoffs_A:
            return float(cutoffs_A[pair])
    from ase.data import atomic_numbers, covalent_radii

    for name in (a, b):
        if name not in atomic_numbers:
            raise InputError(f"{name} is no element", remedy="Map types to elements with data or species.")
    return float(_BOND_FACTOR * (covalent_radii[atomic_numbers[a]] + covalent_radii[atomic_numbers[b]]))


def bonds(
    positions: FloatArray,
    cell: FloatArray,
    species: Sequence[str],
    elements: Sequence[tuple[str, str]],
    *,
    cutoffs_A: Mapping[tuple[str, str], float] | None = None,
    periodic: tuple[bool, bool, bool] = (True, True, True),
) -> Pairs:
    """Return the bonds between given pairs of elements, each in both directions.

    Parameters
    ----------
    positions, cell, periodic
        As for `pairs_within`.
    species
        Element of each atom.
    elements
        Pairs of elements that bond, such as ``[("P", "S"), ("P", "P")]``.
    cutoffs_A
        As for `bond_cutoff`.
    """
    names = np.asarray(species)
    limits = {frozenset(pair): bond_cutoff(*pair, cutoffs_A) for pair in elements}
    involved = np.flatnonzero(np.isin(names, sorted({name for pair in elements for name in pair})))
    found = pairs_within(positions[involved], cell, max(limits.values()), periodic=periodic)
    first, second = involved[found.first], involved[found.second]
    kinds = sorted(set(names[involved].tolist()))
    table = np.zeros((len(kinds), len(kinds)))
    for i, a in enumerate(kinds):
        for j, b in enumerate(kinds):
            table[i, j] = limits.get(frozenset((a, b)), 0.0)
    code = np.searchsorted(kinds, names)
    keep = found.distance_A <= table[code[first], code[second]]
    return Pairs(first[keep], second[keep], found.distance_A[keep], found.image[keep])
