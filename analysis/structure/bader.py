"""Charges of atoms in Bader's partition of an electron density on a grid, without bias from the grid's directions.

The flow of every grid point is shared among its denser neighbours in proportion to slope and to the facet between
their Voronoi cells (weight method: M. Yu and D. R. Trinkle, J. Chem. Phys. 134 (2011) 064111, recalled). Passed on from
the thinnest point to the densest, all electrons end in the maxima, so nothing larger than the grid is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from ...errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

_SMALLEST_FACET = 1e-6  # of the largest, below which a neighbour only touches in an edge


@dataclass(frozen=True)
class BaderPartition:
    """Electrons and volume of each atom.

    Attributes
    ----------
    electrons
        Electrons in the basins of each atom, shape (N,).
    volumes_A3
        Volume of these basins, shape (N,).
    maxima
        Number of maxima of the density.
    astray
        Electrons in basins whose maximum lies farther than `reach_A` from any nucleus; they are counted with the
        nearest atom.
    reach_A
        How far a maximum may be from its nucleus.
    """

    electrons: Array
    volumes_A3: Array
    maxima: int
    astray: float
    reach_A: float


def bader_partition(density_e_A3: Array, cell: Array, positions: Array, *, reach_A: float = 0.5) -> BaderPartition:
    """Divide an electron density among atoms.

    Parameters
    ----------
    density_e_A3
        All electrons, the cores too, on a grid that begins at the origin of the cell, shape (n1, n2, n3), in e/Å³.
    cell
        Cell vectors as rows in Å, shape (3, 3); any angles.
    positions
        Cartesian positions of the nuclei in Å, shape (N, 3).
    reach_A
        Maxima farther from any nucleus are said to be astray.

    Raises
    ------
    InputError
        If the arrays do not fit together or the density is not finite.
    """
    density = np.ascontiguousarray(density_e_A3, dtype=float)
    cell, positions = np.asarray(cell, dtype=float), np.asarray(positions, dtype=float)
    if density.ndim != 3 or cell.shape != (3, 3) or positions.ndim != 2 or not len(positions):
        raise InputError("a Bader partition needs a density on a grid of three axes, a cell and atoms")
    if not np.isfinite(density).all():
        raise InputError("the electron density is not finite everywhere")
    steps, conductance = voronoi_neighbours(cell / np.array(density.shape)[:, None])
    # a stable sort, so that equal densities, as in vacuum, do not depend on the library
    order = np.argsort(density, axis=None, kind="stable")
    voxel_A3 = abs(float(np.linalg.det(cell))) / density.size
    charge, volume, tops = _pass_on(density, order, steps, conductance, voxel_A3)
    fractional = np.array(np.unravel_index(tops, density.shape)).T / np.array(density.shape)
    owner, distance = _nearest(fractional, positions @ np.linalg.inv(cell), cell)
    electrons = np.bincount(owner, charge[tops], len(positions)).astype(float)
    volumes = np.bincount(owner, volume[tops], len(positions)).astype(float)
    astray = float(charge[tops][distance > reach_A].sum())
    return BaderPartition(electrons, volumes, len(tops), astray, reach_A)


def voronoi_neighbours(vectors: Array) -> tuple[Integers, Array]:
    """Return the neighbours of a grid point that share a facet of its Voronoi cell, and facet area over distance.

    Parameters
    ----------
    vectors
        Steps of the grid as rows, shape (3, 3), in Å.

    Returns
    -------
    steps
        Offsets in grid points, shape (M, 3).
    conductance
        Area over distance of each, in Å, shape (M,).
    """
    from scipy.spatial import Voronoi

    reach = np.arange(-2, 3)
    offsets = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    points = offsets @ vectors
    centre = len(offsets) // 2
    diagram = Voronoi(points)
    steps, conductance = [], []
    for (one, other), ridge in zip(diagram.ridge_points, diagram.ridge_vertices, strict=True):
        if centre not in (one, other) or -1 in ridge:
            continue
        neighbour = other if one == centre else one
        steps.append(offsets[neighbour])
        conductance.append(_area(diagram.vertices[ridge], points[neighbour]) / float(np.linalg.norm(points[neighbour])))
    kept = np.array(conductance) > _SMALLEST_FACET * max(conductance)
    return np.array(steps, dtype=np.int64)[kept], np.array(conductance)[kept]


def _area(corners: Array, normal: Array) -> float:
    """Return the area of a flat convex polygon, its corners in any order."""
    normal = normal / np.linalg.norm(normal)
    first = np.cross(normal, [1.0, 0, 0] if abs(normal[0]) < 0.9 else [0, 1.0, 0])
    first /= np.linalg.norm(first)
    arms = corners - corners.mean(axis=0)
    x, y = arms @ first, arms @ np.cross(normal, first)
    turn = np.argsort(np.arctan2(y, x))
    x, y = x[turn], y[turn]
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


@njit(cache=True, boundscheck=False)  # type: ignore[misc]
def _pass_on(
    density: Array, order: Integers, steps: Integers, conductance: Array, voxel_A3: float
) -> tuple[Array, Array, Integers]:
    n1, n2, n3 = density.shape
    flat = density.ravel()
    charge = flat * voxel_A3
    volume = np.full(flat.size, voxel_A3)
    tops = np.empty(flat.size, dtype=np.int64)
    count = 0
    flux = np.empty(len(steps))
    target = np.empty(len(steps), dtype=np.int64)
    for here in order:
        i, j, k = here // (n2 * n3), (here // n3) % n2, here % n3
        total = 0.0
        for m in range(len(steps)):
            there = (((i + steps[m, 0]) % n1) * n2 + (j + steps[m, 1]) % n2) * n3 + (k + steps[m, 2]) % n3
            rise = flat[there] - flat[here]
            target[m] = there
            flux[m] = conductance[m] * rise if rise > 0 else 0.0
            total += flux[m]
        if total == 0.0:
            tops[count] = here
            count += 1
            continue
        for m in range(len(steps)):
            if flux[m] > 0:
                charge[target[m]] += charge[here] * flux[m] / total
                volume[target[m]] += volume[here] * flux[m] / total
    return charge, volume, tops[:count]


def _nearest(points: Array, atoms: Array, cell: Array) -> tuple[Integers, Array]:
    """Return the nearest atom of each point under periodic boundaries, from fractions, and its distance."""
    from pymatgen.core import Lattice

    distances = Lattice(cell).get_all_distances(points, atoms)
    owner = np.argmin(distances, axis=1)
    return owner, distances[np.arange(len(owner)), owner]
