"""Small pieces of HTML: escaping, numbers, units, tables."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence

from ...quantity import Quantity, format_value

NOT_BREAKING = "\N{NO-BREAK SPACE}"
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_NAMES = {
    "tracer_diffusivity": "tracer diffusivity",
    "activation_energy": "activation energy",
    "diffusion_prefactor": "diffusion prefactor",
    "volume_per_host_atom": "volume per host atom",
    "prefactor": "diffusion prefactor",
    "cell_a": "cell length a",
    "cell_b": "cell length b",
    "cell_c": "cell length c",
}
_UNITS = {"A": "Å", "A^2": "Å²", "A^3": "Å³", "cm^2/s": "cm²/s", "g/cm^3": "g/cm³", "1": "", "K": "K"}


def subscripted(text: str, formula: str) -> str:
    """Return text with the digits of a chemical formula set as subscripts: ``c-Li₁₅Si₄``."""
    if not formula or not any(part.isdigit() for part in formula):
        return text
    pretty = re.sub(r"(?<=[A-Za-z)])[\d.]+", lambda found: found.group().translate(_SUBSCRIPT), formula)
    return re.sub(rf"(?<![A-Za-z\d]){re.escape(formula)}(?![A-Za-z\d])", pretty, text)


def escape(text: object) -> str:
    """Return text with the characters that mean something in HTML replaced."""
    return html.escape(str(text), quote=True)


def unit_text(unit: str) -> str:
    """Return a unit as it is printed: ``cm²/s``, ``Å³``; empty for a pure number."""
    if unit in _UNITS:
        return _UNITS[unit]
    unit = unit.replace("^2", "²").replace("^3", "³").replace("^-1", "⁻¹")
    return re.sub(r"\bA(?=[²³/ ]|$)", "Å", unit)


def name_text(name: str) -> str:
    """Return the name of a quantity in words."""
    return _NAMES.get(name, name.replace("_", " "))


def number_text(value: float | None, uncertainty: float | None = None) -> str:
    """Return a number as plain text with a real minus and a power of ten."""
    text = format_value(value, uncertainty).replace(" ", NOT_BREAKING)
    text = re.sub(r"(?<![\w])-(?=[\d.])", "−", text)

    def power(found: re.Match[str]) -> str:
        exponent = str(int(found.group(1))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{NOT_BREAKING}×{NOT_BREAKING}10{exponent}"

    return re.sub(r"e([+-]?\d+)$", power, text)


def quantity_text(quantity: Quantity, *, unit: bool = True) -> str:
    """Return value, error and unit as plain text; *no result* where there is none.

    Without an error five digits are shown. Where the 95 % interval is far from symmetric, ± would mislead: then the
    value stands with two digits, and the interval, which every table shows, says how sure it is.
    """
    if quantity.value is None:
        return "no result"
    text = number_text(quantity.value, quantity.uncertainty)
    if _lopsided(quantity):
        text = number_text(float(f"{quantity.value:.2g}"))
    elif quantity.uncertainty is None:
        text = number_text(float(f"{quantity.value:.5g}"))
    suffix = unit_text(quantity.unit)
    if not unit or not suffix:
        return text
    if "±" in text and "(" not in text:
        text = f"({text})"
    return f"{text}{NOT_BREAKING}{suffix}"


def _lopsided(quantity: Quantity) -> bool:
    """Whether the 95 % interval reaches more than twice as far to one side of the value as to the other."""
    if quantity.interval95 is None or quantity.value is None:
        return False
    below, above = quantity.value - quantity.interval95[0], quantity.interval95[1] - quantity.value
    return max(below, above) > 2 * max(min(below, above), 0.0)


def quantity_html(quantity: Quantity, key: str, *, unit: bool = True) -> str:
    """Return value and error as a ``<data>`` element that carries the exact number and its place in the results."""
    text = escape(quantity_text(quantity, unit=unit))
    if quantity.value is None:
        return f'<span class="none" data-of="{escape(key)}">{text}</span>'
    doubt = "" if quantity.converged else ' <span class="none">(not converged)</span>'
    return f'<data value="{float(quantity.value)!r}" data-of="{escape(key)}">{text}</data>{doubt}'


def interval_text(quantity: Quantity) -> str:
    """Return the 95 % interval as plain text, or a dash."""
    from ..literature import interval95

    interval = interval95(quantity)
    if interval is None or quantity.value is None:
        return "–"
    low, high = interval
    largest, width = max(abs(low), abs(high)), high - low
    if 1e-3 <= largest < 1e5 and width > 0 and not (low > 0 and high > 10 * low):
        decimals = min(max(0, 1 - math.floor(math.log10(width))), 6)
        return " to ".join(f"{end:.{decimals}f}".replace("-", "−") for end in interval)
    return " to ".join(number_text(float(f"{end:.3g}")) for end in interval)


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric: Sequence[int] = (),
) -> str:
    """Return a table that scrolls by itself on a narrow screen.

    Parameters
    ----------
    caption
        Plain text.
    columns
        Headings, plain text.
    rows
        Cells as HTML; the first cell of a row is its heading.
    numeric
        Columns to be set right-aligned with figures of one width.
    """
    head = "".join(
        f'<th scope="col"{" class=num" if i in numeric else ""}>{escape(c)}</th>' for i, c in enumerate(columns)
    )
    body = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            kind = ' class="num"' if i in numeric else ""
            cells.append(f'<th scope="row"{kind}>{cell}</th>' if i == 0 else f"<td{kind}>{cell}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def stacked_table(
    caption: str,
    columns: Sequence[str],
    groups: Iterable[tuple[str, Sequence[Sequence[str]]]],
    *,
    numeric: Sequence[int] = (),
) -> str:
    """Return a table with titled groups of rows, whose rows become small cards on a narrow screen.

    The roles are written out because a browser forgets them when a style sheet stacks the cells.

    Parameters
    ----------
    caption, columns, numeric
        As for `table`.
    groups
        Title of a group (empty for none), and its rows of cells as HTML. Empty cells and dashes are left out of
        the cards.
    """
    kinds = [' class="num"' if i in numeric else "" for i in range(len(columns))]
    head = "".join(
        f'<th scope="col" role="columnheader"{kind}>{escape(name)}</th>'
        for name, kind in zip(columns, kinds, strict=True)
    )
    bodies = []
    for title, rows in groups:
        lines = []
        if title:
            lines.append(
                f'<tr class="group" role="row"><th colspan="{len(columns)}" scope="rowgroup" role="rowheader">'
                f"{escape(title)}</th></tr>"
            )
        for row in rows:
            cells = [f'<th scope="row" role="rowheader"{kinds[0]}>{row[0]}</th>']
            for i, cell in enumerate(row[1:], start=1):
                kind = (["num"] if i in numeric else []) + (["bare"] if cell in ("", "–") else [])
                marked = f' class="{" ".join(kind)}"' if kind else ""
                cells.append(f'<td role="cell" data-label="{escape(columns[i])}"{marked}>{cell}</td>')
            lines.append(f'<tr role="row">{"".join(cells)}</tr>')
        bodies.append(f'<tbody role="rowgroup">{"".join(lines)}</tbody>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="wide" role="table"><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f"{''.join(bodies)}</table></div>"
    )


def sentence(text: str) -> str:
    """Return a warning as a sentence: a capital where it begins with a word, a full stop, real minus signs."""
    text = re.sub(r"(?<![\w])-(?=[\d.])", "−", text.strip())
    if re.match(r"[a-z]{2,}\b", text):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def duration_text(seconds: float | None) -> str:
    """Return a time span in the two largest units that matter."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def joined(items: Sequence[str], word: str = "and") -> str:
    """Return ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"
