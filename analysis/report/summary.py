"""The first part of the report: asked, found, not converged, and the few numbers that people look for first."""

from __future__ import annotations

from collections.abc import Sequence

from .cells import published_html, value_html, verdict_html
from .document import Results
from .findings import arrhenius_points, asked, cautions, diffusivities, doubts, found, gaps
from .markup import escape, name_text
from .page import figure_html
from .plots import ArrheniusCurve, arrhenius_figure, spread
from .quantities import Comparison, in_sentence, of_system


def summary(results: Results, compared: Sequence[Comparison]) -> str:
    """Return what was asked, what was found, and what did not converge and why."""
    answers = ""
    for finding in found(results):
        own = [
            c
            for c in compared
            if finding.system in (c.located.system, c.located.label) and c.verdict.word != "cannot be compared"
        ]
        verdicts = "".join(f"<li>{_verdict_sentence(comparison)}</li>" for comparison in own)
        answers += (
            f'<div class="found"><h4>{escape(finding.label)}</h4><p>{" ".join(finding.sentences)}</p>'
            + (f"<ul>{verdicts}</ul>" if verdicts else "")
            + "</div>"
        )
    plot, glance = comparison_figure(results), _glance(results) + _cautions(results)
    answers = answers or "<p>No quantity has a value yet.</p>"
    question = "".join(f"<p>{text}</p>" for text in asked(results))
    return (
        f'<div class="columns"><div><h3>What was asked</h3><div class="lead">{question}</div>'
        f"<h3>What was found</h3>{answers}{plot}</div><div>{_missing(results)}{glance}</div></div>"
    )


def _verdict_sentence(comparison: Comparison) -> str:
    quantity, row = comparison.located.quantity, comparison.published
    species = f" of {quantity.species}" if quantity.species else ""
    what = f"The {name_text(quantity.name)}{species} ({in_sentence(comparison.located)})"
    where = "with" if comparison.verdict.word == "agrees" else "from"
    return (
        f"{escape(what)} {verdict_html(comparison)} {where} {published_html(row)}, {escape(row.source)}: "
        f"{escape(comparison.verdict.reason)}."
    )


def _missing(results: Results) -> str:
    missing = gaps(results)
    doubtful = "".join(f"<p>{escape(text)}</p>" for text in doubts(results))
    if doubtful:
        doubtful = f"<h3>What casts doubt on it</h3>{doubtful}"
    if missing:
        items = "".join(
            f"<li>{escape(gap.what)}"
            + (f"<ul>{''.join(f'<li>{escape(r)}</li>' for r in gap.reasons)}</ul>" if gap.reasons else "")
            + "</li>"
            for gap in missing
        )
        text = f'<div class="gaps">{doubtful}<h3>What did not converge, and why</h3><ul>{items}</ul></div>'
    else:
        everything = "<p>Everything asked for has a number.</p>"
        good = "" if doubtful else " none-missing"
        text = f'<div class="gaps{good}">{doubtful}<h3>What did not converge</h3>{everything}</div>'
    return text


def _cautions(results: Results) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in cautions(results))
    return f'<div class="cautions"><h3>To keep in mind</h3><ul>{items}</ul></div>' if items else ""


def _glance(results: Results) -> str:
    """Return the few numbers of each system that people look for first."""
    body = []
    for index, system in enumerate(results.systems):
        own = list(of_system(results, index))
        for species in list(system.arrhenius) or sorted({name for run in system.runs for name in run.msd}):
            every = diffusivities(own, species)
            good = [located for located in every if located.quantity.value is not None]
            if not good:
                continue
            base = f"systems.{index}.arrhenius.{species}."
            fitted = {x.path.removeprefix(base): x for x in own if x.path.startswith(base)}
            lines = [
                (f"D at {good[-1].group}", value_html(good[-1])),
                ("activation energy", value_html(fitted.get("activation_energy"))),
                ("D at 300 K, extrapolated", value_html(fitted.get("at_300K"))),
            ]
            body.append(
                f'<tbody><tr class="group"><th colspan="2" scope="rowgroup">{escape(species)} in '
                f'<span class="whole">{escape(system.label)}</span></th></tr>'
                + "".join(
                    f'<tr><th scope="row">{escape(name)}</th><td class="num">{value}</td></tr>' for name, value in lines
                )
                + "</tbody>"
            )
    if not body:
        return ""
    caption = "At a glance, with one standard error"
    return f'<div class="scroll"><table><caption>{caption}</caption>{"".join(body)}</table></div>'


def comparison_figure(results: Results) -> str:
    """Return one Arrhenius plot of all systems and elements that have a fit, or nothing for a single one."""
    fits = [(s, species, fit) for s in results.systems for species, fit in arrhenius_points(s).items()]
    if len(fits) < 2:
        return ""
    colours = spread(len(fits))
    curves = [
        ArrheniusCurve(f"{species} in {s.label}", fit, colour)
        for (s, species, fit), colour in zip(fits, colours, strict=True)
    ]
    return figure_html(arrhenius_figure("all-arrhenius", curves))
