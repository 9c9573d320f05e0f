"""Contact distances between elements from their radii, and neighbour pairs in any periodic cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from scipy.spatial import cKDTree

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

ANION_RADII_A = {
    "N": 1.46,
    "O": 1.40,
    "F": 1.33,
    "S": 1.84,
    "Cl": 1.81,
    "Se": 1.98,
    "Br": 1.96,
    "Te": 2.21,
    "I": 2.20,
}
"""Six-coordinate radii of the anions in Å, N four-coordinate (Shannon, Acta Cryst. A 32 (1976) 751)."""

NETWORK_FORMERS = frozenset({"B", "Al", "Si", "P", "Ge", "As"})
"""Elements that sit in tetrahedra of anions: two of them meet through a bridging anion, not directly."""

MINIMUM_FRACTION = 0.85
"""How much of a contact distance two atoms may lose before they count as overlapping.

In the phase library the shortest pair is at 0.82 (Ti-O) to 1.3 of the sum of covalent radii.
"""

BOND_REACH = 1.15
"""A nearest-neighbour bond is up to this times the contact distance."""

_TETRAHEDRAL = 2.0 * np.sin(np.radians(109.4712206) / 2.0)


def contact_distance(first: str, second: str, *, elements: Iterable[str] = ()) -> float:
    """Distance at which two atoms touch.

    The sum of covalent radii (Cordero et al., Dalton Trans. 2008, 2832), but of ionic radii between two
    anions (Shannon 1976), and the span of a tetrahedral bridge between two network formers when an anion
    is present.

    Parameters
    ----------
    first, second
        Element symbols.
    elements
        All elements of the system; decides whether anions are there to bridge.

    Returns
    -------
    float
        Distance in Å.

    Raises
    ------
    InputError
        If a symbol is not an element.
    """
    radius = {}
    for symbol in (first, second):
        if symbol not in atomic_numbers or symbol == "X":
            raise InputError(f"{symbol!r} is not an element", remedy="Write symbols as in 'Li', 'Si'.")
        radius[symbol] = float(covalent_radii[atomic_numbers[symbol]])
    if first in ANION_RADII_A and second in ANION_RADII_A:
        return ANION_RADII_A[first] + ANION_RADII_A[second]
    anions = [e for e in elements if e in ANION_RADII_A]
    if anions and first in NETWORK_FORMERS and second in NETWORK_FORMERS:
        bridge = min(float(covalent_radii[atomic_numbers[e]]) for e in anions)
        return float(_TETRAHEDRAL * (0.5 * (radius[first] + radius[second]) + bridge))
    return radius[first] + radius[second]


def is_polyanion_bond(first: str, second: str, distance_A: float) -> bool:
    """Whether two atoms are bonded within one molecular ion or network, such as PS4, PO4, BH4 or SiO2.

    Parameters
    ----------
    first, second
        Element symbols.
    distance_A
        How far apart they are, in Å.
    """
    for former, ligand in ((first, second), (second, first)):
        if former in NETWORK_FORMERS and (ligand in ANION_RADII_A or ligand == "H"):
            return distance_A < BOND_REACH * contact_distance(former, ligand)
    return False


def distance_table(
    elements: Sequence[str],
    given: Mapping[tuple[str, str], float] | None = None,
    *,
    fraction: float = MINIMUM_FRACTION,
) -> Array:
    """Matrix of minimum distances between elements.

    Parameters
    ----------
    elements
        Element symbols, all different, ``n`` of them.
    given
        Distances in Å that replace the default, by pair of symbols in either order.
    fraction
        Share of the contact distance that is the default.

    Returns
    -------
    ndarray, shape (n, n)
        Distances in Å, symmetric.

    Raises
    ------
    InputError
        If ``given`` names an element that is not there, one pair twice with different values, or a value
        that is not a positive number.
    """
    table = np.array([[fraction * contact_distance(a, b, elements=elements) for b in elements] for a in elements])
    seen: dict[frozenset[str], float] = {}
    for pair, value in (given or {}).items():
        a, b = pair
        for symbol in pair:
            if symbol not in elements:
                raise InputError(
                    f"a minimum distance is given for {a}-{b}, but {symbol} is not in the composition",
                    remedy=f"Use pairs of {', '.join(elements)}.",
                )
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"the minimum distance {value} Å of {a}-{b} is not a positive number")
        if seen.setdefault(frozenset(pair), value) != value:
            raise InputError(f"the pair {a}-{b} has two minimum distances", remedy="Give each pair once.")
        i, j = elements.index(a), elements.index(b)
        table[i, j] = table[j, i] = value
    return table


def periodic_pairs(
    cell: ArrayLike, positions: ArrayLike, cutoff: float, *, periodic: Sequence[bool] = (True, True, True)
) -> tuple[Indices, Indices, Array, Array]:
    """All pairs of atoms closer than a cutoff in a periodic cell, each once.

    Any triclinic cell is right, also one smaller than the cutoff: an atom may pair with its own images.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å.
    positions
        Cartesian positions, shape (N, 3), in Å; they need not be inside the cell.
    cutoff
        Longest distance in Å.
    periodic
        Which of the three directions repeat.

    Returns
    -------
    first, second : ndarray of int, shape (P,)
        Atom indices.
    shift : ndarray, shape (P, 3)
        What to add to ``positions[second]`` to get the image that is meant, in Å.
    distance : ndarray, shape (P,)
        Distances in Å.
    """
    cell = np.asarray(cell, dtype=float)
    positions = np.asarray(positions, dtype=float)
    n = len(positions)
    inverse = np.linalg.inv(cell)
    fractional = positions @ inverse
    flags = np.asarray(periodic, dtype=bool)
    wrap = np.where(flags, -np.floor(fractional), 0.0)
    fractional = fractional + wrap
    # distance between opposite faces along each reciprocal direction
    reach = cutoff * np.linalg.norm(inverse, axis=0)
    index = np.arange(n)
    offsets = np.zeros((n, 3))
    for axis in range(3):
        if not flags[axis]:
            continue
        layers = int(np.ceil(reach[axis]))
        more_index, more_offsets = [index], [offsets]
        base = fractional[index, axis] + offsets[:, axis]
        for k in range(1, layers + 1):
            for sign in (k, -k):
                moved = base + sign
                near = (moved >= -reach[axis] - 1e-9) & (moved <= 1.0 + reach[axis] + 1e-9)
                shifted = offsets[near].copy()
                shifted[:, axis] += sign
                more_index.append(index[near])
                more_offsets.append(shifted)
        index = np.concatenate(more_index)
        offsets = np.concatenate(more_offsets)
    points = (fractional[index] + offsets) @ cell
    pairs = cKDTree(points).query_pairs(cutoff, output_type="ndarray")
    # real atoms come first in `index`, so the smaller entry is real whenever one of the two is
    pairs = np.sort(pairs, axis=1)
    pairs = pairs[pairs[:, 0] < n]
    i, image = index[pairs[:, 0]], pairs[:, 1]
    j = index[image]
    # a pair across a border is found from both sides: keep one
    offset = offsets[image]
    across = image >= n
    forward = (offset[:, 0] > 0) | (
        (offset[:, 0] == 0) & ((offset[:, 1] > 0) | ((offset[:, 1] == 0) & (offset[:, 2] > 0)))
    )
    keep = ~across | forward
    i, j, offset = i[keep], j[keep], offset[keep]
    distance = np.linalg.norm(points[pairs[keep, 1]] - points[pairs[keep, 0]], axis=1)
    # in terms of the positions as given, not as wrapped
    shift = (offset + wrap[j] - wrap[i]) @ cell
    return i, j, shift, distance


def closest_pairs(structure: Structure, *, cutoff: float = 4.0) -> dict[tuple[str, str], float]:
    """Shortest distance of each pair of elements in a structure, periodic images included.

    Parameters
    ----------
    structure
        Ordered structure.
    cutoff
        Pairs farther apart than this, in Å, are left out.

    Returns
    -------
    dict
        Distance in Å by alphabetically ordered pair of symbols.
    """
    i, j, _, distance = periodic_pairs(structure.lattice.matrix, structure.cart_coords, cutoff)
    symbols = np.array([site.specie.symbol for site in structure])
    result: dict[tuple[str, str], float] = {}
    names = sorted(set(symbols.tolist()))
    code = {name: k for k, name in enumerate(names)}
    kinds = np.array([code[s] for s in symbols])
    low, high = np.minimum(kinds[i], kinds[j]), np.maximum(kinds[i], kinds[j])
    for a, b in sorted({(int(p), int(q)) for p, q in zip(low, high, strict=True)}):
        result[names[a], names[b]] = float(distance[(low == a) & (high == b)].min())
    return result
