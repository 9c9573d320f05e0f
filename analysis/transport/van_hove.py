"""How far ions go and where to: van Hove functions and the non-Gaussian parameter of a trajectory, with an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity
from ..cells import half_width
from ..reading.displacements import walk
from .msd import van_hove_distinct, van_hove_self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..reading.trajectory import Trajectory

FloatArray = NDArray[np.float64]

_LAGS_OF_CURVE = 40
_PAIRS = 2e8
"""Pairs of ions that one lag of the distinct part may cost; fewer time origins where there would be more."""
_FEWEST_IONS = 8


@dataclass(frozen=True)
class VanHove:
    """Van Hove functions at some lags, the non-Gaussian parameter at many.

    Attributes
    ----------
    species, other
        Element at the origin, and of the other ions of the distinct part.
    lag_time_ps
        Lags of the functions, shape ``(L,)``.
    r_self_A, self_1_A
        Middles of the bins, shape ``(B,)``, and 4πr²·Gₛ(r, t) in 1/Å, shape ``(L, B)``.
    r_distinct_A, distinct
        Middles of the bins, shape ``(D,)``, and G_d(r, t)/ρ, shape ``(L, D)``.
    alpha_time_ps, alpha, alpha_error
        Lags of the non-Gaussian parameter, itself, and its standard error, shape ``(K,)``.
    maximum, maximum_time
        ``non_gaussian_maximum`` and ``non_gaussian_time`` in ps.
    """

    species: str
    other: str
    lag_time_ps: FloatArray
    r_self_A: FloatArray
    self_1_A: FloatArray
    r_distinct_A: FloatArray
    distinct: FloatArray
    alpha_time_ps: FloatArray
    alpha: FloatArray
    alpha_error: FloatArray
    maximum: Quantity
    maximum_time: Quantity


def van_hove(
    trajectory: Trajectory,
    species: str,
    *,
    lag_times_ps: Sequence[float] = (),
    other: str | None = None,
    drift: str | Iterable[str] | None = "all",
    bin_A: float = 0.1,
) -> VanHove:
    """Return the van Hove functions and the non-Gaussian parameter of a species.

    The self part is the distribution of the distance an ion has gone, the distinct part the density of other ions
    around the place where an ion was (L. van Hove, Phys. Rev. 95 (1954) 249). The error of the non-Gaussian parameter
    (A. Rahman, Phys. Rev. 136 (1964) A405) is a jackknife over ions.

    Parameters
    ----------
    trajectory
        Evenly spaced.
    species
        Element followed.
    lag_times_ps
        Lags of the functions, each taken to the nearest frame; four up to half the run by default.
    other
        Element of the other ions; the same by default.
    drift
        What stands still, as in `anodeflow.analysis.reading.displacements.walk`.
    bin_A
        Width of a bin in Å.

    Raises
    ------
    InputError
        If a lag is shorter than a frame or longer than the run.
    """
    even = trajectory.evenly_spaced()
    interval, frames = even.interval_ps, even.n_frames
    longest = frames // 2
    if longest < 1:
        raise InputError(f"{frames} frames are too few", where=even.source, remedy="Give more of them.")
    lags = [round(time / interval) for time in lag_times_ps] or [*_spread(longest, 4)]
    lags = list(dict.fromkeys(lags))
    if min(lags) < 1 or max(lags) >= frames:
        raise InputError(
            f"a lag is not between {interval:g} and {(frames - 1) * interval:g} ps",
            where=even.source,
            remedy="Choose others.",
        )
    moved = walk(even, species, drift=drift)
    far = max(float(np.linalg.norm(moved[lag:] - moved[:-lag], axis=2).max()) for lag in lags)
    edges = np.arange(0, far + 2 * bin_A, bin_A)
    drifted = (walk(even, species, drift=None) - moved)[:, :1]
    still = replace(even, positions=even.positions - drifted)
    around = np.arange(0, float(half_width(even.cells).min()) + 1e-9, bin_A)
    pairs = len(even.indices(species)) * len(even.indices(other or species))
    many = _spread(longest, _LAGS_OF_CURVE)
    times = np.asarray(many * interval, dtype=np.float64)
    alpha, error = _alpha(moved, many)
    maximum, when = _maximum(alpha, error, times, moved.shape[1], species, even.source)
    return VanHove(
        species=species,
        other=other or species,
        lag_time_ps=np.array(lags) * interval,
        r_self_A=(edges[1:] + edges[:-1]) / 2,
        self_1_A=van_hove_self(moved, lags, edges),
        r_distinct_A=(around[1:] + around[:-1]) / 2,
        distinct=van_hove_distinct(
            still, species, lags, around, other=other, n_origins=int(np.clip(_PAIRS / pairs, 5, 50))
        ),
        alpha_time_ps=times,
        alpha=alpha,
        alpha_error=error,
        maximum=maximum,
        maximum_time=when,
    )


def _spread(longest: int, count: int) -> NDArray[np.int64]:
    return np.unique(np.geomspace(1, longest, count).round().astype(np.int64))


def _alpha(moved: NDArray[np.floating], lags: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return 3⟨r⁴⟩ / (5⟨r²⟩²) − 1 and its error when ions are left out one by one, NaN where nothing moves."""
    alpha, error = np.full(len(lags), np.nan), np.full(len(lags), np.nan)
    for i, lag in enumerate(lags):
        square = ((moved[lag:] - moved[:-lag]) ** 2).sum(axis=2)
        second, fourth = square.mean(axis=0), (square**2).mean(axis=0)
        if second.sum() == 0:
            continue
        alpha[i] = 3 * fourth.mean() / (5 * second.mean() ** 2) - 1
        n = len(second)
        rest = second.sum() - second
        if n >= _FEWEST_IONS and (rest > 0).all():
            without = 3 * (fourth.sum() - fourth) * (n - 1) / (5 * rest**2) - 1
            error[i] = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return alpha, error


def _surely(lags: int) -> float:
    """Return how many errors the largest of so many values exceeds in 1 of 20 cases by chance (C. E. Bonferroni)."""
    from scipy.stats import norm

    return float(norm.ppf(1 - 0.025 / lags))


def _maximum(
    alpha: FloatArray, error: FloatArray, time_ps: FloatArray, ions: int, species: str, source: str
) -> tuple[Quantity, Quantity]:
    """Return the largest non-Gaussian parameter and its lag, and whether they can be used."""
    notes: list[str] = []
    value, spread, when = None, None, None
    if not np.isfinite(alpha).any():
        notes.append("nothing moves")
    else:
        best = int(np.nanargmax(alpha))
        value, when = float(alpha[best]), float(time_ps[best])
        spread = float(error[best]) if np.isfinite(error[best]) else None
        if spread is None:
            notes.append(f"{ions} ions give no error")
        elif value < _surely(np.isfinite(alpha).sum()) * spread:
            notes.append("the motion cannot be told from Gaussian motion at any lag")
        if best == len(alpha) - 1:
            notes.append("it is largest at the longest lag: the run is too short for its maximum")
        elif best == 0:
            notes.append("it is largest at the first lag: the maximum may lie before it")
    method = "3<r⁴> / (5<r²>²) - 1 at its largest, error from leaving out ions"
    return (
        Quantity(
            "non_gaussian_maximum", value, "1", uncertainty=spread, method=method, species=species,
            interval95=None if value is None or spread is None else (value - 2 * spread, value + 2 * spread),
            n_effective=float(ions), converged=not notes, warnings=tuple(notes), source=source,
        ),
        Quantity(
            "non_gaussian_time", when, "ps", method="lag of the largest non-Gaussian parameter", species=species,
            converged=not notes, warnings=tuple(notes), source=source,
        ),
    )  # fmt: skip
