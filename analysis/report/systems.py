"""The part of one system: structure, figures, and every quantity beside its published values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ...quantity import Quantity
from .cells import published_html, value_html, verdict_html
from .document import Results, System
from .findings import arrhenius_points, brief
from .markup import escape, interval_text, name_text, number_text, sentence, stacked_table, subscripted
from .page import figure_html
from .plots import ArrheniusCurve, arrhenius_figure, msd_figure, spread, thermo_figure
from .quantities import Comparison, Located, of_system
from .svg import Figure
from .viewer import structure_html


def system_section(results: Results, index: int, compared: Sequence[Comparison]) -> str:
    """Return the structure, the figures and the table of quantities of one system."""
    system = results.systems[index]
    key = f"system{index}"
    intro = f"<p>{escape(subscripted(system.description, system.formula))}</p>" if system.description else ""
    if system.evidence:
        cited = f" ({escape(system.evidence.citation)})" if system.evidence.citation else ""
        intro += (
            f'<p>Starting structure: evidence class <span class="tag">{escape(system.evidence.grade)}</span>, '
            f"{escape(system.evidence.meaning)}{cited}.</p>"
        )
    figures = [structure_html(system, f"{key}-structure")]
    figures += [figure_html(figure) for figure in _figures(system, key, compared)]
    course = thermo_figure(f"{key}-thermo", system.runs, system.label)
    details = ""
    if course is not None:
        details = (
            "<details><summary>Temperature, pressure and energy during the runs</summary>"
            f'<div class="pair">{figure_html(course)}</div></details>'
        )
    own = [c for c in compared if c.located.system == system.name]
    located = [(one.group, one) for one in of_system(results, index)]
    quantities = quantity_table(f"All quantities of {system.label}", f"note{index}", located, own)
    return f'{intro}<div class="pair">{"".join(figures)}</div>{details}{quantities}'


def _figures(system: System, key: str, compared: Sequence[Comparison]) -> list[Figure]:
    figures = []
    fits = arrhenius_points(system)
    if fits:
        published = list(
            {
                id(c.published): c.published
                for c in compared
                if c.located.system == system.name and c.published.quantity == "tracer_diffusivity"
            }.values()
        )
        curves = [
            ArrheniusCurve(species, fit, colour)
            for (species, fit), colour in zip(fits.items(), spread(len(fits)), strict=True)
        ]
        figures.append(arrhenius_figure(f"{key}-arrhenius", curves, published, system.label))
    species = sorted({name for run in system.runs for name in run.msd}, key=lambda name: (name not in fits, name))
    for name in species:
        curves_of = {_label(system, i): run.msd[name] for i, run in enumerate(system.runs) if name in run.msd}
        figures.append(msd_figure(f"{key}-msd-{name}", name, curves_of, system.label))
    return figures


def _label(system: System, index: int) -> str:
    """Return the temperature of a run, with the job's name where two runs share it."""
    run = system.runs[index]
    same = [other for other in system.runs if other.temperature_K == run.temperature_K]
    return f"{run.temperature_K:g} K" if len(same) == 1 else f"{run.temperature_K:g} K ({run.job or index + 1})"


def quantity_table(
    caption: str, key: str, located: Sequence[tuple[str, Located]], compared: Iterable[Comparison]
) -> str:
    """Return a table of quantities beside their published values.

    Parameters
    ----------
    caption
        Of the table.
    key
        Unique in the page, for the notes under it.
    located
        Heading that it stands under, and the quantity, in order.
    compared
        Comparisons of these quantities.
    """
    by_path: dict[str, list[Comparison]] = {}
    for comparison in compared:
        by_path.setdefault(comparison.located.path, []).append(comparison)
    groups: dict[str, list[list[str]]] = {}
    times = Counter(one.quantity.method for _, one in located)
    notes = [method for method, count in times.items() if method and count > 2]
    for heading, one in located:
        quantity = one.quantity
        species = f" of {escape(quantity.species)}" if quantity.species else ""
        method = f"<small>{escape(quantity.method)}</small>" if quantity.method else ""
        if quantity.method in notes:
            number = notes.index(quantity.method) + 1
            method = f' <sup><a href="#{key}-{number}" aria-label="method {number}">{number}</a></sup>'
        reason = "" if quantity.value is not None else f"<small>{escape(_reasons(quantity))}</small>"
        groups.setdefault(heading, []).append(
            [
                f"{escape(name_text(quantity.name))}{species}{method}",
                value_html(one),
                interval_text(quantity),
                "–" if quantity.n_effective is None else number_text(float(f"{quantity.n_effective:.3g}")),
                reason + _beside(by_path.get(one.path, [])),
            ]
        )
    if not groups:
        return ""
    columns = ("Quantity", "Value ± error", "95 % interval", "Samples", "Literature and remarks")
    listed = "".join(f'<li id="{key}-{i}">{escape(sentence(note))}</li>' for i, note in enumerate(notes, start=1))
    below = f'<ol class="notes">{listed}</ol>' if listed else ""
    return stacked_table(caption, columns, list(groups.items()), numeric=(1, 2, 3)) + below


def _reasons(quantity: Quantity) -> str:
    return " ".join(sentence(brief(warning)) for warning in quantity.warnings)


def _beside(compared: Sequence[Comparison]) -> str:
    if not compared:
        return ""
    lines = []
    for comparison in compared[:3]:
        row = comparison.published
        lines.append(
            f"{published_html(row)} <small>{verdict_html(comparison)}: {escape(comparison.verdict.reason)}. "
            f"{escape(row.source)}</small>"
        )
    if len(compared) > 3:
        lines.append(f'<small><a href="#literature">{len(compared) - 3} more</a></small>')
    return "".join(f'<div class="beside">{line}</div>' for line in lines)
