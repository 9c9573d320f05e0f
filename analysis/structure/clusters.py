"""What atoms are bonded into: clusters of the host, thiophosphate units, and anions that only lithium surrounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .neighbours import bond_cutoff, bonds, pairs_within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FloatArray = NDArray[np.float64]
Cutoffs = "Mapping[tuple[str, str], float] | None"
Periodic = tuple[bool, bool, bool]
_ALL: Periodic = (True, True, True)


@dataclass(frozen=True)
class Clusters:
    """Atoms joined by bonds.

    Attributes
    ----------
    label
        Number of the cluster of each atom, -1 for atoms that take no part; shape ``(N,)``.
    sizes
        Atoms in each cluster, shape ``(C,)``.
    formulas
        Composition of each, elements in alphabetical order: ``P2S7``.
    """

    label: NDArray[np.int64]
    sizes: NDArray[np.int64]
    formulas: tuple[str, ...]

    def count(self) -> dict[str, int]:
        """Return how often each composition occurs, most frequent first."""
        return dict(Counter(self.formulas).most_common())


def find_clusters(
    positions: FloatArray,
    cell: FloatArray,
    species: Sequence[str],
    elements: Sequence[tuple[str, str]],
    *,
    cutoffs_A: Mapping[tuple[str, str], float] | None = None,
    periodic: Periodic = _ALL,
) -> Clusters:
    """Return the sets of atoms that bonds join.

    Parameters
    ----------
    positions, cell
        Shapes ``(N, 3)`` and ``(3, 3)`` in Å.
    species
        Element of each atom.
    elements
        Pairs of elements that bond: ``[("Si", "Si")]`` for the clusters of silicon in LixSi.
    cutoffs_A
        Longest bonds by pair; see `anodeflow.analysis.structure.neighbours.bond_cutoff`.
    periodic
        Along the three box vectors.
    """
    names = np.asarray(species)
    if not np.isin(names, sorted({name for pair in elements for name in pair})).any():
        return Clusters(np.full(len(names), -1, dtype=np.int64), np.empty(0, dtype=np.int64), ())
    found = bonds(positions, cell, species, elements, cutoffs_A=cutoffs_A, periodic=periodic)
    return join_clusters(species, elements, found.first, found.second)


def join_clusters(
    species: Sequence[str],
    elements: Sequence[tuple[str, str]],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> Clusters:
    """Return the sets of atoms that given bonds join.

    Parameters
    ----------
    species
        Element of each atom.
    elements
        Pairs of elements that bond; atoms of others take no part.
    first, second
        Atoms of each bond, in one direction or both; bonds between other pairs of elements are left out.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    names = np.asarray(species)
    taking_part = np.flatnonzero(np.isin(names, sorted({name for pair in elements for name in pair})))
    label = np.full(len(names), -1, dtype=np.int64)
    wanted = np.zeros(len(first), dtype=bool)
    for a, b in elements:
        wanted |= (names[first] == a) & (names[second] == b)
        wanted |= (names[first] == b) & (names[second] == a)
    shape = (len(names), len(names))
    graph = coo_matrix((np.ones(int(wanted.sum())), (first[wanted], second[wanted])), shape=shape)
    _, parts = connected_components(graph, directed=False)
    _, label[taking_part] = np.unique(parts[taking_part], return_inverse=True)
    sizes = np.bincount(label[taking_part])
    members: list[Counter[str]] = [Counter() for _ in sizes]
    for atom in taking_part:
        members[label[atom]][str(names[atom])] += 1
    return Clusters(label, sizes.astype(np.int64), tuple(_formula(each) for each in members))


def _formula(members: Counter[str]) -> str:
    return "".join(f"{name}{count if count > 1 else ''}" for name, count in sorted(members.items()))


def thiophosphate_units(
    positions: FloatArray,
    cell: FloatArray,
    species: Sequence[str],
    *,
    cutoffs_A: Mapping[tuple[str, str], float] | None = None,
    periodic: Periodic = _ALL,
) -> dict[str, int]:
    """Return how many of each P–S unit there are: ``PS4``, ``P2S7``, ``P2S6``, broken ones, and lone ``S`` and ``P``.

    Parameters
    ----------
    positions, cell, species, cutoffs_A, periodic
        As for `find_clusters`. P–S and P–P bonds join.
    """
    wanted = [("P", "S"), ("P", "P")]
    return find_clusters(positions, cell, species, wanted, cutoffs_A=cutoffs_A, periodic=periodic).count()


CRYSTAL_COORDINATION = {
    "S": ("Li2S", 8),
    "P": ("Li3P", 11),
    "Cl": ("LiCl", 6),
    "O": ("Li2O", 8),
    "Br": ("LiBr", 6),
    "I": ("LiI", 6),
    "N": ("Li3N", 8),
}
"""Lithium neighbours of the anion in the crystal of its lithium salt (antifluorite, Na3As type, rock salt, Li3N)."""

_LITHIUM_SHELL_A = {"S": 3.1, "P": 3.2, "Cl": 3.2, "O": 2.6, "Br": 3.4, "I": 3.7, "N": 2.7}
"""Between the first and the second shell of lithium around the anion in those crystals."""


@dataclass(frozen=True)
class AnionEnvironments:
    """What the anions of one element have around them.

    Attributes
    ----------
    anion
        Element.
    bonded
        Number with a covalent bond to an element other than lithium.
    salt_like
        Number with none, and as many lithium neighbours as in the crystal of its lithium salt, give or take
        one.
    other
        Number of the rest.
    salt
        Name of that salt.
    mean_lithium
        Mean number of lithium neighbours of those without a bond; NaN where there are none.
    """

    anion: str
    bonded: int
    salt_like: int
    other: int
    salt: str
    mean_lithium: float


def anion_environments(
    positions: FloatArray,
    cell: FloatArray,
    species: Sequence[str],
    anion: str,
    *,
    cutoffs_A: Mapping[tuple[str, str], float] | None = None,
    periodic: Periodic = _ALL,
    bonded: NDArray[np.bool_] | None = None,
) -> AnionEnvironments:
    """Sort the anions of an element into bonded ones and those that sit in lithium as in Li2S, Li3P or LiCl.

    Solid electrolytes may hold such anions from the start (one sulfide in five in Li6PS5Cl): the growth of
    their number against the first frame tells of decomposition, not the number itself.

    Parameters
    ----------
    positions, cell, species, cutoffs_A, periodic
        As for `find_clusters`; ``("Li", anion)`` in `cutoffs_A` sets the shell of lithium.
    anion
        One of S, P, Cl, O, Br, I, N.
    bonded
        Which atoms have a bond to an element other than lithium, shape ``(N,)``, where that is known; by the cutoffs
        otherwise.
    """
    from ...errors import InputError

    if anion not in CRYSTAL_COORDINATION:
        known = ", ".join(CRYSTAL_COORDINATION)
        raise InputError(f"no lithium salt is known here for {anion}", remedy=f"Choose among {known}.")
    salt, usual = CRYSTAL_COORDINATION[anion]
    names = np.asarray(species)
    centres = np.flatnonzero(names == anion)
    if not len(centres):
        return AnionEnvironments(anion, 0, 0, 0, salt, float("nan"))
    partners = sorted(set(names.tolist()) - {"Li"})
    limit = {name: bond_cutoff(anion, name, cutoffs_A) for name in partners}
    shell = bond_cutoff("Li", anion, {("Li", anion): _LITHIUM_SHELL_A[anion], **(cutoffs_A or {})})
    reach = max([shell, *limit.values()])
    found = pairs_within(positions, cell, reach, centres=centres, periodic=periodic)
    other = names[found.second]
    longest = np.array([limit.get(name, 0.0) for name in other])
    covalent = np.bincount(found.first[found.distance_A <= longest], minlength=len(names))[centres]
    near = (other == "Li") & (found.distance_A <= shell)
    lithium = np.bincount(found.first[near], minlength=len(names))[centres]
    free = covalent == 0 if bonded is None else ~np.asarray(bonded, dtype=bool)[centres]
    like = free & (np.abs(lithium - usual) <= 1)
    mean = float(lithium[free].mean()) if free.any() else float("nan")
    return AnionEnvironments(anion, int((~free).sum()), int(like.sum()), int((free & ~like).sum()), salt, mean)
