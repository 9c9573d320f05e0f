"""Mean squared displacement at every lag, van Hove functions and the non-Gaussian parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..reading.displacements import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..reading.trajectory import Trajectory

FloatArray = NDArray[np.float64]

_BLOCK_BYTES = 4 << 20
"""Size of the transformed block: it should stay in a core's cache."""
_BLOCK_PAIRS = 1 << 18
"""Pairs of atoms whose distances are held at once."""


def mean_squared_displacement(positions: NDArray[np.floating]) -> FloatArray:
    """Return the mean squared displacement at every lag, over all atoms and time origins.

    Parameters
    ----------
    positions
        Shape ``(F, N, 3)`` in Å, unwrapped, at equal intervals of time.

    Returns
    -------
    array
        Shape ``(F,)`` in Å²; entry m belongs to a lag of m intervals and averages ``F - m`` origins.
    """
    return np.asarray(msd_components(positions).sum(axis=1))


def msd_components(positions: NDArray[np.floating]) -> FloatArray:
    """Return the mean squared displacement along x, y and z at every lag.

    The Wiener-Khinchin route (G. R. Kneller, V. Keiner, M. Kneller, M. Schiller, Comput. Phys. Commun. 91
    (1995) 191; V. Calandrini et al., Collection SFN 12 (2011) 201), with power spectra summed over atoms so
    that one inverse transform serves all, in blocks of atoms so that memory stays small. Each atom's mean
    velocity is taken out first and put back analytically, because displacements small against the distance
    travelled would lose digits.

    Parameters
    ----------
    positions
        Shape ``(F, N, 3)`` in Å, unwrapped, at equal intervals of time.

    Returns
    -------
    array
        Shape ``(F, 3)`` in Å².
    """
    frames, atoms, _ = positions.shape
    if frames < 1 or atoms < 1:
        raise ValueError(f"positions of shape {positions.shape} have no displacement")
    sums = MsdSums(frames)
    sums.add(positions)
    return sums.result()


class MsdSums:
    """Sums over atoms from which the mean squared displacement at every lag follows; atoms may come in blocks.

    Parameters
    ----------
    frames
        Number of frames.
    """

    def __init__(self, frames: int) -> None:
        from scipy.fft import next_fast_len

        self.frames = frames
        self.atoms = 0
        self._length = next_fast_len(2 * frames - 1, real=True)
        self._power = np.zeros((3, self._length // 2 + 1))
        self._squares = np.zeros((3, frames))
        self._mixed = np.zeros((3, frames))
        self._speed2 = np.zeros(3)

    def add(self, positions: NDArray[np.floating]) -> None:
        """Take in atoms, shape ``(F, n, 3)`` in Å, unwrapped, at equal intervals of time."""
        from scipy.fft import rfft

        frames, atoms, _ = positions.shape
        if frames != self.frames:
            raise ValueError(f"{frames} frames instead of {self.frames}")
        per_block = max(1, _BLOCK_BYTES // (16 * self._length))
        t = np.arange(frames, dtype=float)
        series = np.empty((min(per_block, atoms), frames))
        for axis in range(3):
            for first in range(0, atoms, per_block):
                block = positions[:, first : first + per_block, axis]
                x = series[: block.shape[1]]
                x[:] = block.T
                velocity = (x[:, -1] - x[:, 0]) / max(frames - 1, 1)
                x -= x[:, :1] + velocity[:, None] * t
                x -= x.mean(axis=1, keepdims=True)
                self._squares[axis] += np.einsum("ij,ij->j", x, x)
                self._mixed[axis] += velocity @ x
                self._speed2[axis] += velocity @ velocity
                spectrum = rfft(x, n=self._length, axis=1)
                self._power[axis] += np.einsum("ij,ij->j", spectrum.real, spectrum.real)
                self._power[axis] += np.einsum("ij,ij->j", spectrum.imag, spectrum.imag)
        self.atoms += atoms

    def result(self) -> FloatArray:
        """Return the mean squared displacement along x, y and z at every lag, shape ``(F, 3)`` in Å²."""
        from scipy.fft import irfft

        frames, t = self.frames, np.arange(self.frames, dtype=float)
        correlation = irfft(self._power, n=self._length, axis=1)[:, :frames]
        # The sum of squares over the origins of each lag, from both ends, as a cumulative sum.
        ahead = np.cumsum(self._squares, axis=1)
        before = np.concatenate([np.zeros((3, 1)), ahead[:, :-1]], axis=1)
        both_ends = (ahead[:, -1:] - before) + ahead[:, ::-1]
        # What the linear motion adds: 2 v m Σ(x(k+m) - x(k)) + v² m².
        prefix = np.concatenate([np.zeros((3, 1)), np.cumsum(self._mixed, axis=1)], axis=1)
        lag = np.arange(frames)
        net = (prefix[:, frames : frames + 1] - prefix[:, lag]) - prefix[:, frames - lag]
        total = (both_ends - 2 * correlation + 2 * t * net) / (frames - t) + self._speed2[:, None] * t**2
        total[:, 0] = 0.0
        return np.asarray(total.T / self.atoms)


@dataclass(frozen=True)
class MsdCurve:
    """Mean squared displacement of one species.

    Attributes
    ----------
    species
        Element.
    lag_time_ps
        Shape ``(F,)``.
    msd_A2
        Shape ``(F,)`` in Å².
    components_A2
        Shape ``(F, 3)``, along x, y and z.
    n_atoms
        Number of atoms.
    warnings
        Sentences.
    """

    species: str
    lag_time_ps: FloatArray
    msd_A2: FloatArray
    components_A2: FloatArray
    n_atoms: int
    warnings: tuple[str, ...] = ()


def msd_by_element(
    trajectory: Trajectory, species: Iterable[str] | None = None, *, drift: str | Iterable[str] | None = "all"
) -> dict[str, MsdCurve]:
    """Return the mean squared displacement of each element.

    Parameters
    ----------
    trajectory
        Unwrapped, evenly spaced (an odd first frame is left out).
    species
        Elements; None for all.
    drift
        What stands still, as in `anodeflow.analysis.reading.displacements.walk`.

    Raises
    ------
    InputError
        If the frames are not evenly spaced.
    """
    even = trajectory.evenly_spaced()
    lag = even.interval_ps * np.arange(even.n_frames, dtype=np.float64)
    curves = {}
    for name in dict.fromkeys(even.species) if species is None else species:
        moved = walk(even, name, drift=drift)
        parts = msd_components(moved)
        curves[name] = MsdCurve(name, lag, np.asarray(parts.sum(axis=1)), parts, moved.shape[1], even.warnings)
    return curves


def non_gaussian_parameter(positions: NDArray[np.floating], lags: Sequence[int]) -> FloatArray:
    """Return α₂ = 3⟨r⁴⟩ / (5⟨r²⟩²) − 1 at some lags: 0 for Brownian motion, large where few atoms hop.

    A. Rahman, Phys. Rev. 136 (1964) A405.

    Parameters
    ----------
    positions
        Shape ``(F, N, 3)`` in Å, unwrapped, at equal intervals.
    lags
        In intervals, between 1 and F - 1.

    Returns
    -------
    array
        Shape ``(len(lags),)``.
    """
    _check_lags(lags, len(positions))
    result = np.empty(len(lags))
    for i, lag in enumerate(lags):
        square = ((positions[lag:] - positions[:-lag]) ** 2).sum(axis=2)
        mean = square.mean()
        result[i] = 3 * (square**2).mean() / (5 * mean**2) - 1 if mean > 0 else np.nan
    return result


def _check_lags(lags: Sequence[int], frames: int) -> None:
    if not lags or min(lags) < 1 or max(lags) >= frames:
        raise InputError(f"lags must lie between 1 and {frames - 1} frames", remedy="Choose other lags.")


def van_hove_self(positions: NDArray[np.floating], lags: Sequence[int], edges_A: NDArray[np.floating]) -> FloatArray:
    """Return 4πr²·Gₛ(r, t), the distribution of the distance that an atom has moved, in 1/Å.

    L. van Hove, Phys. Rev. 95 (1954) 249.

    Parameters
    ----------
    positions
        Shape ``(F, N, 3)`` in Å, unwrapped, at equal intervals.
    lags
        In intervals.
    edges_A
        Edges of the bins of distance, shape ``(B + 1,)``.

    Returns
    -------
    array
        Shape ``(len(lags), B)``; its integral over all distances is 1.
    """
    _check_lags(lags, len(positions))
    result = np.empty((len(lags), len(edges_A) - 1))
    for i, lag in enumerate(lags):
        distance = np.linalg.norm(positions[lag:] - positions[:-lag], axis=2)
        result[i] = np.histogram(distance, edges_A)[0] / (distance.size * np.diff(edges_A))
    return result


def van_hove_distinct(
    trajectory: Trajectory,
    species: str,
    lags: Sequence[int],
    edges_A: NDArray[np.floating],
    *,
    other: str | None = None,
    n_origins: int = 50,
) -> FloatArray:
    """Return G_d(r, t)/ρ: how much denser than average other atoms are at r from where an atom was t before.

    At t = 0 it is the radial distribution function; a peak growing at r = 0 means that atoms follow into each
    other's places. L. van Hove, Phys. Rev. 95 (1954) 249.

    Parameters
    ----------
    trajectory
        Evenly spaced.
    species
        Element of the atom at the origin.
    lags
        In intervals; 0 is allowed.
    edges_A
        Edges of the bins of distance, shape ``(B + 1,)``, to at most half the smallest width of the cell.
    other
        Element of the other atoms; the same by default.
    n_origins
        Number of time origins, spread over the run.

    Raises
    ------
    InputError
        If the bins reach further than half the cell.
    """
    from ..cells import half_width

    reach = float(half_width(trajectory.cells).min())
    if edges_A[-1] > reach * (1 + 1e-9):
        raise InputError(
            f"bins reach to {edges_A[-1]:g} Å, half the cell is {reach:.3g} Å", remedy="Choose fewer bins."
        )
    a = trajectory.indices(species)
    b = trajectory.indices(other or species)
    shells = 4 / 3 * np.pi * np.diff(np.asarray(edges_A) ** 3)
    result = np.zeros((len(lags), len(shells)))
    for i, lag in enumerate(lags):
        if not 0 <= lag < trajectory.n_frames:
            raise InputError(f"lags must lie between 0 and {trajectory.n_frames - 1} frames")
        origins = np.unique(np.linspace(0, trajectory.n_frames - 1 - lag, n_origins).astype(int))
        for k in origins:
            cell = trajectory.cells[k + lag]
            # The place at time k, seen in the cell at time k + lag, by fractional coordinates.
            scaled_a = _scaled(trajectory, k, a)
            scaled_b = _scaled(trajectory, k + lag, b)
            counts = np.zeros(len(shells))
            block = max(1, _BLOCK_PAIRS // len(b))
            for first in range(0, len(a), block):
                part = slice(first, first + block)
                difference = scaled_b[None, :, :] - scaled_a[part, None, :]
                difference -= np.rint(difference)
                distance = np.linalg.norm(difference @ cell, axis=2)
                distance[a[part, None] == b[None, :]] = np.inf
                counts += np.histogram(distance, edges_A)[0]
            pairs = len(a) * len(b) - len(np.intersect1d(a, b))
            result[i] += counts / (pairs * shells / abs(np.linalg.det(cell))) / len(origins)
    return result


def _scaled(trajectory: Trajectory, frame: int, atoms: NDArray[np.int64]) -> FloatArray:
    origin = 0.0 if trajectory.origins is None else trajectory.origins[frame]
    return np.asarray((trajectory.positions[frame, atoms] - origin) @ np.linalg.inv(trajectory.cells[frame]))
