"""The lowest barriers over which a network of hops leads through a crystal, along each of its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Passage:
    """A hop between two sites of a periodic crystal, passable both ways.

    Attributes
    ----------
    start, end
        Numbers of the sites.
    cells
        Cells that are crossed along the three vectors: the end lies that many cells away from its site in the cell.
    energy_eV
        Of the saddle.
    name
        Of the hop.
    """

    start: int
    end: int
    cells: tuple[int, int, int]
    energy_eV: float
    name: str = ""


@dataclass(frozen=True)
class Percolation:
    """What one axis needs.

    Attributes
    ----------
    saddle_eV
        Highest saddle on the best way along the axis; None if no way leads along it.
    hop
        Name of the hop with that saddle; empty if there is none.
    """

    saddle_eV: float | None
    hop: str = ""


def percolation(
    sites: int, passages: Sequence[Passage], *, through: int | None = None
) -> tuple[Percolation, Percolation, Percolation]:
    """Return for each axis the lowest saddle energy at which hops lead from a site to its own image along that axis.

    Hops are opened from the lowest saddle on. A union-find keeps how many cells lie between each site and the root of
    its cluster; a hop within a cluster that closes a loop with another number of cells makes the cluster wind around
    the crystal (J. Machta et al., Phys. Rev. E 54 (1996) 1332). An axis is passable when windings of one cluster
    combine to it.

    Parameters
    ----------
    sites
        How many there are in the cell.
    passages
        Hops between them; one direction of each is enough.
    through
        Site that the way has to lead through; any by default.

    Raises
    ------
    InputError
        If a hop joins sites that are not there.
    """
    parent = list(range(sites))
    offset: list[Integers] = [np.zeros(3, dtype=np.int64) for _ in range(sites)]
    windings: list[list[Integers]] = [[] for _ in range(sites)]
    found = [Percolation(None), Percolation(None), Percolation(None)]

    def root(site: int) -> tuple[int, Integers]:
        cells = np.zeros(3, dtype=np.int64)
        while parent[site] != site:
            cells = cells + offset[site]
            site = parent[site]
        return site, cells

    for hop in sorted(passages, key=lambda one: one.energy_eV):
        if not (0 <= hop.start < sites and 0 <= hop.end < sites):
            raise InputError(f"there is no hop from site {hop.start} to {hop.end} among {sites} sites")
        (first, to_first), (second, to_second) = root(hop.start), root(hop.end)
        # position of the end seen from the first root, less what the second root's own counting says
        loop = to_first + np.array(hop.cells, dtype=np.int64) - to_second
        if first == second:
            if loop.any():
                windings[first].append(loop)
        else:
            parent[second], offset[second] = first, loop
            windings[first] += windings[second]
        if through is not None and root(through)[0] != first:
            continue
        for axis in range(3):
            if found[axis].saddle_eV is None and _spans(windings[first], axis):
                found[axis] = Percolation(hop.energy_eV, hop.name)
    return found[0], found[1], found[2]


def _spans(vectors: Sequence[Integers], axis: int) -> bool:
    if not vectors:
        return False
    matrix = np.array(vectors, dtype=float)
    unit = np.eye(3)[axis]
    return int(np.linalg.matrix_rank(matrix)) == int(np.linalg.matrix_rank(np.vstack([matrix, unit])))
