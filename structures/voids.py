"""Where there is room in a structure: the largest empty spheres, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import Voronoi, cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

_LARGEST_RADIUS_A = 12.0


def void_sites(structure: Structure, *, min_radius_A: float = 1.0, merge_A: float = 0.3) -> list[tuple[Array, float]]:
    """Return the centres of the empty spheres between the atoms, largest first.

    They are the vertices of the Voronoi cells: points as far as possible from their four nearest atoms. Radii above
    12 Å (vacuum) are not right.

    Parameters
    ----------
    structure
        Any periodic structure.
    min_radius_A
        Smaller spheres are left out; the radius reaches to the nearest atom's centre.
    merge_A
        Vertices nearer to each other than this are one void.

    Returns
    -------
    list of (fractional coordinates (3,), radius in Å)
    """
    cell = np.asarray(structure.lattice.matrix)
    signs = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]])
    # no empty sphere of a periodic structure is larger than half the longest diagonal of its cell
    reach = 0.5 + 0.5 * float(np.linalg.norm(signs @ cell, axis=1).max())
    points = _with_images(cell, np.asarray(structure.frac_coords), min(reach, _LARGEST_RADIUS_A))
    vertices = Voronoi(points @ cell).vertices
    radii = np.asarray(cKDTree(points @ cell).query(vertices)[0])
    fractional = vertices @ np.linalg.inv(cell)
    inside = np.all((fractional > -1e-6) & (fractional < 1 - 1e-6), axis=1) & (radii >= min_radius_A)
    fractional, radii = fractional[inside], radii[inside]
    if not len(fractional):
        return []
    shifts = np.array(list(np.ndindex(3, 3, 3))) - 1
    images = (fractional[None] + shifts[:, None]).reshape(-1, 3)
    owners = np.tile(np.arange(len(fractional)), len(shifts))
    tree = cKDTree(images @ cell)
    taken = np.zeros(len(fractional), dtype=bool)
    found: list[tuple[Array, float]] = []
    for index in np.lexsort((*fractional.T.round(3), -radii.round(3))):
        if not taken[index]:
            taken[owners[tree.query_ball_point(fractional[index] @ cell, merge_A)]] = True
            found.append((fractional[index] % 1.0, float(radii[index])))
    return found


def fill_voids(cell: Array, fractional: Array, count: int, *, resolution_A: float = 0.35) -> tuple[Array, Array]:
    """Put points one after the other into the largest void that is left.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å.
    fractional
        Fractional coordinates of the atoms, shape (N, 3).
    count
        Number of points to put in.
    resolution_A
        Spacing of the grid that the voids are looked for on; the centre found is then moved to its local
        maximum, so that the largest void may be missed by about this much.

    Returns
    -------
    centres
        Fractional coordinates, shape (count, 3), in the order of insertion.
    radii
        Distance of each to its nearest neighbour when it was put in, shape (count,), in Å.
    """
    numbers = np.maximum(1, np.ceil(np.linalg.norm(cell, axis=1) / resolution_A)).astype(int)
    axes = [(np.arange(n) + 0.5) / n for n in numbers]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    grid_tree = cKDTree(grid @ cell)
    reach = 0.62 * (abs(float(np.linalg.det(cell))) / max(len(fractional), 1)) ** (1 / 3) + 4.0
    atoms = _with_images(cell, fractional, reach)
    clearance = np.asarray(cKDTree(atoms @ cell).query(grid @ cell)[0])
    shifts = np.array(list(np.ndindex(3, 3, 3))) - 1
    centres, radii = np.zeros((count, 3)), np.zeros(count)
    known = list(atoms @ cell)
    for k in range(count):
        best = int(np.argmax(clearance))
        centre = _centred(grid[best] @ cell, np.array(known), resolution_A)
        radius = float(np.linalg.norm(np.array(known) - centre, axis=1).min())
        centres[k], radii[k] = (centre @ np.linalg.inv(cell)) % 1.0, radius
        limit = float(clearance.max()) + 1e-9
        for image in (centres[k] + shifts) @ cell:
            known.append(image)
            near = grid_tree.query_ball_point(image, limit)
            if near:
                lengths = np.linalg.norm(grid_tree.data[near] - image, axis=1)
                clearance[near] = np.minimum(clearance[near], lengths)
    return centres, radii


def _centred(point: Array, atoms: Array, step_A: float) -> Array:
    """Move a grid point up to the local maximum of the distance to the nearest atom."""
    near = atoms[np.linalg.norm(atoms - point, axis=1) < 8.0]
    if not len(near):
        return point
    best = float(np.linalg.norm(near - point, axis=1).min())
    while step_A > 0.02:
        directions = point - near[np.argsort(np.linalg.norm(near - point, axis=1))[:4]]
        trials = [directions.sum(axis=0), *directions]
        for trial in trials:
            length = float(np.linalg.norm(trial))
            moved = point + step_A * trial / max(length, 1e-9)
            clear = float(np.linalg.norm(near - moved, axis=1).min())
            if clear > best + 1e-6:
                point, best = moved, clear
                break
        else:
            step_A /= 2
    return point


def _with_images(cell: Array, fractional: Array, reach: float) -> Array:
    """Return the atoms of the cell and all images within `reach` of it, in fractional coordinates."""
    wrapped = fractional - np.floor(fractional)
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    margin = reach / heights
    ranges = [np.arange(-int(np.ceil(m)), int(np.ceil(m)) + 1) for m in margin]
    shifts = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    images = (wrapped[None] + shifts[:, None]).reshape(-1, 3)
    kept: Array = images[np.all((images > -margin) & (images < 1 + margin), axis=1)]
    return kept
