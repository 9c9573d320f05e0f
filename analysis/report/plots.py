"""The plots: mean squared displacement, Arrhenius, and the course of the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..literature import LiteratureValue, interval95
from .document import Arrhenius, MeanSquaredDisplacement, Run
from .markup import number_text, quantity_text
from .svg import (
    INK,
    MUTED,
    PANEL,
    SEQUENCE,
    Figure,
    Point,
    Series,
    View,
    canvas,
    mark,
    place,
    power_of_ten,
    settle,
    to_svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 160
"""Points of a curve that are drawn; more cannot be seen at the size of the page."""


def spread(count: int) -> list[int]:
    """Return palette entries for an ordered series, as far apart as the palette allows."""
    last = len(SEQUENCE) - 1
    if count == 1:
        return [0]
    return [round(index * last / (count - 1)) for index in range(count)]


def thin(length: int, most: int = MOST_POINTS) -> list[int]:
    """Return at most `most` indices, first and last among them."""
    if length <= most:
        return list(range(length))
    return sorted({round(i * (length - 1) / (most - 1)) for i in range(most)})


def msd_figure(key: str, species: str, curves: Mapping[str, MeanSquaredDisplacement], where: str = "") -> Figure:
    """Draw the mean squared displacement of one element, linear and double-logarithmic.

    Parameters
    ----------
    key
        Identity of the figure in the page.
    species
        Element or ion.
    curves
        One curve a label, such as ``900 K``, in the order of the legend.
    where
        System, for the caption.
    """
    colours = spread(len(curves))
    fitted = [label for label, curve in curves.items() if curve.window_ps and curve.fit_slope_A2_ps is not None]
    description = f"Mean squared displacement of {species} against lag time: " + "; ".join(
        f"{label} reaches {curve.msd_A2[-1]:.3g} Å² at {curve.lag_time_ps[-1]:.3g} ps"
        for label, curve in curves.items()
        if curve.msd_A2
    )
    views = tuple(
        _msd_view(f"{key}-{scale}", species, curves, colours, description, logarithmic=scale == "log")
        for scale in ("linear", "log")
    )
    series = tuple(
        Series(label, colour, "line" if label in fitted else "dashed", "" if label in fitted else "not diffusive")
        for label, colour in zip(curves, colours, strict=True)
    )
    caption = (
        f"Mean squared displacement of {species}{' in ' + where if where else ''}, averaged over all atoms and time "
        "origins. Shaded: 95 % band (1.96 standard errors). Thick: the diffusive window that was found, with its "
        "fitted line in black. "
        + (
            "Dashed curves gave no diffusivity."
            if len(fitted) < len(curves)
            else "In the double-logarithmic view diffusion has slope 1."
        )
    )
    rows = tuple(
        (label, number_text(curve.lag_time_ps[i]), number_text(float(f"{curve.msd_A2[i]:.4g}")), _error(curve, i))
        for label, curve in curves.items()
        for i in thin(len(curve.lag_time_ps), 12)
    )
    columns = ("Run", "Lag time (ps)", "MSD (Å²)", "Standard error (Å²)")
    return Figure(key, f"Mean squared displacement of {species}", caption, views, series, columns, rows)


def _error(curve: MeanSquaredDisplacement, index: int) -> str:
    return "–" if curve.msd_error_A2 is None else f"{curve.msd_error_A2[index]:.2g}"


def _msd_view(
    key: str,
    species: str,
    curves: Mapping[str, MeanSquaredDisplacement],
    colours: Sequence[int],
    description: str,
    *,
    logarithmic: bool,
) -> View:
    places = []
    with canvas() as figure:
        axes = figure.subplots()
        for number, (label, curve) in enumerate(curves.items()):
            keep = [i for i in thin(len(curve.lag_time_ps)) if not logarithmic or curve.msd_A2[i] > 0]
            if logarithmic:
                keep = [i for i in keep if curve.lag_time_ps[i] > 0]
            lag, msd = [curve.lag_time_ps[i] for i in keep], [curve.msd_A2[i] for i in keep]
            colour = SEQUENCE[colours[number]]
            window = curve.window_ps if curve.fit_slope_A2_ps is not None else None
            (line,) = axes.plot(lag, msd, color=colour, lw=1.5, ls="-" if window else (0, (4, 2)))
            mark(line, key, number, "line")
            if curve.msd_error_A2 is not None and keep:
                error = [1.959964 * curve.msd_error_A2[i] for i in keep]
                floor = min(msd) / 3 if logarithmic else 0.0
                low = [max(m - e, floor) for m, e in zip(msd, error, strict=True)]
                high = [m + e for m, e in zip(msd, error, strict=True)]
                band = axes.fill_between(lag, low, high, color=colour, alpha=0.16, lw=0)
                mark(band, key, number, "band")
            if window and curve.fit_slope_A2_ps is not None:
                inside = [(x, y) for x, y in zip(lag, msd, strict=True) if window[0] <= x <= window[1]]
                if inside:
                    (thick,) = axes.plot(*zip(*inside, strict=True), color=colour, lw=3.2)
                    mark(thick, key, number, "window")
                grid = [window[0] + (window[1] - window[0]) * i / 20 for i in range(21)]
                fit = [curve.fit_slope_A2_ps * x + (curve.fit_intercept_A2 or 0.0) for x in grid]
                if min(fit) > 0 or not logarithmic:
                    (straight,) = axes.plot(grid, fit, color=INK, lw=0.9)
                    mark(straight, key, number, "fit")
            places += [(x, y, number, label, i) for x, y, i in zip(lag, msd, keep, strict=True)]
        axes.set_xlabel("lag time (ps)")
        axes.set_ylabel(f"MSD of {species} (Å²)")
        if logarithmic:
            _log(axes, "both")
        else:
            axes.set_xlim(left=0)
            axes.set_ylim(0, axes.get_ylim()[1] * 1.04)
        settle(figure)
        points = tuple(
            Point(*place(axes, x, y), number, f"{label}: {x:.4g} ps, {y:.4g} ± {_error(curves[label], i)} Å²")
            for x, y, number, label, i in places
        )
        svg = to_svg(figure, key, description)
    return View("log–log" if logarithmic else "linear", svg, points)


def _log(axes: Axes, which: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if which in ("both", name):
            (axes.set_xscale if name == "x" else axes.set_yscale)("log")
            axis.set_major_locator(LogLocator(10, numticks=12))
            axis.set_major_formatter(FuncFormatter(power_of_ten))
            axis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class ArrheniusCurve:
    """One fit of the Arrhenius plot with its legend entry."""

    label: str
    fit: Arrhenius
    colour: int


def arrhenius_figure(
    key: str,
    curves: Sequence[ArrheniusCurve],
    published: Sequence[LiteratureValue] = (),
    where: str = "",
) -> Figure:
    """Draw diffusivities against inverse temperature with the fitted lines and their 95 % bands.

    Parameters
    ----------
    key
        Identity of the figure in the page.
    curves
        Fits to draw.
    published
        Literature diffusivities with a temperature; drawn as open diamonds or bars.
    where
        System, for the caption.
    """
    published = [row for row in published if row.temperature_K and not row.flagged and row.unit == "cm^2/s"]
    places: list[tuple[float, float, int, str]] = []
    rows: list[tuple[str, ...]] = []
    missing: list[tuple[float, int, str]] = []
    with canvas(height_in=4.5) as figure:
        axes = figure.subplots()
        for number, curve in enumerate(curves):
            colour = SEQUENCE[curve.colour]
            if curve.fit.band and curve.fit.band.temperature_K:
                band = curve.fit.band
                x = [1000 / T for T in band.temperature_K]
                mark(axes.fill_between(x, band.low, band.high, color=colour, alpha=0.16, lw=0), key, number, "band")
                mark(axes.plot(x, band.value_cm2_s, color=colour, lw=1.5)[0], key, number, "line")
            for index, point in enumerate(curve.fit.points):
                T, quantity = point.temperature_K, point.quantity
                text = f"{curve.label}, {T:g} K: {quantity_text(quantity)}"
                if not point.used:
                    text += f" (left out: {point.reason})" if point.reason else " (left out)"
                rows.append(
                    (curve.label, f"{T:g}", quantity_text(quantity), "yes" if point.used else point.reason or "no")
                )
                if quantity.value is None or quantity.value <= 0:
                    missing.append((1000 / T, number, text))
                    continue
                interval = interval95(quantity) or (quantity.value, quantity.value)
                low = max(interval[0], quantity.value / 1e3)
                fill = colour if point.used else PANEL
                (bar,) = axes.plot([1000 / T] * 2, [low, interval[1]], color=colour, lw=1.3)
                (dot,) = axes.plot([1000 / T], [quantity.value], "o", ms=6.5, mfc=fill, mec=colour, mew=1.5)
                mark(bar, key, number, f"bar{index}")
                mark(dot, key, number, f"dot{index}")
                places.append((1000 / T, quantity.value, number, text))
        for index, row in enumerate(published):
            assert row.temperature_K is not None
            x300 = 1000 / row.temperature_K
            middle = (row.low * row.high) ** 0.5
            (bar,) = axes.plot([x300] * 2, [row.low, row.high], color=MUTED, lw=5, alpha=0.45, solid_capstyle="butt")
            mark(bar, key, len(curves), f"range{index}")
            text = f"{row.system}, {row.temperature_K:g} K: {row.text} cm²/s ({row.source})"
            places.append((x300, middle, len(curves), text))
            if row.low == row.high:
                (dot,) = axes.plot([x300], [row.low], "D", ms=6, mfc=PANEL, mec=MUTED)
                mark(dot, key, len(curves), f"value{index}")
        axes.set_xlabel("1000 / T (1/K)")
        axes.set_ylabel("D (cm²/s)")
        if places or any(c.fit.band and c.fit.band.temperature_K for c in curves):
            _log(axes, "y")
        else:
            axes.set_yticks([])
        _bound(axes, curves, places)
        floor = axes.get_ylim()[0]
        for inverse, number, _ in missing:
            colour = SEQUENCE[curves[number].colour]
            (cross,) = axes.plot([inverse], [floor], "x", ms=7, mew=1.8, color=colour, clip_on=False)
            mark(cross, key, number, f"missing{round(inverse * 1000)}")
        axes.set_ylim(bottom=floor)
        _temperature_axis(axes)
        settle(figure)
        points = tuple(Point(*place(axes, x, y), number, text) for x, y, number, text in places)
        points += tuple(Point(*place(axes, x, floor), number, text) for x, number, text in missing)
        svg = to_svg(figure, key, _arrhenius_description(curves))
    series = [Series(curve.label, curve.colour, "marker", _barrier_text(curve.fit)) for curve in curves]
    if published:
        series.append(Series("literature", -1, "bar"))
    caption = (
        f"Tracer diffusivity{' in ' + where if where else ''} against inverse temperature. Bars: 95 % intervals; band: "
        "95 % of the fitted line. Hollow points were left out of the fit"
        + ("; a cross on the axis is a temperature without a result." if missing else ".")
        + (" Grey: published values, listed under Literature." if published else "")
    )
    columns = ("Series", "T (K)", "D", "In the fit")
    return Figure(key, "Arrhenius plot", caption, (View("", svg, points),), tuple(series), columns, tuple(rows))


def _bound(axes: Axes, curves: Sequence[ArrheniusCurve], places: Sequence[tuple[float, float, int, str]]) -> None:
    """Keep a wide band of an extrapolation from pressing the data together."""
    if not places:
        return
    values = [y for _, y, _, _ in places]
    for curve in curves:
        if curve.fit.band:
            values += curve.fit.band.value_cm2_s
    low, high = axes.get_ylim()
    low, high = max(low, min(values) / 100), min(high, max(values) * 100)
    while high < 100 * low:  # two decades at least, so that the scale can be read
        low, high = low / 1.1, high * 1.1
    axes.set_ylim(low, high)


def _temperature_axis(axes: Axes) -> None:
    """Put the temperature in kelvin on the upper edge."""
    left, right = axes.get_xlim()
    hottest, coldest = 1000 / max(left, 0.05), 1000 / right
    steps = (1600, 1400, 1200, 1100, 1000, 900, 800, 700, 600, 500, 450, 400, 350, 300, 250)
    chosen: list[int] = []
    for T in steps:
        apart = not chosen or abs(1000 / T - 1000 / chosen[-1]) > 0.11 * (right - left)
        if coldest <= T <= hottest and apart:
            chosen.append(T)
    top = axes.secondary_xaxis("top")
    top.set_xticks([1000 / T for T in chosen], [f"{T} K" for T in chosen])
    top.minorticks_off()
    top.spines["top"].set_visible(False)


def _barrier_text(fit: Arrhenius) -> str:
    if fit.activation_energy is None or fit.activation_energy.value is None:
        return "no fit"
    doubt = "" if fit.activation_energy.converged else ", not converged"
    return f"Eₐ = {quantity_text(fit.activation_energy)}{doubt}"


def _arrhenius_description(curves: Sequence[ArrheniusCurve]) -> str:
    parts = [
        f"{curve.label} with {sum(p.used for p in curve.fit.points)} of {len(curve.fit.points)} temperatures in the "
        f"fit, {_barrier_text(curve.fit)}"
        for curve in curves
    ]
    return "Diffusivity against inverse temperature: " + "; ".join(parts)


def thermo_figure(key: str, runs: Sequence[Run], where: str = "") -> Figure | None:
    """Draw temperature, pressure, energy and volume of the runs against time, or None where nothing was kept."""
    rows = [
        ("temperature_K", "T (K)"),
        ("pressure_GPa", "p (GPa)"),
        ("energy_eV_atom", "E (eV/atom)"),
        ("volume_A3", "V (Å³)"),
    ]
    rows = [row for row in rows if any(getattr(run.thermo, row[0]) for run in runs)]
    shown = [run for run in runs if run.thermo.time_ps]
    if not rows or not shown:
        return None
    colours = spread(len(shown))
    with canvas(height_in=1.25 * len(rows) + 0.6) as figure:
        panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, label) in zip(panels, rows, strict=True):
            for number, run in enumerate(shown):
                values = getattr(run.thermo, name)
                keep = thin(len(values))
                if keep:
                    x, y = [run.thermo.time_ps[i] for i in keep], [values[i] for i in keep]
                    mark(axes.plot(x, y, color=SEQUENCE[colours[number]], lw=1.0)[0], key, number, name)
            axes.set_ylabel(label, fontsize=9.5)
            axes.tick_params(labelsize=9)
            axes.ticklabel_format(useOffset=False, style="plain")
        panels[-1].set_xlabel("time (ps)")
        svg = to_svg(figure, key, f"Temperature, pressure, energy and volume against time, {len(shown)} runs")
    series = tuple(Series(f"{run.temperature_K:g} K", colour) for run, colour in zip(shown, colours, strict=True))
    caption = f"Course of the production runs{' of ' + where if where else ''}, as the engine printed it."
    return Figure(key, "Course of the runs", caption, (View("", svg),), series)
