"""The part of one section of a campaign: its plots, an overview with a row a group, and every quantity."""

from __future__ import annotations

from collections.abc import Sequence

from .cells import value_html
from .curves import curves_figure
from .document import PartTable, Results, System
from .markup import escape, name_text, number_text, sentence, table
from .page import figure_html
from .quantities import Comparison, of_part
from .systems import quantity_table
from .viewer import structure_html


def part_section(results: Results, index: int, compared: Sequence[Comparison]) -> str:
    """Return the plots and tables of one part."""
    part = results.parts[index]
    warned = "".join(f"<li>{escape(sentence(text))}</li>" for text in part.warnings)
    body = f'<div class="cautions"><ul>{warned}</ul></div>' if warned else ""
    body += _overview(results, index)
    body += "".join(_table(one) for one in part.tables)
    figures = [figure_html(curves_figure(f"{part.key}-{plot.key}", plot)) for plot in part.plots]
    figures += [
        structure_html(System(name=drawing.label, structure=drawing.structure), f"{part.key}-drawing{number}")
        for number, drawing in enumerate(part.drawings)
    ]
    if figures:
        body += f'<div class="pair">{"".join(figures)}</div>'
    own = list(of_part(results, index))
    paths = {located.path for located in own}
    beside = [comparison for comparison in compared if comparison.located.path in paths]
    groups = [(located.label, located) for located in own]
    return body + quantity_table(f"All quantities: {part.title}", f"part{index}", groups, beside)


def _table(given: PartTable) -> str:
    numbers = [
        k
        for k in range(len(given.columns))
        if given.rows and all(isinstance(row[k], int | float | None) for row in given.rows)
    ]
    rows = [[escape(cell) if isinstance(cell, str) else number_text(cell) for cell in row] for row in given.rows]
    return table(given.title, given.columns, rows, numeric=tuple(numbers))


def _overview(results: Results, index: int) -> str:
    part = results.parts[index]
    if not part.overview:
        return ""
    own = list(of_part(results, index))
    rows = []
    for label in dict.fromkeys(group.label for group in part.groups):
        first = {located.quantity.name: located for located in reversed(own) if located.label == label}
        if any(name in first for name in part.overview):
            cells = [value_html(first[name]) if name in first else "–" for name in part.overview]
            rows.append([escape(label), *cells])
    columns = ("", *(name_text(name) for name in part.overview))
    return table(f"{part.title}: overview", columns, rows, numeric=tuple(range(1, len(columns))))
