"""Diffusion of the charge: collective coefficient, Haven ratio, Onsager coefficients, transference numbers.

The collective displacement ``R = sum of z_i r_i`` is one walker, so there is no spread over ions to take an
error from. But it is a sum over many ions and therefore Gaussian at long times, and for a Gaussian walk the
covariance of the MSD is known; the errors here are those of that covariance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ...units import A2_PS_TO_CM2_S, BOLTZMANN_EV_K
from .diffusion import check_positions
from .gls import FloatArray, line_weights, logarithmic_lags, msd_covariance
from .msd_fit import fit_walkers, standard_error, walk_and_noise, walker_msd
from .relaxation import average, prepare
from .window import CONTRADICTION, IMMATERIAL, earliest_consistent

METHOD = (
    "slope of the squared collective displacement by generalised least squares, averaged over the relaxations of "
    "single ions being there or not, Gaussian error"
)

_GAUSSIAN = 1_000_000
"""Degrees of freedom at which Student's distribution is that of Gauss."""

_LEAST_SAMPLES = 4.0
"""Independent samples below which an interval is too wide to be a result."""


@dataclass(frozen=True)
class CollectiveDiffusion:
    """A collective diffusion coefficient with its curve.

    Attributes
    ----------
    quantity
        ``collective_diffusivity`` in cm²/s.
    lag_time_ps
        Lags, shape ``(K,)``, in ps.
    msd_A2
        Squared collective displacement over the sum of the squared charges, shape ``(K,)``, in Å².
    window_ps
        Beginning and end of the fitted lags in ps; None without a result.
    """

    quantity: Quantity
    lag_time_ps: FloatArray
    msd_A2: FloatArray
    window_ps: tuple[float, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "quantity": self.quantity.to_dict(),
            "lag_time_ps": self.lag_time_ps.tolist(),
            "msd_A2": self.msd_A2.tolist(),
            "window_ps": list(self.window_ps) if self.window_ps else None,
        }


def collective_diffusivity(
    positions: FloatArray,
    *,
    time_step_ps: float,
    charges: FloatArray | None = None,
    species: str = "Li",
    dimensions: int = 3,
    source: str = "",
    window_start_ps: float | None = None,
) -> CollectiveDiffusion:
    """Return the collective (charge) diffusion coefficient.

    It is ``<|sum z_i (r_i(t) - r_i(0))|²> / (2 d t sum z_i²)`` at long times; with it in place of the tracer
    coefficient the Nernst–Einstein relation is exact.

    Parameters
    ----------
    positions
        Unwrapped positions of the charge carriers, shape ``(F, N, dimensions)``, in Å, relative to what
        stands still: the framework, or the centre of mass of *all* atoms. The mean of the carriers must not
        have been taken away, for it is what is measured.
    time_step_ps
        Time between frames in ps.
    charges
        Charge of each ion, shape ``(N,)``; all equal if None.
    species
        What diffuses, for the record.
    dimensions
        Number of directions of the motion.
    source
        File or job.
    window_start_ps
        Lag from which the motion is known to be diffusive, in ps; searched for if None.

    Returns
    -------
    CollectiveDiffusion
        With ``quantity.value`` None and the reason where no diffusive window can be shown.

    Raises
    ------
    InputError
        If arrays have wrong shapes, or the collective coordinate stands still because it was subtracted.

    Notes
    -----
    A. R. Allnatt, A. B. Lidiard, Atomic Transport in Solids (1993), chapter 6.
    """
    positions = check_positions(positions, time_step_ps, dimensions)
    frames, ions, _ = positions.shape
    z = np.ones(ions) if charges is None else np.asarray(charges, dtype=float)
    if z.shape != (ions,) or not np.any(z):
        raise InputError(f"{z.size} charges for {ions} ions", remedy="Give one charge for each ion.")
    total = np.einsum("fnd,n->fd", positions, z) / np.sqrt((z**2).sum())
    scale = float(np.abs(positions - positions[0]).max())
    if float(np.ptp(total, axis=0).max()) <= 1e-6 * scale:
        raise InputError(
            "the collective displacement is zero: the mean of the ions was subtracted as drift",
            remedy="Take the drift from the framework or from all atoms.",
        )
    lags = logarithmic_lags(max(2, frames // 2))
    curve = walker_msd(total[:, None, :], lags)[:, 0]
    lag_ps = np.array(lags) * time_step_ps
    first = None if window_start_ps is None else window_start_ps / time_step_ps
    # what ions do by themselves is seen with far less noise: the window begins no earlier than theirs would
    single = walker_msd(positions, lags) * (z**2 * ions / (z**2).sum())
    least = fit_walkers(single, lags, frames, dimensions, 1).earliest if first is None and ions > 1 else 0
    fit = gaussian_line(curve, lags, frames, dimensions, first, single, least)
    if first is None and fit.consistent and ions > 3:
        fit = _averaged(fit, curve, single, lags, frames, dimensions)
    common: dict[str, Any] = {
        "name": "collective_diffusivity",
        "unit": "cm^2/s",
        "species": species,
        "source": source,
        "method": METHOD,
    }
    samples = 2.0 / fit.relative_error**2 if fit.slope > 0 else 0.0
    if not fit.consistent or samples < _LEAST_SAMPLES:
        seen = f"the squared collective displacement reached {curve[-1]:.3g} Å² at a lag of {lag_ps[-1]:.3g} ps"
        why = (
            f"too few independent samples ({samples:.1f}) of the one collective coordinate"
            if fit.consistent
            else "its slope still changes at the longest lags"
        )
        quantity = Quantity(
            **common, value=None, converged=False, warnings=(f"no collective diffusion: {why}; {seen}",)
        )
        return CollectiveDiffusion(quantity, lag_ps, curve, None)
    value = fit.slope / time_step_ps / (2 * dimensions) * A2_PS_TO_CM2_S
    quantity = Quantity(
        **common,
        value=value,
        uncertainty=value * fit.relative_error,
        interval95=chi_squared_interval(value, samples),
        n_effective=round(samples, 1),
    )
    window = (float(lag_ps[fit.start]), float(lag_ps[-1]))
    return CollectiveDiffusion(quantity, lag_ps, curve, window)


def haven_ratio(tracer: Quantity, collective: Quantity) -> Quantity:
    """Return the Haven ratio, tracer over collective diffusion coefficient, with the errors of both.

    Below 1 ions push each other along; above 1 they get in each other's way.

    Parameters
    ----------
    tracer, collective
        Coefficients in the same unit, of the same ions.

    Returns
    -------
    Quantity
        Pure number; without a value where either has none.

    Notes
    -----
    G. E. Murch, Solid State Ionics 7 (1982) 177. Relative errors add in squares; the tracer's is the
    smaller by about the root of the number of ions, so that what the two share is left out.
    """
    from .conductivity import propagate_quotient

    if tracer.unit != collective.unit:
        raise InputError(f"the coefficients are in {tracer.unit} and {collective.unit}", remedy="Give one unit.")
    common: dict[str, Any] = {"name": "haven_ratio", "unit": "1", "species": tracer.species, "source": tracer.source}
    method = "tracer over collective diffusion coefficient"
    warnings = tuple(dict.fromkeys((*tracer.warnings, *collective.warnings)))
    if tracer.value is None or collective.value is None:
        reasons = warnings or ("a diffusion coefficient is missing",)
        return Quantity(**common, value=None, method=method, converged=False, warnings=reasons)
    value = tracer.value / collective.value
    error, interval = propagate_quotient(value, tracer, collective)
    return Quantity(
        **common,
        value=value,
        uncertainty=error,
        interval95=interval,
        method=method,
        n_effective=collective.n_effective,
        converged=tracer.converged and collective.converged,
        warnings=warnings,
    )


def _averaged(
    fit: GaussianLine, curve: FloatArray, single: FloatArray, lags: tuple[int, ...], frames: int, dimensions: int
) -> GaussianLine:
    """Return the line averaged over what may relax: nothing, noise of its own, or what the ions do by themselves."""
    lag = np.array(lags, dtype=float)
    ions = single.shape[1]
    mean = single.mean(axis=1)
    if len(lags) < 6 or not (mean.min() > 0 and curve.min() > 0):
        return fit
    prepared, hops = prepare(single, lags, frames, dimensions, *walk_and_noise(lag, mean, dimensions))
    known = average(prepared, lags, ions - 1).relaxation_A2
    rough = walk_and_noise(lag, curve, dimensions)
    prepared, _ = prepare(curve[:, None], lags, frames, dimensions, *rough, walker_hops=hops / ions, known=known)
    line = average(prepared, lags, _GAUSSIAN)
    if not line.above_zero:
        return fit
    return GaussianLine(line.settled, line.slope, float(np.log(line.high / line.low)) / (2 * 1.96), True)


@dataclass(frozen=True)
class OnsagerCoefficients:
    """Transport coefficients between species, and what the charges make of them.

    Attributes
    ----------
    species
        Names, in the order of the rows.
    matrix
        ``L_ij`` in 1/(eV Å ps), shape ``(S, S)``: the flux of i in 1/(Å² ps) per force on j in eV/Å.
    error
        One standard error of each, same shape and unit.
    conductivity
        ``ionic_conductivity`` in S/cm.
    transference
        ``transference_number`` of each species.
    lag_time_ps, curves_1_eV_A
        Lags, shape ``(K,)``, and ``<ΔR_i · ΔR_j> / (6 V k T)`` at each, shape ``(K, S, S)``, in 1/(eV Å): their slopes
        are the coefficients.
    window_start_ps
        Lag from which the slopes are taken.
    """

    species: tuple[str, ...]
    matrix: FloatArray
    error: FloatArray
    conductivity: Quantity
    transference: tuple[Quantity, ...]
    lag_time_ps: FloatArray
    curves_1_eV_A: FloatArray
    window_start_ps: float


def onsager_coefficients(
    positions: Mapping[str, FloatArray],
    charges: Mapping[str, float],
    *,
    time_step_ps: float,
    volume_A3: float,
    temperature_K: float,
    window_start_ps: float | None = None,
) -> OnsagerCoefficients:
    """Return Onsager coefficients, conductivity and transference numbers of all mobile species.

    ``L_ij = <ΔR_i · ΔR_j> / (6 V k T t)`` with ``R_i`` the sum of the positions of species i, in the frame of
    reference of the positions given; the frame matters and belongs beside the numbers.

    Parameters
    ----------
    positions
        Unwrapped positions of each species, shape ``(F, N, 3)``, in Å, in one common frame of reference.
    charges
        Charge of an ion of each species in elementary charges.
    time_step_ps
        Time between frames in ps.
    volume_A3
        Volume of the cell in Å³.
    temperature_K
        Temperature in K.
    window_start_ps
        Beginning of the diffusive window in ps; the latest of the species' own if None.

    Raises
    ------
    InputError
        If arrays do not belong together, or no diffusive window is found.

    Notes
    -----
    K. D. Fong et al., Macromolecules 54 (2021) 2575, for the coefficients and transference numbers. The
    sums are Gaussian, so that the estimates follow a Wishart distribution: the covariance of ``L_ij`` and
    ``L_kl`` is ``(L_ik L_jl + L_il L_jk) / n`` with n the number of independent samples.
    """
    names = tuple(positions)
    if set(names) != set(charges):
        raise InputError("positions and charges name different species", remedy="Give a charge for each species.")
    if not (volume_A3 > 0 and temperature_K > 0):
        raise InputError("volume and temperature must be positive", remedy="Check the numbers.")
    arrays = [check_positions(positions[name], time_step_ps, 3) for name in names]
    frames = arrays[0].shape[0]
    if any(array.shape[0] != frames for array in arrays):
        raise InputError("the species have different numbers of frames", remedy="Give the same frames for all.")
    sums = np.stack([array.sum(axis=1, dtype=float) for array in arrays], axis=1)
    lags = logarithmic_lags(max(2, frames // 2))
    own = walker_msd(sums, lags)
    lag = np.array(lags, dtype=float)
    start = 0
    if window_start_ps is not None:
        start = min(int(np.searchsorted(lag, window_start_ps / time_step_ps - 1e-6)), len(lags) - 3)
    else:
        for row, name in enumerate(names):
            fit = gaussian_line(own[:, row], lags, frames, 3)
            if not fit.consistent:
                raise InputError(
                    f"no diffusive window for {name}", remedy="Give a longer trajectory or window_start_ps."
                )
            start = max(start, fit.start)
    charge = np.array([charges[name] for name in names], dtype=float)
    step, noise = walk_and_noise(lag[start:], own[start:].mean(axis=1), 3)
    covariance = msd_covariance(frames, lags, step, noise)[start:, start:]
    weights = line_weights(lag[start:], covariance)[1]
    per_lag = _cross_displacements(sums, lags)
    slope = np.tensordot(weights, per_lag[start:], axes=1) / time_step_ps
    relative_variance = float(weights @ covariance @ weights) / (3 * step**2)
    samples = 2.0 / relative_variance
    scale = 6 * volume_A3 * BOLTZMANN_EV_K * temperature_K
    matrix = slope / scale
    diagonal = np.diag(matrix)
    error = np.sqrt((np.outer(diagonal, diagonal) + matrix**2) / samples)
    carried = _charge_transport(names, matrix, charge, samples)
    times = lag * time_step_ps
    return OnsagerCoefficients(names, matrix, error, *carried, times, per_lag / scale, float(times[start]))


def _cross_displacements(sums: FloatArray, lags: tuple[int, ...]) -> FloatArray:
    """Return ``<ΔR_i · ΔR_j>`` at each lag, shape ``(K, S, S)``, in Å²."""
    result = np.empty((len(lags), sums.shape[1], sums.shape[1]))
    for row, lag in enumerate(lags):
        moved = sums[lag:] - sums[:-lag]
        result[row] = np.einsum("fid,fjd->ij", moved, moved) / len(moved)
    return result


def _charge_transport(
    names: tuple[str, ...], matrix: FloatArray, charge: FloatArray, samples: float
) -> tuple[Quantity, tuple[Quantity, ...]]:
    """Return conductivity and transference numbers with errors from the Wishart covariance."""
    method = f"Onsager coefficients, Wishart error with {samples:.0f} samples"
    parts = charge * (matrix @ charge)
    whole = float(parts.sum())
    # e²/(eV Å ps) -> S/cm: e (per V) × 1e8 Å/cm × 1e12 ps/s
    from ...units import ELEMENTARY_CHARGE_C

    conductivity = whole * ELEMENTARY_CHARGE_C * 1e20
    relative = float(np.sqrt(2.0 / samples))
    sigma = Quantity(
        "ionic_conductivity",
        conductivity,
        "S/cm",
        uncertainty=conductivity * relative,
        interval95=chi_squared_interval(conductivity, samples),
        method=method,
        n_effective=round(samples, 1),
        converged=samples >= _LEAST_SAMPLES,
        warnings=() if samples >= _LEAST_SAMPLES else ("too few independent samples",),
    )
    numbers = []
    for row, name in enumerate(names):
        value = float(parts[row]) / whole
        # t = a·L·z / z·L·z with a = z on this species alone; its gradient is the matrix (a z' - t z z') / z·L·z
        alone = np.zeros_like(charge)
        alone[row] = charge[row]
        gradient = (np.outer(alone, charge) + np.outer(charge, alone)) / 2 - value * np.outer(charge, charge)
        variance = 2.0 * float(np.trace(gradient @ matrix @ gradient @ matrix)) / whole**2 / samples
        error = float(np.sqrt(max(variance, 0.0)))
        numbers.append(
            Quantity(
                "transference_number",
                value,
                "1",
                uncertainty=error,
                interval95=(value - 1.96 * error, value + 1.96 * error),
                method=method,
                species=name,
                n_effective=round(samples, 1),
                converged=samples >= _LEAST_SAMPLES,
                warnings=sigma.warnings,
            )
        )
    return sigma, tuple(numbers)


@dataclass(frozen=True)
class GaussianLine:
    """A line through the MSD of one Gaussian walker, slope in Å²/frame."""

    start: int
    slope: float
    relative_error: float
    consistent: bool


def gaussian_line(
    curve: FloatArray,
    lags: tuple[int, ...],
    frames: int,
    dimensions: int,
    first_lag: float | None = None,
    single: FloatArray | None = None,
    least: int = 0,
) -> GaussianLine:
    """Fit a line to the MSD of one nearly Gaussian walker from the lag at which it becomes straight.

    The square of a sum of ions holds the squares of the ions, whose error is their spread, and the products
    of different ions, whose error is that of a Gaussian walk: few hops make the first the larger part.

    Parameters
    ----------
    curve
        MSD, shape ``(K,)``, in Å².
    lags
        Lags in frames.
    frames
        Positions of the walker.
    dimensions
        Coordinates that the MSD sums over.
    first_lag
        Lag in frames at which the window begins; searched for if None.
    single
        MSD of the ions that the walker is the sum of, shape ``(K, N)``, in the same normalisation.
    least
        Index of the lag before which the window does not begin.
    """
    lag = np.array(lags, dtype=float)
    starts = max(1, len(lags) - 3)
    ions = 1 if single is None else single.shape[1]

    @cache
    def line(start: int) -> tuple[float, FloatArray, tuple[float, float]]:
        rough = walk_and_noise(lag[start:], curve[start:], dimensions)
        weights = np.zeros(len(lags))
        weights[start:] = line_weights(lag[start:], msd_covariance(frames, lags, *rough)[start:, start:])[1]
        return float(weights @ curve), weights, rough

    def error(weights: FloatArray, slope: float, rough: tuple[float, float]) -> float:
        # the covariance of the fitted walk itself, whose step is the slope
        step = max(slope / dimensions, 1e-3 * rough[0])
        variance = float(dimensions * (weights @ msd_covariance(frames, lags, step, rough[1]) @ weights))
        if single is not None and ions > 1:
            variance = variance * (1 - 1 / ions) + float(standard_error(weights @ single)) ** 2
        return float(np.sqrt(variance))

    def agree(start: int, later: int) -> bool:
        here, weights, rough = line(start)
        there, other, _ = line(later)
        allowed = CONTRADICTION * error(other - weights, here, rough)
        return abs(there - here) <= max(allowed, IMMATERIAL * error(weights, here, rough))

    if first_lag is None:
        _, start, consistent = earliest_consistent(lag, starts, agree, least)
    else:
        start, consistent = min(int(np.searchsorted(lag, first_lag - 1e-6)), starts - 1), True
    slope, weights, rough = line(start)
    relative = error(weights, slope, rough) / slope if slope > 0 else float("inf")
    return GaussianLine(start, slope, relative, consistent)


def chi_squared_interval(value: float, samples: float) -> tuple[float, float]:
    """Return the 95 % interval of a variance that was estimated from so many Gaussian samples."""
    from scipy.stats import chi2

    return float(value * samples / chi2.ppf(0.975, samples)), float(value * samples / chi2.ppf(0.025, samples))
