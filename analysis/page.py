"""One self-contained HTML page for an analysis: numbers, figures, warnings, and how they were had."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from ..files import write_text
from ..quantity import Quantity, format_value

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0
1rem;color:#1a1a1a} table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem
.7rem;border-bottom:1px solid #ddd}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}.no{color:#a33}img{max-width:100%;height:auto}
li{margin:.3rem 0}small{color:#555}"""


def write_page(
    path: Path,
    *,
    title: str,
    quantities: Sequence[Quantity],
    figures: Sequence[Path] = (),
    warnings: Sequence[str] = (),
    explanation: str = "",
    inputs: Sequence[str] = (),
) -> Path:
    """Write the page atomically.

    Parameters
    ----------
    path
        HTML file.
    title
        Heading.
    quantities
        Rows of the table; their warnings follow below it.
    figures
        PNG files, put inside the page.
    warnings
        Further sentences.
    explanation
        Paragraphs separated by empty lines.
    inputs
        Names of the files that were read.
    """
    rows = "\n".join(_row(item) for item in quantities)
    said = dict.fromkeys((*warnings, *(f"{_subject(item)}: {text}" for item in quantities for text in item.warnings)))
    pictures = "\n".join(
        f'<p><img alt="{html.escape(figure.stem)}" src="data:image/png;base64,'
        f'{base64.b64encode(figure.read_bytes()).decode()}"></p>'
        for figure in figures
    )
    from .. import __version__

    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{html.escape(title)}</h1>
<p><small>anodeflow {html.escape(__version__)}; {html.escape(", ".join(inputs))}</small></p>
<table><thead><tr><th>quantity</th><th>value</th><th>95 %
interval</th><th>unit</th><th>method</th></tr></thead> <tbody>
{rows}
</tbody></table>
{_list("Warnings", tuple(said))}
{pictures}
{"".join(f"<p>{html.escape(part)}</p>" for part in explanation.split(chr(10) * 2) if part)}
</body></html>
"""
    return write_text(path, text)


def _subject(item: Quantity) -> str:
    return item.name.replace("_", " ") + (f" of {item.species}" if item.species else "")


def _row(item: Quantity) -> str:
    value = format_value(item.value, item.uncertainty) if item.value is not None else "not converged"
    interval = f"{item.interval95[0]:.4g} to {item.interval95[1]:.4g}" if item.interval95 else "–"
    kind = "n" if item.converged else "n no"
    return (
        f'<tr><td>{html.escape(_subject(item))}</td><td class="{kind}">{html.escape(value)}</td>'
        f'<td class="n">{interval}</td><td>{html.escape(item.unit)}</td>'
        f"<td><small>{html.escape(item.method)}</small></td></tr>"
    )


def _list(heading: str, items: tuple[str, ...]) -> str:
    if not items:
        return ""
    return f"<h2>{heading}</h2><ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>"
