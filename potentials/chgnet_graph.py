"""Pairs of bonds of a periodic cell as arrays, as CHGNet takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .bonds import Edges

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class BondGraph:
    """What CHGNet wants of a configuration: directed and undirected bonds, and pairs of short bonds at an atom.

    Attributes
    ----------
    centre, neighbour, vectors_A
        As in `Edges`.
    undirected
        Undirected bond of each directed one, shape (M,).
    one_of_two
        A directed bond of each undirected one, shape (M / 2,).
    pairs
        Shape (K, 5): atom, undirected and directed index of the first bond, then of the second.
    """

    centre: Integers
    neighbour: Integers
    vectors_A: Floats
    undirected: Integers
    one_of_two: Integers
    pairs: Integers

    @classmethod
    def of(cls, edges: Edges, pair_cutoff_A: float) -> BondGraph:
        """Return the graph; two bonds that start at one atom and are shorter than `pair_cutoff_A` make a pair."""
        count = len(edges.centre)
        first = np.arange(count) < edges.reverse
        one_of_two = np.flatnonzero(first)
        number = np.cumsum(first) - 1
        undirected = np.where(first, number, number[edges.reverse])
        short = np.flatnonzero(np.linalg.norm(edges.vectors_A, axis=1) < pair_cutoff_A)
        short = short[np.argsort(edges.centre[short], kind="stable")]
        left, right = _ordered_pairs(edges.centre[short])
        a, b = short[left], short[right]
        pairs = np.stack([edges.centre[a], undirected[a], a, undirected[b], b], axis=1)
        return cls(edges.centre, edges.neighbour, edges.vectors_A, undirected, one_of_two, pairs)


def _ordered_pairs(groups: Integers) -> tuple[Integers, Integers]:
    """Return the indices of all ordered pairs of different entries with the same number in a sorted array."""
    _, start, size = np.unique(groups, return_index=True, return_counts=True)
    partners = np.repeat(size, size)
    left = np.repeat(np.arange(len(groups)), partners)
    begin = np.repeat(np.cumsum(partners) - partners, partners)
    right = np.repeat(np.repeat(start, size), partners) + np.arange(len(left)) - begin
    different = left != right
    return left[different], right[different]
