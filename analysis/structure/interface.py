"""Where an interface is, how wide it is, how both change, and by which law an interphase grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ..transport.gls import FloatArray

_TEN_TO_NINETY = float(np.log(9.0))
"""Distance from 10 % to 90 % of a tanh profile of half width 1: ``2 * artanh(0.8)``."""


@dataclass(frozen=True)
class InterfaceTrack:
    """Position and width of one interface in successive blocks of frames.

    Attributes
    ----------
    time_ps
        Middle of each block, shape ``(T,)``, in ps.
    position_A, position_error_A
        Where the fraction is half way between the two sides, shape ``(T,)``, in Å; NaN where no profile was found.
    width_A, width_error_A
        Distance from 10 % to 90 % of the step, shape ``(T,)``, in Å.
    """

    time_ps: FloatArray
    position_A: FloatArray
    position_error_A: FloatArray
    width_A: FloatArray
    width_error_A: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; NaN becomes null."""
        return {
            name: [float(value) if np.isfinite(value) else None for value in getattr(self, name)]
            for name in ("time_ps", "position_A", "position_error_A", "width_A", "width_error_A")
        }


@dataclass(frozen=True)
class GrowthLaw:
    """How a thickness grows with time.

    Attributes
    ----------
    law
        ``"parabolic"`` (diffusion through the layer), ``"linear"`` (reaction at its face), ``"logarithmic"``
        (passivation), ``"none"`` (no growth seen) or ``"undecided"``.
    exponent
        n of ``h = h0 + k t**n``.
    rate
        Rate constant of the law: ``(h - h0)²`` a time in Å²/ps, ``h - h0`` a time in Å/ps, or Å a factor e of time.
    chi_squared
        What each law leaves, by name, with ``freedom`` degrees of freedom.
    freedom
        Number of points less the parameters.
    """

    law: str
    exponent: Quantity
    rate: Quantity
    chi_squared: dict[str, float]
    freedom: int


def track_interface(
    height_A: FloatArray,
    chosen: Any,
    *,
    window_A: tuple[float, float],
    period_A: float,
    time_step_ps: float,
    blocks: int = 10,
    layer_A: float = 1.0,
) -> InterfaceTrack:
    """Follow position and width of an interface by the fraction of the chosen atoms.

    In every block of frames ``x(z) = a + b tanh((z - z0) / w)`` is fitted to the fraction of chosen atoms in layers of
    the window, weighted by the atoms in each; the width is 2.197 w.

    Parameters
    ----------
    height_A
        Heights of all atoms inside the cell, shape ``(F, N)``, in Å.
    chosen
        How much of each atom counts for one side, from 0 to 1 or boolean, shape ``(N,)``: such as its elements.
    window_A
        Lowest and highest height of the window, in Å; it holds this interface only, and may cross the upper face of
        the cell (highest above `period_A`).
    period_A
        Height of the cell in Å.
    time_step_ps
        Time between frames in ps.
    blocks
        Blocks of frames.
    layer_A
        Thickness of a layer in Å.

    Raises
    ------
    InputError
        If the window holds fewer than six layers, or too few frames.

    Notes
    -----
    J. S. Rowlinson, B. Widom, Molecular Theory of Capillarity (1982), for the tanh profile.
    """
    from scipy.optimize import curve_fit

    low, high = window_A
    frames, atoms = height_A.shape
    part = np.asarray(chosen, dtype=float)
    count = int((high - low) / layer_A)
    if count < 6 or high - low > period_A or blocks < 1 or frames < blocks or part.shape != (atoms,):
        raise InputError(
            f"a window from {low:g} to {high:g} Å in a cell {period_A:.3g} Å high, {blocks} blocks of {frames} frames",
            remedy="Give a window of at least six layers within one period, and fewer blocks than frames.",
        )
    edges = np.linspace(low, high, count + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    inside = low + np.mod(height_A - low, period_A)

    def profile(z: FloatArray, centre: float, width: float, mean: float, step: float) -> FloatArray:
        return np.asarray(mean + step * np.tanh((z - centre) / width))

    rows, times = [], []
    for piece in np.array_split(np.arange(frames), blocks):
        times.append(float(piece.mean()) * time_step_ps)
        own = np.histogram(inside[piece], edges, weights=np.broadcast_to(part, inside[piece].shape))[0]
        every = np.histogram(inside[piece], edges)[0].astype(float)
        filled = every > 0
        nothing = (np.nan,) * 4
        if filled.sum() < 6:
            rows.append(nothing)
            continue
        x, z = own[filled] / every[filled], middle[filled]
        # atoms of one layer move together: one in each frame of a block is not a new sample, hence absolute_sigma off
        sigma = np.sqrt(np.maximum(x * (1 - x), 0.02) / every[filled])
        edge = max(1, len(x) // 4)
        first, last = float(x[:edge].mean()), float(x[-edge:].mean())
        if abs(last - first) < 0.1:
            rows.append(nothing)
            continue
        half = 0.5 * (first + last)
        centre = float(z[np.argmin(np.abs(x - half))])
        try:
            best, covariance = curve_fit(
                profile,
                z,
                x,
                p0=(centre, 2 * layer_A, half, 0.5 * (last - first)),
                sigma=sigma,
                bounds=([low, 0.05 * layer_A, -0.5, -1.0], [high, high - low, 1.5, 1.0]),
            )
        except RuntimeError:
            rows.append(nothing)
            continue
        error = np.sqrt(np.diag(covariance))
        if abs(best[3]) < 3 * error[3]:  # a step that the scatter of the layers makes as well
            rows.append(nothing)
            continue
        rows.append((best[0], error[0], _TEN_TO_NINETY * best[1], _TEN_TO_NINETY * error[1]))
    table = np.array(rows, dtype=float)
    return InterfaceTrack(np.array(times), table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def growth_law(time_ps: FloatArray, thickness_A: FloatArray, error_A: FloatArray) -> GrowthLaw:
    """Find the law by which an interphase grows: parabolic, linear or logarithmic.

    Parameters
    ----------
    time_ps
        Times since the parts met, ascending and positive, shape ``(T,)``, in ps.
    thickness_A
        Thickness at each, shape ``(T,)``, in Å.
    error_A
        One standard error of each, shape ``(T,)``, in Å; NaN rows are left out.

    Returns
    -------
    GrowthLaw
        ``law`` is ``"undecided"`` where chi-squared of the two best differs by less than 4.

    Raises
    ------
    InputError
        If fewer than five points can be used.

    Notes
    -----
    B. E. Deal, A. S. Grove, J. Appl. Phys. 36 (1965) 3770, for the linear and the parabolic law; N. Cabrera,
    N. F. Mott, Rep. Prog. Phys. 12 (1949) 163, for the logarithmic one.
    """
    t, h, e = (np.asarray(values, dtype=float) for values in (time_ps, thickness_A, error_A))
    good = np.isfinite(h) & np.isfinite(e) & (e > 0) & (t > 0)
    t, h, e = t[good], h[good], e[good]
    if len(t) < 5:
        raise InputError(f"{len(t)} points cannot tell a growth law", remedy="Give at least five with their errors.")
    bases = {"parabolic": np.sqrt(t), "linear": t, "logarithmic": np.log(t)}
    left: dict[str, float] = {}
    slopes: dict[str, tuple[float, float]] = {}
    for name, basis in bases.items():
        slope, slope_error, left[name] = _line(basis, h, e)
        slopes[name] = (slope, slope_error)
    left["none"] = _line(None, h, e)[2]
    best = min(bases, key=lambda name: left[name])
    ranked = sorted(left[name] for name in bases)
    slope, slope_error = slopes[best]
    scatter = max(1.0, ranked[0] / (len(t) - 2))
    exponent = _exponent(t, h, e, scatter)
    if slope <= 2 * slope_error * scatter**0.5:
        reason = f"no growth is seen: {slope:.2g} ± {slope_error:.2g} for the {best} law"
        nothing = Quantity("growth_rate", None, "Å/ps", converged=False, warnings=(reason,))
        none = Quantity("growth_exponent", None, "1", converged=False, warnings=(reason,))
        return GrowthLaw("none", none, nothing, left, len(t) - 2)
    decided = ranked[1] - ranked[0] >= 4 * scatter
    warnings = () if decided else (f"the run does not tell the laws apart; the best is {best}",)
    value, error, unit = slope, slope_error * scatter**0.5, "Å/ps"
    if best == "parabolic":
        value, error, unit = slope**2, 2 * slope * error, "Å²/ps"
    elif best == "logarithmic":
        unit = "Å"
    rate = Quantity(
        "growth_rate",
        value,
        unit,
        uncertainty=error,
        interval95=(max(value - 1.96 * error, 0.0), value + 1.96 * error),
        method=f"weighted least squares, {best} law",
        n_effective=len(t),
        converged=decided,
        warnings=warnings,
    )
    return GrowthLaw(best if decided else "undecided", exponent, rate, left, len(t) - 2)


def _line(basis: FloatArray | None, h: FloatArray, e: FloatArray) -> tuple[float, float, float]:
    """Return slope, its error and chi-squared of ``h = a + b * basis``; of a constant where basis is None."""
    columns = [np.ones_like(h)] + ([] if basis is None else [basis])
    design = np.column_stack(columns) / e[:, None]
    covariance = np.linalg.pinv(design.T @ design)
    solution = covariance @ design.T @ (h / e)
    left = float(((design @ solution - h / e) ** 2).sum())
    if basis is None:
        return 0.0, 0.0, left
    return float(solution[1]), float(np.sqrt(covariance[1, 1])), left


def _exponent(t: FloatArray, h: FloatArray, e: FloatArray, scatter: float) -> Quantity:
    """Return n of ``h = h0 + k t**n`` with the interval in which chi-squared rises by its 95 % quantile."""
    grid = np.linspace(0.02, 3.0, 300)
    left = np.array([_line(t**n, h, e)[2] for n in grid]) / scatter
    best = int(left.argmin())
    inside = grid[left <= left[best] + 3.84]
    low, high = float(inside.min()), float(inside.max())
    bounded = low > 0.02 and high < 3.0
    return Quantity(
        "growth_exponent",
        float(grid[best]),
        "1",
        uncertainty=(high - low) / (2 * 1.96),
        interval95=(low, high),
        method="profile of chi-squared",
        n_effective=len(t),
        converged=bounded,
        warnings=() if bounded else ("the run is too short or too noisy to bound the exponent",),
    )
