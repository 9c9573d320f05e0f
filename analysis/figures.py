"""Figures of transport: MSD with its window, Arrhenius plot, profiles. One function each, one file each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .transport.collective import CollectiveDiffusion
from .transport.diffusion import TracerDiffusion

if TYPE_CHECKING:
    from .transport.arrhenius import ArrheniusFit
    from .transport.gls import FloatArray

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def draw_msd(results: Sequence[TracerDiffusion | CollectiveDiffusion], path: Path) -> Path:
    """Draw mean squared displacements with the fitted window shaded, both axes logarithmic.

    Parameters
    ----------
    results
        Tracer or collective diffusion of each species.
    path
        File to write; its ending gives the format.
    """
    figure, axes = _axes("lag time (ps)", "mean squared displacement (Å²)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for result, colour in zip(results, _COLOURS * len(results), strict=False):
        shown = result.msd_A2 > 0
        lag, msd = result.lag_time_ps[shown], result.msd_A2[shown]
        kind = "collective" if isinstance(result, CollectiveDiffusion) else "tracer"
        axes.plot(lag, msd, ".-", color=colour, lw=1, ms=4, label=f"{result.quantity.species}, {kind}")
        if isinstance(result, TracerDiffusion):
            error = result.msd_error_A2[shown]
            if np.isfinite(error).all():
                low = np.maximum(msd - 1.96 * error, msd * 1e-3)
                axes.fill_between(lag, low, msd + 1.96 * error, color=colour, alpha=0.2, lw=0)
            if result.window_ps and result.fit_slope_A2_ps and result.fit_intercept_A2 is not None:
                inside = np.geomspace(*result.window_ps, 50)
                line = result.fit_intercept_A2 + result.fit_slope_A2_ps * inside
                axes.plot(inside, line, "--", color="black", lw=1)
        if result.window_ps:
            axes.axvspan(*result.window_ps, color=colour, alpha=0.07, lw=0)
    axes.legend(frameon=False)
    return _save(figure, path)


def draw_arrhenius(fit: ArrheniusFit, path: Path, *, to_K: float | None = None) -> Path:
    """Draw diffusion coefficients against 1/T with the line and its 95 % band.

    Parameters
    ----------
    fit
        The fit; points left out are drawn open.
    path
        File to write.
    to_K
        Temperature down to which the band is drawn; the coldest point if None.
    """
    figure, axes = _axes("1000 / T (1/K)", "D (cm²/s)")
    axes.set_yscale("log")
    for point in fit.points:
        item = point.diffusivity
        if item.value is None or item.value <= 0:
            continue
        low, high = item.interval95 or (item.value, item.value)
        error = [[item.value - max(low, item.value * 1e-4)], [high - item.value]]
        axes.errorbar(
            1000 / point.temperature_K,
            item.value,
            yerr=error,
            fmt="o",
            mfc="white" if point.left_out else _COLOURS[0],
            color=_COLOURS[0],
            capsize=2,
        )
    if fit.segments:
        coldest = min([part.lowest_K for part in fit.segments] + ([to_K] if to_K else []))
        inverse = np.linspace(1 / max(part.highest_K for part in fit.segments), 1 / coldest, 80)
        bands = [fit.predict(1 / x) for x in inverse]
        axes.plot(1000 * inverse, [band.value for band in bands], color=_COLOURS[1], lw=1.2)
        below = [band.interval95[0] for band in bands if band.interval95]
        above = [band.interval95[1] for band in bands if band.interval95]
        axes.fill_between(1000 * inverse, below, above, color=_COLOURS[1], alpha=0.2, lw=0)
    return _save(figure, path)


def draw_profiles(
    axis_A: FloatArray, curves: Mapping[str, tuple[FloatArray, FloatArray | None]], path: Path, *, ylabel: str
) -> Path:
    """Draw quantities along an axis of the cell with their 95 % bands.

    Parameters
    ----------
    axis_A
        Middle of each layer in Å, shape ``(B,)``.
    curves
        Values and standard errors (or None) by label, each of shape ``(B,)``; NaN leaves a gap.
    path
        File to write.
    ylabel
        What is shown, with its unit.
    """
    figure, axes = _axes("z (Å)", ylabel)
    for (label, (values, error)), colour in zip(curves.items(), _COLOURS * len(curves), strict=False):
        axes.plot(axis_A, values, color=colour, lw=1.2, label=label)
        if error is not None:
            axes.fill_between(axis_A, values - 1.96 * error, values + 1.96 * error, color=colour, alpha=0.2, lw=0)
    axes.legend(frameon=False)
    return _save(figure, path)


def draw_curves(
    curves: Mapping[str, tuple[FloatArray, FloatArray, FloatArray | None]],
    path: Path,
    *,
    xlabel: str,
    ylabel: str,
    log_x: bool = False,
) -> Path:
    """Draw curves over an axis of their own with their 95 % bands.

    Parameters
    ----------
    curves
        Abscissa, values and standard errors (or None) by label, each of one shape; NaN leaves a gap.
    path
        File to write.
    xlabel, ylabel
        What is shown, with its unit.
    log_x
        Whether the abscissa is logarithmic.
    """
    figure, axes = _axes(xlabel, ylabel)
    if log_x:
        axes.set_xscale("log")
    for (label, (x, values, error)), colour in zip(curves.items(), _COLOURS * len(curves), strict=False):
        axes.plot(x, values, color=colour, lw=1.2, label=label)
        if error is not None:
            axes.fill_between(x, values - 1.96 * error, values + 1.96 * error, color=colour, alpha=0.2, lw=0)
    axes.legend(frameon=False)
    return _save(figure, path)


def _axes(xlabel: str, ylabel: str) -> tuple[Any, Any]:
    # the object interface: no global state, so that jobs may draw in threads
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return figure, axes


def _save(figure: Any, path: Path) -> Path:
    import io

    from ..files import write_bytes

    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix.lstrip(".") or "png", dpi=150)
    return write_bytes(path, stream.getvalue())
