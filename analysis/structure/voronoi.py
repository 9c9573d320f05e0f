"""Voronoi volumes of atoms in periodic cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..cells import widths

FloatArray = NDArray[np.float64]


def voronoi_volumes(positions: FloatArray, cell: FloatArray) -> FloatArray:
    """Return the volume nearer to each atom than to any other, periodic in all directions.

    Images are added around the cell until the volumes fill it exactly.

    Parameters
    ----------
    positions
        Shape ``(N, 3)`` in Å.
    cell
        Shape ``(3, 3)`` in Å.

    Returns
    -------
    array
        Shape ``(N,)`` in Å³; their sum is the volume of the cell.

    Raises
    ------
    InputError
        If two atoms coincide.
    """
    volume = abs(np.linalg.det(cell))
    spacing = (volume / len(positions)) ** (1 / 3)
    scaled = positions @ np.linalg.inv(cell)
    scaled -= np.floor(scaled)
    width = widths(cell)
    for reach in (3.0, 6.0, 12.0):
        points = _with_images(scaled, reach * spacing / width)
        volumes = _volumes(points @ cell, len(positions))
        if volumes is not None and abs(volumes.sum() / volume - 1) < 1e-8:
            return volumes
    raise InputError("the Voronoi volumes do not fill the cell", remedy="Look for atoms at the same place.")


def _with_images(scaled: FloatArray, margin: FloatArray) -> FloatArray:
    """Return the atoms, and behind them all images within a margin (in fractions) of the cell."""
    steps = [np.arange(-int(np.ceil(m)), int(np.ceil(m)) + 1) for m in margin]
    shifts = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    parts = [scaled]
    for shift in shifts[np.any(shifts != 0, axis=1)]:
        moved = scaled + shift
        parts.append(moved[np.all((moved > -margin) & (moved < 1 + margin), axis=1)])
    return np.concatenate(parts)


def _volumes(points: FloatArray, count: int) -> FloatArray | None:
    from scipy.spatial import ConvexHull, QhullError, Voronoi

    try:
        diagram = Voronoi(points)
        volumes = np.empty(count)
        for i in range(count):
            region = diagram.regions[diagram.point_region[i]]
            if -1 in region or not region:
                return None
            volumes[i] = ConvexHull(diagram.vertices[region]).volume
    except QhullError:
        return None
    return volumes
