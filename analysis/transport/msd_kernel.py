"""The compiled inner loop of the squared displacements of many walkers, for walks too large for NumPy's temporaries."""

from __future__ import annotations

import numpy as np
from numba import njit

_CHUNK = 64
"""Frames that are added up in the precision of the walk before they go to double precision."""


@njit(cache=True, nogil=True, boundscheck=False)
def add_squared_steps(walk, lags, block, dimensions, sums):  # type: ignore[no-untyped-def]  # numba infers the types
    """Average the squared steps of every walker over all origins, at several lags.

    Columns lie side by side in memory, so the loop over them is the one that the processor does in parallel, and
    nothing is copied.

    Parameters
    ----------
    walk
        Shape ``(F, C)``, float32 or float64: the coordinates of walker after walker.
    lags
        Lags in frames, int64.
    block
        Columns that are worked on together, so many that all frames of them stay in the cache; a multiple of
        `dimensions`.
    dimensions
        Columns of one walker.
    sums
        Written: shape ``(K, C / dimensions)``, float64.
    """
    frames, columns = walk.shape
    part = np.empty(block, walk.dtype)
    for first in range(0, columns, block):
        width = min(block, columns - first)
        for row in range(lags.shape[0]):
            lag = lags[row]
            walker = first // dimensions
            sums[row, walker : walker + width // dimensions] = 0.0
            for begin in range(0, frames - lag, _CHUNK):
                part[:] = 0
                for frame in range(begin, min(begin + _CHUNK, frames - lag)):
                    early = walk[frame, first : first + width]
                    late = walk[frame + lag, first : first + width]
                    for column in range(width):
                        step = late[column] - early[column]
                        part[column] += step * step
                for column in range(width):
                    sums[row, walker + column // dimensions] += part[column]
            sums[row, walker : walker + width // dimensions] /= frames - lag
