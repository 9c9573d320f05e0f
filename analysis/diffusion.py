"""The tracer diffusion coefficient of one species, with an interval that means it.

The mean squared displacement (MSD) of every ion is fitted by the straight line of smallest error
(`anodeflow.analysis.gls`). The weights are those of a random walk with vibration, but the *error* is not
taken from that model: the fit is linear, so every ion has its own slope, and their spread gives the error
of the mean whatever the walk is (few hops an ion, correlated hops, cages). The lag at which the line may
begin is found by Lepski's rule: the earliest one whose slope no later beginning contradicts.

Source of the rule: O. V. Lepskii, Theory Probab. Appl. 35 (1991) 454.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..errors import InputError
from ..quantity import Quantity
from ..units import A2_PS_TO_CM2_S
from .gls import FloatArray, line_weights, logarithmic_lags, msd_covariance

METHOD = (
    "slope of the mean squared displacement by generalised least squares with the weights of a random walk, "
    "error from the spread over walkers, diffusive window by Lepski's rule"
)

_CONTRADICTION = 2.0
"""Standard errors by which a later slope must differ to refuse a beginning of the window."""

_REACH = 4.0
"""A beginning is held against later ones up to this many times its lag; further ones are noise."""

_TAIL = 4.0
"""Where a change of slope was seen, its tail is left out too: the window begins this many times later."""

_IMMATERIAL = 0.25
"""A change of slope below this part of the standard error does not matter."""

_WALKERS = 16
"""Below this number of ions the trajectory is cut into pieces, for an error needs a spread."""

_SHORTEST_PIECE = 50
"""Frames below which a trajectory is not cut."""


@dataclass(frozen=True)
class TracerDiffusion:
    """A tracer diffusion coefficient and everything needed to judge it.

    Attributes
    ----------
    quantity
        The coefficient in cm²/s; ``value`` is None where the motion is not shown to be diffusive.
    lag_time_ps
        Lags, shape ``(K,)``, in ps.
    msd_A2
        Mean squared displacement at these lags, shape ``(K,)``, in Å².
    msd_error_A2
        One standard error of it from the spread over walkers, shape ``(K,)``, in Å²; points are correlated.
    window_ps
        Beginning and end of the lags that the line was fitted to, in ps; None where none was found.
    fit_slope_A2_ps
        Slope of the line, ``2 * dimensions * D``, in Å²/ps; None without a window.
    fit_intercept_A2
        Its intercept in Å², for a vibrating ion twice its mean squared amplitude; None without a window.
    loglog_slope
        ``d ln(MSD) / d ln(lag)`` over the last decade of lags; 1 for diffusion without vibration.
    loglog_slope_error
        One standard error of it.
    ions
        Number of ions.
    duration_ps
        Length of the trajectory in ps.
    """

    quantity: Quantity
    lag_time_ps: FloatArray
    msd_A2: FloatArray
    msd_error_A2: FloatArray
    window_ps: tuple[float, float] | None
    fit_slope_A2_ps: float | None
    fit_intercept_A2: float | None
    loglog_slope: float | None
    loglog_slope_error: float | None
    ions: int
    duration_ps: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; curves have at most 200 points, evenly spaced on a logarithmic axis."""
        shown = thin_logarithmic(self.lag_time_ps, 200)
        return {
            "quantity": self.quantity.to_dict(),
            "lag_time_ps": self.lag_time_ps[shown].tolist(),
            "msd_A2": self.msd_A2[shown].tolist(),
            "msd_error_A2": self.msd_error_A2[shown].tolist(),
            "window_ps": list(self.window_ps) if self.window_ps else None,
            "fit_slope_A2_ps": self.fit_slope_A2_ps,
            "fit_intercept_A2": self.fit_intercept_A2,
            "loglog_slope": self.loglog_slope,
            "loglog_slope_error": self.loglog_slope_error,
            "ions": self.ions,
            "duration_ps": self.duration_ps,
        }


def tracer_diffusivity(
    positions: FloatArray,
    *,
    time_step_ps: float,
    species: str = "Li",
    dimensions: int = 3,
    source: str = "",
    minimum_msd_A2: float = 4.0,
    centred_on_ions: bool = False,
    window_start_ps: float | None = None,
) -> TracerDiffusion:
    """Return the tracer diffusion coefficient of one species.

    Parameters
    ----------
    positions
        Unwrapped positions of the ions of one species, drift removed, shape ``(F, N, dimensions)``, in Å.
    time_step_ps
        Time between frames in ps.
    species
        What diffuses, for the record.
    dimensions
        Number of directions of the motion; pass ``positions[:, :, :2]`` for diffusion in a plane.
    source
        File or job that the positions come from.
    minimum_msd_A2
        What the ions must have diffused, ``2 * dimensions * D * duration``, before a coefficient is given:
        about the square of one hop. Less could be motion inside a cage.
    centred_on_ions
        The mean of *these* ions was subtracted from every frame, which takes ``1/N`` of a random walk away;
        it is given back.
    window_start_ps
        Lag in ps from which the motion is known to be diffusive; searched for if None.

    Returns
    -------
    TracerDiffusion
        With ``quantity.value`` None and the reason in ``quantity.warnings`` where the motion is not shown to
        be diffusive.

    Raises
    ------
    InputError
        If the array has the wrong shape, holds NaN, or has fewer than 8 frames.
    """
    positions = check_positions(positions, time_step_ps, dimensions)
    frames, ions, _ = positions.shape
    duration = (frames - 1) * time_step_ps
    lags = logarithmic_lags(max(2, frames // 2))
    curve = walker_msd(positions, lags)
    lag_ps = np.array(lags) * time_step_ps
    msd = curve.mean(axis=1)
    msd_error = _standard_error(curve)
    alpha, alpha_error = _loglog_slope(lags, curve)

    first_lag = None if window_start_ps is None else window_start_ps / time_step_ps
    fit = _fit_pieces(positions, curve, lags, dimensions, first_lag)
    give_back = ions / (ions - 1.0) if centred_on_ions and ions > 1 else 1.0
    common: dict[str, Any] = {
        "name": "tracer_diffusivity",
        "unit": "cm^2/s",
        "species": species,
        "source": source,
    }
    slope = fit.slope * give_back / time_step_ps
    slope_error = fit.slope_error * give_back / time_step_ps
    to_D = A2_PS_TO_CM2_S / (2 * dimensions)
    diffused = slope * duration
    reason = _why_not(
        fit, diffused, minimum_msd_A2, slope, slope_error, duration, (alpha, alpha_error), msd[-1], lag_ps
    )
    if reason:
        quantity = Quantity(**common, value=None, method=METHOD, converged=False, warnings=(reason,))
        return TracerDiffusion(quantity, lag_ps, msd, msd_error, None, None, None, alpha, alpha_error, ions, duration)
    value, error = slope * to_D, slope_error * to_D
    warnings: list[str] = []
    if fit.start > 0 and lags[fit.start] > frames / 10:
        warnings.append(
            f"the diffusive window begins only at {lag_ps[fit.start]:.3g} ps of {duration:.3g} ps: "
            "a longer run would make sure of it"
        )
    quantity = Quantity(
        **common,
        value=value,
        uncertainty=error,
        interval95=fit.interval(value, error),
        method=METHOD + (f" ({fit.pieces} pieces of the trajectory)" if fit.pieces > 1 else ""),
        n_effective=round(2.0 / dimensions * (value / error) ** 2, 1) if error > 0 else None,
        warnings=tuple(warnings),
    )
    window = (float(lags[fit.start] * time_step_ps), float(fit.largest_lag * time_step_ps))
    return TracerDiffusion(
        quantity,
        lag_ps,
        msd,
        msd_error,
        window,
        slope,
        fit.intercept * give_back,
        alpha,
        alpha_error,
        ions,
        duration,
    )


def check_positions(positions: FloatArray, time_step_ps: float, dimensions: int) -> FloatArray:
    """Return positions as an array of floats, or raise `InputError` with what is wrong with them."""
    array = np.asarray(positions)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(float)
    if array.ndim != 3 or array.shape[2] != dimensions:
        raise InputError(
            f"positions have the shape {array.shape}, not (frames, ions, {dimensions})",
            remedy="Pass one column for each dimension of the motion.",
        )
    if not (np.isfinite(time_step_ps) and time_step_ps > 0):
        raise InputError(f"the time between frames is {time_step_ps} ps", remedy="Give a positive time.")
    if array.shape[1] < 1:
        raise InputError("there is no ion of this species", remedy="Check the name of the species.")
    if array.shape[0] < 8:
        raise InputError(
            f"{array.shape[0]} frames are too few for a diffusion coefficient",
            remedy="Give at least 8, better some hundred.",
        )
    if not np.isfinite(array).all():
        frame = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise InputError(f"positions are not finite in frame {frame}", remedy="Check the trajectory there.")
    return array


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
    # a block of walkers stays in the cache while all lags pass over it
    block = max(1, 60_000 // (frames * dimensions))
    for begin in range(0, walkers, block):
        # walker by walker in memory, so that every lag is one contiguous subtraction
        part = np.ascontiguousarray(positions[:, begin : begin + block].transpose(1, 2, 0), dtype=float)
        for row, lag in enumerate(lags):
            step = part[:, :, lag:] - part[:, :, :-lag]
            result[row, begin : begin + block] = np.einsum("ndf,ndf->n", step, step) / (frames - lag)
    return result


@dataclass(frozen=True)
class _Fit:
    """A line through the MSD: slope in Å²/frame, beginning of its window, degrees of freedom of its error."""

    start: int
    largest_lag: int
    slope: float
    slope_error: float
    intercept: float
    freedom: int
    pieces: int
    consistent: bool

    def quantile(self) -> float:
        """Return the number of standard errors of a 95 % interval."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom))

    def interval(self, value: float, error: float) -> tuple[float, float]:
        """Return the 95 % interval, symmetric in the logarithm: D is a scale and its error grows with it."""
        factor = float(np.exp(self.quantile() * error / value))
        return value / factor, value * factor


def _fit_pieces(
    positions: FloatArray,
    curve: FloatArray,
    lags: tuple[int, ...],
    dimensions: int,
    first_lag: float | None,
) -> _Fit:
    """Fit the whole trajectory, or pieces of it where the ions are too few to show a spread."""
    frames, ions, _ = positions.shape
    pieces = 1
    if ions < _WALKERS:
        pieces = max(1, min(-(-_WALKERS // ions), frames // _SHORTEST_PIECE))
    while True:
        if pieces == 1:
            return _fit(curve, lags, frames, dimensions, 1, first_lag)
        length = frames // pieces
        cut = positions[: length * pieces].reshape(pieces, length, ions, dimensions)
        walkers = cut.transpose(1, 0, 2, 3).reshape(length, pieces * ions, dimensions)
        short = tuple(lag for lag in lags if lag <= length // 2)
        if first_lag is None or first_lag <= length / 8:
            fit = _fit(walker_msd(walkers, short), short, length, dimensions, pieces, first_lag)
            if fit.consistent:
                return fit
        pieces //= 2


def _fit(
    curve: FloatArray,
    lags: tuple[int, ...],
    frames: int,
    dimensions: int,
    pieces: int,
    first_lag: float | None = None,
) -> _Fit:
    """Find the earliest beginning of the window that no later one contradicts, and fit from there.

    With `first_lag`, in frames, the window begins there and nothing is searched.
    """
    from scipy.stats import t

    walkers = curve.shape[1]
    freedom = max(1, walkers - 1)
    lag = np.array(lags, dtype=float)
    total = curve.mean(axis=1)
    starts = max(1, len(lags) - 3)

    @cache
    def line(start: int) -> tuple[FloatArray, float]:
        step, noise = _walk_and_noise(lag[start:], total[start:], dimensions)
        weights = line_weights(lag[start:], msd_covariance(frames, lags, step, noise)[start:, start:])
        return weights[1] @ curve[start:], float(weights[0] @ total[start:])

    limit = _CONTRADICTION * float(t.ppf(0.975, freedom)) / 1.96
    chosen, consistent = starts - 1, False
    if first_lag is not None:
        chosen, consistent = min(int(np.searchsorted(lag, first_lag - 1e-6)), starts - 1), True
    else:
        for row in range(starts):
            if 2 * lag[row] > lag[starts - 1]:
                break
            here = line(row)[0]
            immaterial = _IMMATERIAL * float(_standard_error(here))
            later = [k for k in range(row + 1, starts) if lag[k] <= _REACH * lag[row]]
            if all(_agree(here, line(k)[0], limit, immaterial) for k in later):
                tail = _TAIL * lag[row] if row > 0 else lag[1]
                chosen, consistent = min(int(np.searchsorted(lag, tail)), starts - 1), True
                break
    slopes, intercept = line(chosen)
    return _Fit(
        start=chosen,
        largest_lag=lags[-1],
        slope=float(slopes.mean()),
        slope_error=float(_standard_error(slopes)),
        intercept=intercept,
        freedom=freedom,
        pieces=pieces,
        consistent=consistent,
    )


def _agree(here: FloatArray, later: FloatArray, limit: float, immaterial: float) -> bool:
    """Say whether two beginnings of the window give the same slope, walker against walker."""
    difference = later - here
    return bool(abs(difference.mean()) <= max(limit * float(_standard_error(difference)), immaterial))


def _walk_and_noise(lag: FloatArray, msd: FloatArray, dimensions: int) -> tuple[float, float]:
    """Return rough variances of a step and of the noise along one coordinate, for the weights only."""
    middle = len(lag) // 2
    slope = (msd[middle:].mean() - msd[: max(1, middle)].mean()) / (lag[middle:].mean() - lag[: max(1, middle)].mean())
    top = float(msd.max()) or 1.0
    slope = max(float(slope), 1e-3 * top / float(lag[-1]))
    intercept = max(float(msd[0]) - slope * float(lag[0]), 0.0)
    return slope / dimensions, intercept / (2 * dimensions)


def _standard_error(samples: FloatArray) -> FloatArray:
    """Return the standard error of the mean over the last axis; infinite for one sample."""
    count = samples.shape[-1]
    if count < 2:
        return np.full(samples.shape[:-1], np.inf)
    error: FloatArray = samples.std(axis=-1, ddof=1) / np.sqrt(count)
    return error


def _loglog_slope(lags: tuple[int, ...], curve: FloatArray) -> tuple[float | None, float | None]:
    """Return d ln(MSD)/d ln(lag) over the last decade of lags and its error by leaving walkers out."""
    lag = np.array(lags, dtype=float)
    last = lag >= lag[-1] / 10
    total = curve[last].sum(axis=1)
    if np.any(total <= 0) or last.sum() < 3:
        return None, None
    x = np.log(lag[last])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    walkers = curve.shape[1]
    slope = float(weights @ np.log(total))
    if walkers < 2:
        return slope, None
    without = total[:, None] - curve[last]
    if np.any(without <= 0):
        return slope, None
    jackknife = weights @ np.log(without)
    return slope, float(np.sqrt((walkers - 1) * jackknife.var()))


def _why_not(
    fit: _Fit,
    diffused: float,
    minimum: float,
    slope: float,
    slope_error: float,
    duration: float,
    loglog: tuple[float | None, float | None],
    msd_end: float,
    lag_ps: FloatArray,
) -> str:
    """Return the sentence that says why the motion is not shown to be diffusive, or an empty text."""
    half_width = fit.quantile() * slope_error
    alpha = "" if loglog[0] is None else f", log–log slope {loglog[0]:.2f}"
    if loglog[0] is not None and loglog[1] is not None:
        alpha += f" ± {loglog[1]:.2f}"
    seen = f"the mean squared displacement reached {msd_end:.3g} Å² at a lag of {lag_ps[-1]:.3g} ps{alpha}"
    if not np.isfinite(slope_error):
        return f"not shown to be diffusive: one ion in {duration:.3g} ps gives no spread; {seen}"
    if not fit.consistent:
        return (
            f"not diffusive yet: the slope still changes at the longest lags; {seen}; "
            f"a run of {3 * duration:.3g} ps or more is needed"
        )
    if slope <= half_width:
        # the least time in which even the fastest diffusion that the interval allows would be seen
        pace = max(slope + half_width, 1e-300)
        return (
            f"not diffusive yet: the slope {slope:.2g} ± {slope_error:.2g} Å²/ps is not distinct from zero; "
            f"{seen}; a run of {max(minimum / pace, 2 * duration):.3g} ps or more is needed"
        )
    if diffused < minimum:
        return (
            f"not diffusive yet: the ions have diffused {diffused:.2g} Å² in {duration:.3g} ps, less than "
            f"the {minimum:.3g} Å² of a hop; {seen}; at this pace it takes {minimum / slope:.3g} ps or more"
        )
    return ""


def thin_logarithmic(values: FloatArray, most: int) -> list[int]:
    """Return at most `most` indices into ascending positive `values`, evenly spaced on a logarithmic axis."""
    if len(values) <= most:
        return list(range(len(values)))
    targets = np.geomspace(values[0], values[-1], most)
    return sorted(set(np.clip(np.searchsorted(values, targets), 0, len(values) - 1).tolist()))
