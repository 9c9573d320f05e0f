"""Generalised least squares on a mean squared displacement whose points are correlated.

The mean squared displacement (MSD) at different lags comes from the same overlapping displacements, so its
points are strongly correlated and their variance grows with the lag. For a random walk whose positions carry
uncorrelated noise (vibration about a site), the covariance of the time-averaged MSD is known exactly; the
straight line that it weights has the smallest error, and the slope is a *linear* function of the MSD, so it
can be taken for every ion by itself.

Sources: H. Qian, M. P. Sheetz, E. L. Elson, Biophys. J. 60 (1991) 910 (covariance of the time-averaged MSD);
X. Michalet, Phys. Rev. E 82 (2010) 041914 (with localisation noise); A. R. McCluskey, S. W. Coles,
B. J. Morgan, J. Chem. Theory Comput. 21 (2025) 79, doi 10.1021/acs.jctc.4c01249 (generalised least squares).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]


def logarithmic_lags(largest: int, per_decade: int = 10, linear_until: int = 4) -> tuple[int, ...]:
    """Return lags in frames: every one at first, then evenly spaced on a logarithmic axis.

    Parameters
    ----------
    largest
        Largest lag in frames, included.
    per_decade
        Lags in each factor of ten.
    linear_until
        Every lag up to this one is taken.
    """
    if largest < 1:
        return ()
    count = max(2, int(np.ceil(np.log10(max(largest, 2)) * per_decade)) + 1)
    spaced = np.rint(np.geomspace(1, largest, count)).astype(int)
    lags = {*spaced.tolist(), *range(1, min(linear_until, largest) + 1), largest}
    return tuple(sorted(lags))


@lru_cache(maxsize=16)
def msd_covariance_parts(n_frames: int, lags: tuple[int, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three parts of the covariance of a walker's MSD along one coordinate.

    With the variance `v` of one step and the variance `s` of the noise on each position, the covariance of
    the time-averaged MSD at lags ``lags[i]`` and ``lags[j]`` is ``v**2 * P0 + v * s * P1 + s**2 * P2``, from
    Wick's theorem for the Gaussian displacements, summed over all pairs of overlapping windows.

    Parameters
    ----------
    n_frames
        Number of positions of the walker.
    lags
        Lags in frames, ascending, below `n_frames`.

    Returns
    -------
    tuple of ndarray
        Three matrices, shape ``(len(lags), len(lags))``.
    """
    size = len(lags)
    parts = np.zeros((3, size, size))
    for row, short in enumerate(lags):
        for column in range(row, size):
            long = lags[column]
            shift = np.arange(-short + 1, long)

            overlap = np.minimum(long, shift + short) - np.maximum(0, shift)
            shared_end = _pairs(n_frames, short, long, np.array([0, long - short, long, -short]))
            walk = float(_pairs(n_frames, short, long, shift) @ (overlap.astype(float) ** 2))
            if short == long:
                cross = 4.0 * short * shared_end[0]
                noise = 4.0 * shared_end[0] + shared_end[2] + shared_end[3]
            else:
                cross = 2.0 * short * (shared_end[0] + shared_end[1])
                noise = float(shared_end.sum())
            scale = 2.0 / ((n_frames - short) * (n_frames - long))
            parts[:, row, column] = parts[:, column, row] = scale * np.array([walk, cross, noise])
    return parts[0], parts[1], parts[2]


def _pairs(n_frames: int, short: int, long: int, shift: npt.NDArray[np.int_]) -> FloatArray:
    """Count the windows of length `long` that have one of length `short` beginning `shift` frames after them."""
    first = np.maximum(0, -shift)
    last = np.minimum(n_frames - long, n_frames - short - shift)
    count: FloatArray = np.maximum(0, last - first).astype(float)
    return count


def msd_covariance(n_frames: int, lags: tuple[int, ...], step: float, noise: float) -> FloatArray:
    """Return the covariance of a walker's time-averaged MSD along one coordinate.

    Parameters
    ----------
    n_frames
        Number of positions.
    lags
        Lags in frames.
    step
        Variance of one step along the coordinate, in Å².
    noise
        Variance of the noise on each position, in Å².

    Returns
    -------
    ndarray
        Shape ``(len(lags), len(lags))``, in Å⁴.
    """
    walk, cross, still = msd_covariance_parts(n_frames, lags)
    covariance: FloatArray = step**2 * walk + step * noise * cross + noise**2 * still
    return covariance


def line_weights(lag: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the weights that turn an MSD into intercept and slope of its best straight line.

    Parameters
    ----------
    lag
        Lags, shape ``(K,)``, K of at least 2.
    covariance
        Covariance of the MSD at these lags up to a factor, shape ``(K, K)``.

    Returns
    -------
    ndarray
        Shape ``(2, K)``: rows give the intercept and the slope (Aitken's estimator).
    """
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    # long lags of one walk are nearly collinear: a ridge at the level of rounding keeps the solve stable
    correlation[np.diag_indices_from(correlation)] += 1e-10
    design = np.column_stack([np.ones_like(lag), lag]) / scale[:, None]
    solved = np.linalg.solve(correlation, design)
    weights: FloatArray = np.linalg.solve(design.T @ solved, solved.T) / scale
    return weights
