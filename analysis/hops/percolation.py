"""The compiled search for the level at which a periodic map percolates."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, boundscheck=False)
def percolate(order, shape):  # type: ignore[no-untyped-def]  # numba infers the types
    """Add voxels in an order and return, for each axis, the first that connects a voxel with its own image.

    A union-find that keeps the number of cell crossings between each voxel and its root: when two voxels of
    one tree meet with another number of crossings, the cluster winds around the cell (J. Machta et al.,
    Phys. Rev. E 54 (1996) 1332).

    Parameters
    ----------
    order
        Voxels, flat indices, int64.
    shape
        Shape of the map, int64.

    Returns
    -------
    array
        Flat index of the voxel for each axis, -1 where there is none.
    """
    total = shape[0] * shape[1] * shape[2]
    parent = np.full(total, -1, np.int64)
    offset = np.zeros((total, 3), np.int64)
    size = np.ones(total, np.int64)
    found = np.full(3, -1, np.int64)
    step = np.zeros(3, np.int64)
    path = np.zeros(3, np.int64)
    other = np.zeros(3, np.int64)
    place = np.zeros(3, np.int64)
    for voxel in order:
        parent[voxel] = voxel
        place[0] = voxel // (shape[1] * shape[2])
        place[1] = (voxel // shape[2]) % shape[1]
        place[2] = voxel % shape[2]
        for axis in range(3):
            for sign in (-1, 1):
                step[:] = 0
                near = place.copy()
                near[axis] += sign
                if near[axis] < 0:
                    near[axis] += shape[axis]
                    step[axis] = -1
                elif near[axis] >= shape[axis]:
                    near[axis] -= shape[axis]
                    step[axis] = 1
                neighbour = (near[0] * shape[1] + near[1]) * shape[2] + near[2]
                if parent[neighbour] < 0:
                    continue
                root_a = voxel
                path[:] = 0
                while parent[root_a] != root_a:
                    for k in range(3):
                        path[k] += offset[root_a, k]
                    root_a = parent[root_a]
                root_b = neighbour
                other[:] = 0
                while parent[root_b] != root_b:
                    for k in range(3):
                        other[k] += offset[root_b, k]
                    root_b = parent[root_b]
                if root_a == root_b:
                    # voxel + step = neighbour; crossings to the root by both ways differ if the cluster winds
                    for k in range(3):
                        if found[k] < 0 and path[k] != other[k] + step[k]:
                            found[k] = voxel
                elif size[root_a] < size[root_b]:
                    parent[root_a] = root_b
                    size[root_b] += size[root_a]
                    for k in range(3):
                        offset[root_a, k] = step[k] + other[k] - path[k]
                else:
                    parent[root_b] = root_a
                    size[root_a] += size[root_b]
                    for k in range(3):
                        offset[root_b, k] = path[k] - step[k] - other[k]
        if found[0] >= 0 and found[1] >= 0 and found[2] >= 0:
            break
    return found
