"""A matplotlib figure as SVG that a page can theme: text stays text, colours become CSS variables.

Plots are drawn in a fixed light palette. Each colour of the palette stands for one CSS variable of the page and is
replaced by ``var(--name)`` in the SVG, so that the same drawing follows the light, dark and print themes.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

INK, MUTED, RULE, PANEL = "#1e2227", "#666d76", "#dedcd6", "#fffffd"
SEQUENCE = ("#2b5fa8", "#5b57ad", "#8a4ea6", "#b24590", "#cb4a6b", "#d35f3f", "#c07c12")
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PANEL: "--panel",
    **{colour: f"--s{index}" for index, colour in enumerate(SEQUENCE)},
}
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "text.color": INK,
    "axes.unicode_minus": True,
    "mathtext.default": "regular",
}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Point:
    """A data point for the reader's pointer: place in the SVG's own coordinates, its series, what to say."""

    x: float
    y: float
    series: int
    text: str


@dataclass(frozen=True)
class View:
    """One drawing of a figure, such as its linear or its logarithmic form."""

    label: str
    svg: str
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Series:
    """An entry of the legend; `style` is ``line``, ``dashed``, ``marker`` or ``hollow``."""

    label: str
    colour: int
    style: str = "line"
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure of the page with everything that makes it readable without seeing it.

    Attributes
    ----------
    key
        Unique in the page, letters, digits and hyphens.
    title, caption
        Short heading, and the sentences under the figure.
    views
        One or more drawings of the same data; the first is shown first and printed.
    series
        Legend.
    columns, rows
        The numbers behind the figure as a table of text.
    """

    key: str
    title: str
    caption: str
    views: tuple[View, ...]
    series: tuple[Series, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def power_of_ten(value: float, position: int | None = None) -> str:
    """Return a tick label such as ``10⁻⁵`` (or ``1``, ``10``) as plain text."""
    from math import isclose, log10

    if value <= 0:
        return ""
    exponent = round(log10(value))
    if not isclose(value, 10.0**exponent, rel_tol=1e-6):
        return ""
    return {0: "1", 1: "10"}.get(exponent, "10" + str(exponent).translate(_SUPERSCRIPT))


@contextmanager
def canvas(width_in: float = 6.2, height_in: float = 4.2) -> Iterator[Canvas]:
    """Give an empty figure in the page's style; 72 dots an inch, so that pixels are SVG units."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(_STYLE):  # type: ignore[arg-type] # rc keys are Literal in newer stubs
        figure = Canvas(figsize=(width_in, height_in), dpi=72, layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


def settle(figure: Canvas) -> None:
    """Lay a figure out once and for all, so that `place` is right and saving does not do it again."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def mark(artist: Artist, key: str, series: int, part: str) -> None:
    """Give an artist the identity by which the page shows and hides its series."""
    artist.set_gid(f"{key}_series{series}_{part}")


def place(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Return the SVG coordinates of a data point; the figure must have been laid out."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    height = figure.get_figheight() * 72
    across, up = axes.transData.transform((x, y))
    return round(float(across), 1), round(height - float(up), 1)


def to_svg(figure: Canvas, key: str, description: str) -> str:
    """Return the SVG element of a figure for the inside of a page.

    Parameters
    ----------
    figure
        From `canvas`, or any matplotlib figure (then with its own colours).
    key
        Prefix that keeps the identities inside the SVG unique in the page.
    description
        Sentence for readers who do not see the figure.
    """
    import matplotlib as mpl

    from .markup import escape

    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)  # it would rule the page
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', text))
    series = re.escape(key) + r"_series(\d+)_\w+"
    for name in ids:
        found = re.fullmatch(series, name)
        if found:
            text = text.replace(f'id="{name}"', f'data-series="{found.group(1)}"')
        elif name not in used:
            text = text.replace(f' id="{name}"', "")
        elif not name.startswith(key):
            text = re.sub(rf'(id="|xlink:href="#|url\(#){re.escape(name)}(?=["\)])', rf"\g<1>{key}-{name}", text)
    for colour, variable in _VARIABLES.items():
        text = re.sub(rf"\b(stroke|fill): {colour}", rf"\1: {colour}; \1: var({variable})", text)
    box = re.search(r'viewBox="([^"]+)"', text)
    assert box is not None
    head = (
        f'<svg viewBox="{box.group(1)}" role="img" aria-label="{escape(description)}" class="plot" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    text = re.sub(r"^<svg[^>]*>", head, text)
    text = re.sub(r"(-?\d+\.\d\d)\d+", r"\1", text)  # a hundredth of a point is enough
    return re.sub(r"\n\s*", "\n", text).strip()


def pictured(picture: bytes, key: str, title: str, caption: str) -> Figure:
    """Take a PNG into a page.

    Parameters
    ----------
    picture
        Content of the PNG file.
    key, title, caption
        As for `drawn`.
    """
    from .markup import escape

    source = base64.b64encode(picture).decode()
    image = f'<img class="plot" alt="{escape(caption or title)}" src="data:image/png;base64,{source}">'
    return Figure(key, title, caption, (View("", image),))


def drawn(figure: Canvas, key: str, title: str, caption: str) -> Figure:
    """Take a matplotlib figure of any kind into a page, in its own colours.

    Parameters
    ----------
    figure
        Drawn, with its own size.
    key
        Unique in the page, letters, digits and hyphens.
    title, caption
        Short heading, and the sentences under the figure; the caption also describes it to those who do not see it.
    """
    return Figure(key, title, caption, (View("", to_svg(figure, key, caption)),))
