"""Bond switching: the compiled part of :mod:`~anodeflow.structures.network`.

A trial takes two bonds a-b and c-d, makes them a-c and b-d, and is kept by the Metropolis rule (the move of Wooten,
Winer and Weaire, Phys. Rev. Lett. 54 (1985) 1392, here between nodes that stay where they are).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]
    Index = int | np.signedinteger[Any]

MOST_BONDS = 4


@njit(cache=True)
def joined(a: Index, b: Index, of: Indices, edges: Indices) -> int:
    """Count the edges between two nodes."""
    number = 0
    for g in of[a]:
        if edges[g, 0] == b or edges[g, 1] == b:
            number += 1
    return number


@njit(cache=True)
def replace_edge(row: Indices, old: Index, new: Index) -> None:
    """Write another edge into the list of a node."""
    for k in range(len(row)):
        if row[k] == old:
            row[k] = new
            return


@njit(cache=True)
def edges_of(edges: Indices, nodes: Index) -> Indices:
    """Edges of every node, shape (M, 4); a node joined to itself has that edge twice."""
    of = np.full((nodes, MOST_BONDS), -1, dtype=np.int64)
    filled = np.zeros(nodes, dtype=np.int64)
    for e in range(len(edges)):
        for end in range(2):
            v = edges[e, end]
            of[v, filled[v]] = e
            filled[v] += 1
    return of


@njit(cache=True)
def _toward(i: Index, j: Index, points: Array, cell: Array, inverse: Array, out: Array) -> float:
    """Write the vector to the nearest image into ``out`` and return its length."""
    for k in range(3):
        out[k] = points[j, k] - points[i, k]
    for k in range(3):
        whole = np.round(out[0] * inverse[0, k] + out[1] * inverse[1, k] + out[2] * inverse[2, k])
        if whole != 0.0:
            for m in range(3):
                out[m] -= whole * cell[k, m]
    return float(np.sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2]))


@njit(cache=True)
def _swap_rows(rows: Indices, first: Index, second: Index) -> None:
    for k in range(rows.shape[1]):
        rows[first, k], rows[second, k] = rows[second, k], rows[first, k]


@njit(cache=True)
def _node_cost(
    a: Index,
    of: Indices,
    edges: Indices,
    middle: Indices,
    kind: Indices,
    wanted: Array,
    points: Array,
    cell: Array,
    inverse: Array,
    work: Array,
) -> float:
    """Cost of the bonds of a node, and of being joined to itself or twice to another."""
    total = 0.0
    for g in of[a]:
        b = edges[g, 1] if edges[g, 0] == a else edges[g, 0]
        if a == b:
            return 400.0
        total += 50.0 * (joined(a, b, of, edges) - 1)
        length = _toward(a, b, points, cell, inverse, work)
        total += 0.5 * (length - wanted[kind[a], kind[b], middle[g, 1]]) ** 2
    return total


@njit(cache=True)
def fixed_switches(
    edges: Indices,
    middle: Indices,
    kind: Indices,
    wanted: Array,
    points: Array,
    cell: Array,
    inverse: Array,
    trials: int,
    temperature_A2: float,
    rng: np.random.Generator,
) -> None:
    """Switch bonds of nodes that stay where they are until each is as long as it should be, in place.

    Parameters
    ----------
    edges
        Pairs of nodes, shape (E, 2).
    middle
        Number of the bridging atom of each edge, or -1, and the kind of the bridge, shape (E, 2).
    kind
        Kind of each node, shape (M,).
    wanted
        Distance in Å of two nodes of given kinds over a bridge, shape (K, K, B).
    points
        Positions of the nodes in Å, shape (M, 3).
    temperature_A2
        Temperature at the start, in squared deviations; it falls to nothing.
    cell, inverse
        Cell vectors as rows in Å, and the inverse.
    trials
        Number of trials.
    rng
        Random numbers.
    """
    n = len(points)
    of = edges_of(edges, n)
    close = min(16, n - 1)
    near = np.empty((n, close), dtype=np.int64)
    gaps, work = np.empty(n), np.zeros(3)
    for a in range(n):
        for b in range(n):
            gaps[b] = _toward(a, b, points, cell, inverse, work)
        gaps[a] = 1e9
        near[a] = np.argsort(gaps)[:close]
    four = np.empty(4, dtype=np.int64)
    for trial in range(trials):
        temperature = temperature_A2 * (1.0 - trial / trials) ** 3 + 1e-3
        e = rng.integers(0, len(edges))
        end = rng.integers(0, 2)
        a, b = edges[e, end], edges[e, 1 - end]
        c = near[a, rng.integers(0, close)]
        f = of[c, rng.integers(0, MOST_BONDS)]
        d = edges[f, 1] if edges[f, 0] == c else edges[f, 0]
        # a-b and c-d become a-c and b-d; the kinds of the pairs must stay
        if f == e or c == b or d == a or b == d or (kind[b] != kind[c] and kind[a] != kind[d]):
            continue
        if joined(a, c, of, edges) or joined(b, d, of, edges):
            continue
        four[:] = (a, b, c, d)
        before = 0.0
        for v in four:
            before += _node_cost(v, of, edges, middle, kind, wanted, points, cell, inverse, work)
        ends = edges[e, 0], edges[e, 1], edges[f, 0], edges[f, 1]
        swap = kind[b] != kind[c]
        replace_edge(of[b], e, f)
        replace_edge(of[c], f, e)
        edges[e, 0], edges[e, 1], edges[f, 0], edges[f, 1] = a, c, b, d
        if swap:  # a bridge stays between the kinds of nodes it was between
            _swap_rows(middle, e, f)
        after = 0.0
        for v in four:
            after += _node_cost(v, of, edges, middle, kind, wanted, points, cell, inverse, work)
        if after > before and rng.random() >= np.exp((before - after) / temperature):
            if swap:
                _swap_rows(middle, e, f)
            replace_edge(of[b], f, e)
            replace_edge(of[c], e, f)
            edges[e, 0], edges[e, 1], edges[f, 0], edges[f, 1] = ends
