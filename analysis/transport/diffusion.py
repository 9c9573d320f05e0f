"""The tracer diffusion coefficient of one species, with an interval that means it.

The mean squared displacement (MSD) is fitted by generalised least squares with a straight line and the relaxations
that may come before it (`anodeflow.analysis.transport.relaxation`), averaged over which of these there are. The fit is
linear for each of them, so every ion has its own slope, and their spread gives the error of the mean whatever the walk
is (few hops an ion, correlated hops, cages). That the motion is diffusive at all is judged by Lepski's rule
(`anodeflow.analysis.transport.window`): there is a lag whose slope no later beginning contradicts. Told where diffusion
begins, the straight line alone is fitted from there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ...units import A2_PS_TO_CM2_S
from .gls import FloatArray, logarithmic_lags
from .msd_fit import WalkerFit, concert, fit_pieces, fit_walkers, needed_ps, standard_error, walker_msd
from .relaxation import averaged_line

METHOD = (
    "slope of the mean squared displacement by generalised least squares, averaged over the relaxations that may "
    "precede diffusion, error from the spread over walkers"
)


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
        Beginning and end of the lags at which the curve is straight within 5 % of its slope, in ps; None where the
        motion is not shown to be diffusive.
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
    msd_error = standard_error(curve)
    alpha, alpha_error = _loglog_slope(lags, curve)

    first_lag = None if window_start_ps is None else window_start_ps / time_step_ps
    fit, walker_curve, walker_lags, length = fit_pieces(positions, curve, lags, dimensions, first_lag)
    concerted, freedom = concert(positions, lags, fit.start if fit.consistent else min(1, len(lags) - 1))
    if concerted > 1:
        walker_curve, walker_lags, length = curve, lags, frames
        fit = fit_walkers(curve, lags, frames, dimensions, 1, first_lag, concerted, freedom)
    if first_lag is None and fit.consistent:
        fit = _averaged(fit, walker_curve, walker_lags, length, dimensions, concerted)
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
    if concerted > 1:
        warnings.append(
            f"ions move in concert: the coefficient varies {concerted:.1f} times more over time than over ions; "
            "the error is the one over time"
        )
    if fit.start > 0 and walker_lags[fit.start] > frames / 10:
        warnings.append(
            f"the diffusive window begins only at {walker_lags[fit.start] * time_step_ps:.3g} ps of {duration:.3g} ps: "
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
    window = (float(walker_lags[fit.start] * time_step_ps), float(fit.largest_lag * time_step_ps))
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


def _averaged(
    fit: WalkerFit, curve: FloatArray, lags: tuple[int, ...], frames: int, dimensions: int, widen: float
) -> WalkerFit:
    """Return the fit with the slope, interval and window of the average over what may be relaxing."""
    line = averaged_line(curve, lags, frames, dimensions, widen, fit.freedom)
    if line is None or line.slope <= 0:
        return fit
    error = line.slope * float(np.log(line.high / line.low)) / (2 * fit.quantile())
    return replace(
        fit,
        start=min(line.settled, len(lags) - 1),
        slope=line.slope,
        # a slope whose interval holds zero must not pass for a result
        slope_error=error if line.above_zero else max(error, line.slope / fit.quantile()),
        intercept=line.intercept,
        bounds=(line.low / line.slope, line.high / line.slope),
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
    for begin in range(0, array.shape[0], 256):  # in blocks: a long walk needs no mask of its own size
        part = array[begin : begin + 256]
        # a sum holds what is not finite; only then is it searched for
        if not np.isfinite(part.sum()) and (wrong := ~np.isfinite(part)).any():
            frame = begin + int(np.argwhere(wrong)[0, 0])
            raise InputError(f"positions are not finite in frame {frame}", remedy="Check the trajectory there.")
    return array


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
    fit: WalkerFit,
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
    needed = needed_ps(fit, slope, slope_error, duration, minimum)
    alpha = "" if loglog[0] is None else f", log–log slope {loglog[0]:.2f}"
    if loglog[0] is not None and loglog[1] is not None:
        alpha += f" ± {loglog[1]:.2f}"
    seen = f"the mean squared displacement reached {msd_end:.3g} Å² at a lag of {lag_ps[-1]:.3g} ps{alpha}"
    if not np.isfinite(slope_error):
        return f"not shown to be diffusive: one ion in {duration:.3g} ps gives no spread; {seen}"
    if not fit.consistent:
        return (
            f"not diffusive yet: the slope still changes at the longest lags; {seen}; "
            f"a run of {needed:.3g} ps or more is needed"
        )
    if slope <= fit.quantile() * slope_error:
        return (
            f"not diffusive yet: the slope {slope:.2g} ± {slope_error:.2g} Å²/ps is not distinct from zero; "
            f"{seen}; a run of {needed:.3g} ps or more is needed"
        )
    if diffused < minimum:
        return (
            f"not diffusive yet: the ions have diffused {diffused:.2g} Å² in {duration:.3g} ps, less than "
            f"the {minimum:.3g} Å² of a hop; {seen}; at this pace it takes {needed:.3g} ps or more"
        )
    return ""


def thin_logarithmic(values: FloatArray, most: int) -> list[int]:
    """Return at most `most` indices into ascending positive `values`, evenly spaced on a logarithmic axis."""
    if len(values) <= most:
        return list(range(len(values)))
    targets = np.geomspace(values[0], values[-1], most)
    return sorted(set(np.clip(np.searchsorted(values, targets), 0, len(values) - 1).tolist()))
