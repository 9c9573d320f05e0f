"""The compact page of one analysis, from the pieces of the campaign report."""

from __future__ import annotations

from collections.abc import Sequence

from .document import Results
from .markup import escape, interval_text, joined, name_text, number_text, quantity_html, sentence, table
from .page import Section, figure_html, page
from .quantities import comparisons
from .sections import citations, literature, provenance
from .svg import Figure


def analysis_html(results: Results, figures: Sequence[Figure], title: str, explanation: str = "") -> str:
    """Return the page: what did not converge, the quantities, the figures, how they were had and from what.

    Parameters
    ----------
    results
        Quantities, warnings and inputs; no systems.
    figures
        In the order to show them.
    title
        Heading.
    explanation
        Paragraphs on the method, separated by empty lines.
    """
    compared = comparisons(results)
    parts = [
        Section("results", "Results", _lead(results) + _quantities(results)),
        Section("figures", "Figures", _figures(figures)),
        Section("literature", "Literature", literature(results, compared) if compared else ""),
        Section("method", "Method", "".join(f"<p>{escape(p)}</p>" for p in explanation.split("\n\n") if p.strip())),
        Section("provenance", "Provenance", provenance(results)),
        Section("citations", "References", citations(results.citations)),
    ]
    footer = f"Written by anodeflow {escape(results.anodeflow)}; the files beside this page hold the numbers."
    return page(title, " ".join(["anodeflow", *results.command[1:3]]), [], parts, footer)


def _lead(results: Results) -> str:
    missing = [q for q in results.quantities if q.value is None or not q.converged]
    lines = []
    for quantity in missing:
        species = f" of {quantity.species}" if quantity.species else ""
        why = " ".join(quantity.warnings) or "No reason was given."
        lines.append(sentence(f"No usable {name_text(quantity.name)}{species}: {why}"))
    about: dict[str, dict[str, None]] = {}
    for quantity in results.quantities:
        if quantity not in missing:
            species = f" of {quantity.species}" if quantity.species else ""
            for warning in quantity.warnings:
                about.setdefault(warning, {})[name_text(quantity.name) + species] = None
    lines += [sentence(f"{joined(list(names))}: {warning}") for warning, names in about.items()]
    of_quantities = {warning for quantity in results.quantities for warning in quantity.warnings}
    lines += [sentence(warning) for warning in results.warnings if warning not in of_quantities]
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in dict.fromkeys(lines))
    heading = "What did not converge, and what to keep in mind" if missing else "To keep in mind"
    return f'<div class="gaps"><h3>{heading}</h3><ul>{items}</ul></div>'


def _quantities(results: Results) -> str:
    rows = []
    for index, quantity in enumerate(results.quantities):
        species = f" of {escape(quantity.species)}" if quantity.species else ""
        detail = joined([text for text in (quantity.method, quantity.source) if text], "from")
        rows.append(
            [
                f"{escape(name_text(quantity.name))}{species}<small>{escape(detail)}</small>",
                quantity_html(quantity, f"quantities.{index}"),
                interval_text(quantity),
                "–" if quantity.n_effective is None else number_text(float(f"{quantity.n_effective:.3g}")),
            ]
        )
    columns = ("Quantity", "Value ± standard error", "95 % interval", "Samples")
    return table("Quantities", columns, rows, numeric=(1, 2, 3)) if rows else ""


def _figures(figures: Sequence[Figure]) -> str:
    return f'<div class="pair">{"".join(figure_html(figure) for figure in figures)}</div>' if figures else ""
