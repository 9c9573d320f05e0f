"""A plot of any curves with their errors, beside published values."""

from __future__ import annotations

from bisect import bisect_right

from .document import Curve, Plot
from .markup import number_text
from .plots import spread, thin
from .svg import MUTED, SEQUENCE, Figure, Point, Series, View, canvas, mark, place, settle, to_svg

_MARKER = {"points": "o", "line": "None", "steps": "None"}


def curves_figure(key: str, plot: Plot) -> Figure:
    """Draw a plot of the results.

    Parameters
    ----------
    key
        Identity of the figure in the page.
    plot
        Curves; a point without a number is left out. Published values are grey bands.
    """
    own = [number for number, curve in enumerate(plot.curves) if number == 0 or not curve.as_before]
    of_own = spread(max(1, len(own)))
    colours = [of_own[bisect_right(own, number) - 1] for number in range(len(plot.curves))]
    places: list[tuple[float, float, int, str]] = []
    rows: list[tuple[str, ...]] = []
    with canvas() as figure:
        axes = figure.subplots()
        for number, (curve, entry) in enumerate(zip(plot.curves, colours, strict=True)):
            kept = _numbers(curve, positive=plot.log_y)
            x, y, errors = [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept]
            colour = SEQUENCE[entry]
            if curve.style == "steps":
                mark(axes.step(x, y, where="post", color=colour, lw=1.5)[0], key, number, "line")
            else:
                width = 1.5 if curve.style == "line" else 0.7
                line = axes.plot(
                    x, y, marker=_MARKER[curve.style], ls="" if curve.slope else "-", color=colour, lw=width, ms=5.5
                )[0]
                mark(line, key, number, "line")
            for index, (px, py, error) in enumerate(zip(x, y, errors, strict=True)):
                if error:
                    low = max(py - error, py / 10) if plot.log_y else py - error
                    mark(axes.plot([px, px], [low, py + error], color=colour, lw=1.0)[0], key, number, f"bar{index}")
            if curve.slope:
                half = 0.04 * (max(x, default=0.0) - min(x, default=0.0))
                for index, (at, height, slope) in enumerate(zip(curve.x, curve.y, curve.slope, strict=True)):
                    if at is not None and height is not None:
                        ends = [at - half, at + half], [height - half * slope, height + half * slope]
                        mark(axes.plot(*ends, color=colour, lw=2.5, alpha=0.4)[0], key, number, f"tangent{index}")
            for i in thin(len(kept)):
                said = number_text(float(f"{y[i]:.5g}"), errors[i])
                places.append((x[i], y[i], number, f"{curve.label}: {number_text(float(f'{x[i]:.4g}'))}, {said}"))
            rows += [
                (curve.label, number_text(float(f"{x[i]:.4g}")), number_text(float(f"{y[i]:.5g}"), errors[i]))
                for i in thin(len(kept), 24)
            ]
        for index, band in enumerate(plot.published):
            number = len(plot.curves) + index
            if band.low == band.high:
                mark(axes.axhline(band.low, color=MUTED, lw=1.4, ls=(0, (5, 3))), key, number, "value")
            else:
                mark(axes.axhspan(band.low, band.high, color=MUTED, alpha=0.2, lw=0), key, number, "range")
        axes.set_xlabel(plot.x_label)
        axes.set_ylabel(plot.y_label)
        if plot.log_y and places:
            axes.set_yscale("log")
        settle(figure)
        points = tuple(Point(*place(axes, x, y), number, text) for x, y, number, text in places)
        svg = to_svg(figure, key, f"{plot.y_label} against {plot.x_label}: {plot.title}")
    series = [
        Series(curve.label, colour, "marker" if curve.style == "points" else "line")
        for curve, colour in zip(plot.curves, colours, strict=True)
    ]
    series += [Series(band.label, -1, "bar") for band in plot.published]
    columns = ("Series", plot.x_label, plot.y_label)
    return Figure(key, plot.title, plot.caption, (View("", svg, points),), tuple(series), columns, tuple(rows))


def _numbers(curve: Curve, *, positive: bool) -> list[tuple[float, float, float | None]]:
    errors = curve.error or [None] * len(curve.x)
    return [
        (x, y, error)
        for x, y, error in zip(curve.x, curve.y, errors, strict=True)
        if x is not None and y is not None and (y > 0 or not positive)
    ]
