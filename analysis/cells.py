"""Small geometry of periodic cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def widths(cells: FloatArray) -> FloatArray:
    """Return the distances between opposite faces of cells.

    Parameters
    ----------
    cells
        Shape ``(..., 3, 3)`` in Å, rows are the box vectors.

    Returns
    -------
    array
        Shape ``(..., 3)`` in Å.
    """
    cross = np.stack([np.cross(cells[..., (i + 1) % 3, :], cells[..., (i + 2) % 3, :]) for i in range(3)], axis=-2)
    volume = np.abs(np.linalg.det(cells))
    return np.asarray(volume[..., None] / np.linalg.norm(cross, axis=-1))


def half_width(cells: FloatArray) -> FloatArray:
    """Return half the smallest distance between faces: up to there rounding fractions gives the nearest image."""
    return np.asarray(widths(cells).min(axis=-1) / 2)


def minimum_image(
    vectors: FloatArray, cell: FloatArray, periodic: tuple[bool, bool, bool] = (True, True, True)
) -> FloatArray:
    """Return vectors moved by whole box vectors to their image nearest by fractional coordinates.

    That is the shortest image wherever the shortest is below `half_width`.

    Parameters
    ----------
    vectors
        Shape ``(..., 3)`` in Å.
    cell
        Shape ``(3, 3)`` in Å.
    periodic
        Directions to move along.
    """
    turns = np.rint(vectors @ np.linalg.inv(cell)) * np.asarray(periodic, dtype=float)
    return np.asarray(vectors - turns @ cell)
