"""Straight lines through the MSD of many walkers, with the error that their spread gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .gls import FloatArray, line_weights, msd_covariance
from .window import CONTRADICTION, IMMATERIAL, earliest_consistent

_WALKERS = 16
"""Below this number of ions the trajectory is cut into pieces, for an error needs a spread."""

_LAGS_OF_CONCERT = 6
"""Lags from which slopes are taken to compare their spread over time with that over ions."""

_LARGE = 200_000
"""Numbers in a walk from which on compiled code is worth loading."""

_CACHED = 1 << 19
"""Bytes of a walk that are worked on together."""

_WIDE = 32
"""Columns that have to fit into that, for the compiled code works along them; longer walks go walker by walker."""

_SHORTEST_PIECE = 50
"""Frames below which a trajectory is not cut."""


def walker_msd(positions: FloatArray, lags: tuple[int, ...]) -> FloatArray:
    """Return the time-averaged squared displacement of every walker.

    Parameters
    ----------
    positions
        Shape ``(F, N, d)``, in Å.
    lags
        Lags in frames, each below F.

    Returns
    -------
    ndarray
        Shape ``(len(lags), N)``, in Å².
    """
    frames, walkers, dimensions = positions.shape
    result = np.empty((len(lags), walkers))
    block = dimensions * min(walkers, _CACHED // (frames * dimensions * positions.itemsize))
    if positions.size >= _LARGE and positions.flags.c_contiguous and block >= _WIDE:
        from .msd_kernel import add_squared_steps

        flat = positions.reshape(frames, walkers * dimensions)
        add_squared_steps(flat, np.array(lags, dtype=np.int64), block, dimensions, result)
        return result
    # a walk kept in float32 holds no more digits than that, and long ones are not copied
    kind: Any = np.float32 if positions.dtype == np.float32 else np.float64
    # a block of walkers stays in the cache while all lags pass over it
    block = max(1, 60_000 // (frames * dimensions))
    for begin in range(0, walkers, block):
        # walker by walker in memory, so that every lag is one contiguous subtraction
        part: npt.NDArray[Any] = np.ascontiguousarray(
            positions[:, begin : begin + block].transpose(1, 2, 0), dtype=kind
        )
        for row, lag in enumerate(lags):
            step = part[:, :, lag:] - part[:, :, :-lag]
            result[row, begin : begin + block] = np.einsum("ndf,ndf->n", step, step) / (frames - lag)
    return result


@dataclass(frozen=True)
class WalkerFit:
    """A line through the MSD: slope in Å²/frame, beginning of its window, degrees of freedom of its error.

    `earliest` is the index of the first lag that no later one contradicts; the window begins, at `start`,
    later. `bounds` are those of the 95 % interval over the slope where they do not follow from the error.
    """

    earliest: int
    start: int
    largest_lag: int
    slope: float
    slope_error: float
    intercept: float
    freedom: int
    pieces: int
    consistent: bool
    bounds: tuple[float, float] | None = None

    def quantile(self) -> float:
        """Return the number of standard errors of a 95 % interval."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom))

    def interval(self, value: float, error: float) -> tuple[float, float]:
        """Return the 95 % interval, symmetric in the logarithm: D is a scale and its error grows with it."""
        if self.bounds is not None:
            return value * self.bounds[0], value * self.bounds[1]
        factor = float(np.exp(self.quantile() * error / value))
        return value / factor, value * factor


def needed_ps(fit: WalkerFit, slope: float, slope_error: float, run_ps: float, hop_A2: float) -> float:
    """Return the least length of a run that would show the motion to be diffusive, in ps.

    Parameters
    ----------
    fit
        Fit to the mean squared displacement.
    slope, slope_error
        Of it, in Å²/ps.
    run_ps
        Length of the run in ps.
    hop_A2
        What the ions have to have diffused, in Å².
    """
    half_width = fit.quantile() * slope_error
    if not fit.consistent:
        return 3 * run_ps
    if slope <= half_width:  # the least time in which even the fastest diffusion that the interval allows would be seen
        return max(hop_A2 / max(slope + half_width, 1e-300), 2 * run_ps)
    return hop_A2 / slope


def fit_pieces(
    positions: FloatArray,
    curve: FloatArray,
    lags: tuple[int, ...],
    dimensions: int,
    first_lag: float | None,
) -> tuple[WalkerFit, FloatArray, tuple[int, ...], int]:
    """Fit the whole trajectory, or pieces of it where the ions are too few to show a spread.

    Returns the fit with what it was made to: MSD of the walkers, lags, and frames of a walker.
    """
    frames, ions, _ = positions.shape
    pieces = 1
    if ions < _WALKERS:
        pieces = max(1, min(-(-_WALKERS // ions), frames // _SHORTEST_PIECE))
    while True:
        if pieces == 1:
            return fit_walkers(curve, lags, frames, dimensions, 1, first_lag), curve, lags, frames
        length = frames // pieces
        cut = positions[: length * pieces].reshape(pieces, length, ions, dimensions)
        walkers = cut.transpose(1, 0, 2, 3).reshape(length, pieces * ions, dimensions)
        short = tuple(lag for lag in lags if lag <= length // 2)
        if first_lag is None or first_lag <= length / 8:
            short_curve = walker_msd(walkers, short)
            fit = fit_walkers(short_curve, short, length, dimensions, pieces, first_lag)
            if fit.consistent:
                return fit, short_curve, short, length
        pieces //= 2


def fit_walkers(
    curve: FloatArray,
    lags: tuple[int, ...],
    frames: int,
    dimensions: int,
    pieces: int,
    first_lag: float | None = None,
    widen: float = 1.0,
    freedom: int | None = None,
) -> WalkerFit:
    """Find the earliest beginning of the window that no later one contradicts, and fit from there.

    With `first_lag`, in frames, the window begins there and nothing is searched. Errors from the spread
    over walkers are enlarged by `widen`, with so many degrees of freedom.
    """
    from scipy.stats import t

    walkers = curve.shape[1]
    freedom = freedom or max(1, walkers - 1)
    lag = np.array(lags, dtype=float)
    total = curve.mean(axis=1)
    starts = max(1, len(lags) - 3)

    @cache
    def line(start: int) -> tuple[FloatArray, float]:
        step, noise = walk_and_noise(lag[start:], total[start:], dimensions)
        weights = line_weights(lag[start:], msd_covariance(frames, lags, step, noise)[start:, start:])
        return weights[1] @ curve[start:], float(weights[0] @ total[start:])

    limit = CONTRADICTION * float(t.ppf(0.975, freedom)) / 1.96

    def agree(start: int, later: int) -> bool:
        here = line(start)[0]
        difference = line(later)[0] - here
        allowed = max(limit * float(standard_error(difference)), IMMATERIAL * float(standard_error(here)))
        return bool(abs(difference.mean()) <= widen * allowed)

    if first_lag is None:
        earliest, chosen, consistent = earliest_consistent(lag, starts, agree)
    else:
        earliest = chosen = min(int(np.searchsorted(lag, first_lag - 1e-6)), starts - 1)
        consistent = True
    slopes, intercept = line(chosen)
    return WalkerFit(
        earliest=earliest,
        start=chosen,
        largest_lag=lags[-1],
        slope=float(slopes.mean()),
        slope_error=float(standard_error(slopes)) * widen,
        intercept=intercept,
        freedom=freedom,
        pieces=pieces,
        consistent=consistent,
    )


def concert(positions: FloatArray, lags: tuple[int, ...], first: int) -> tuple[float, int]:
    """Return how much more the slope varies over time than over ions, if significantly so, and the freedom of that.

    The spread over ions knows nothing of ions that move together. Both are taken from the same short pieces
    of the trajectory, from the lag of index `first`, and compared by an F-test at 1 %.
    """
    from scipy.stats import f

    frames, ions, dimensions = positions.shape
    start = lags[first]
    blocks = min(12, frames // max(20, 8 * start))
    if blocks < 5 or ions < 4:
        return 1.0, 0
    length = frames // blocks
    short = tuple(lag for lag in lags if start <= lag <= length // 2)
    if len(short) < 3:
        return 1.0, 0
    # a line needs no more lags than that, and every one costs a pass over the walk
    short = tuple(sorted({short[k] for k in np.linspace(0, len(short) - 1, _LAGS_OF_CONCERT).astype(int)}))
    lag = np.array(short, dtype=float)
    # piece by piece: a long walk is not copied
    curve = np.hstack([walker_msd(positions[b * length : (b + 1) * length], short) for b in range(blocks)])
    step, noise = walk_and_noise(lag, curve.mean(axis=1), dimensions)
    slopes = (line_weights(lag, msd_covariance(length, short, step, noise))[1] @ curve).reshape(blocks, ions)
    over_time = slopes.mean(axis=1).var(ddof=1) / blocks
    over_ions = slopes.mean(axis=0).var(ddof=1) / ions
    if over_ions <= 0 or f.sf(over_time / over_ions, blocks - 1, ions - 1) > 0.01:
        return 1.0, 0
    return float(np.sqrt(over_time / over_ions)), blocks - 1


def walk_and_noise(lag: FloatArray, msd: FloatArray, dimensions: int) -> tuple[float, float]:
    """Return rough variances of a step and of the noise along one coordinate, for the weights only."""
    middle = len(lag) // 2
    slope = (msd[middle:].mean() - msd[: max(1, middle)].mean()) / (lag[middle:].mean() - lag[: max(1, middle)].mean())
    top = float(msd.max()) or 1.0
    slope = max(float(slope), 1e-3 * top / float(lag[-1]))
    intercept = max(float(msd[0]) - slope * float(lag[0]), 0.0)
    return slope / dimensions, intercept / (2 * dimensions)


def standard_error(samples: FloatArray) -> FloatArray:
    """Return the standard error of the mean over the last axis; infinite for one sample."""
    count = samples.shape[-1]
    if count < 2:
        return np.full(samples.shape[:-1], np.inf)
    error: FloatArray = samples.std(axis=-1, ddof=1) / np.sqrt(count)
    return error
