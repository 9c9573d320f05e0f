"""The parts of a campaign report, each as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import yaml

from ...quantity import Quantity
from ..literature import LiteratureValue
from .document import Citation, Results, System
from .findings import arrhenius_points, asked, brief, cautions, diffusivities, doubts, found, gaps
from .markup import (
    NOT_BREAKING,
    duration_text,
    escape,
    interval_text,
    name_text,
    number_text,
    quantity_html,
    sentence,
    stacked_table,
    subscripted,
    table,
    unit_text,
)
from .page import figure_html
from .plots import ArrheniusCurve, arrhenius_figure, msd_figure, spread, thermo_figure
from .quantities import Comparison, Located, in_sentence, of_system, system_label
from .svg import Figure
from .viewer import structure_html

_CLASSES = {"agrees": "agrees", "differs": "differs", "cannot be compared": "cannot"}


def summary(results: Results, compared: Sequence[Comparison]) -> str:
    """Return what was asked, what was found, and what did not converge and why."""
    answers = ""
    for finding in found(results):
        own = [c for c in compared if c.located.system == finding.system and c.verdict.word != "cannot be compared"]
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
        f"{escape(what)} {verdict_html(comparison)} {where} {_published(row)}, {escape(row.source)}: "
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
                (f"D at {good[-1].group}", _value(good[-1])),
                ("activation energy", _value(fitted.get("activation_energy"))),
                ("D at 300 K, extrapolated", _value(fitted.get("at_300K"))),
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


def _value(located: Located | None) -> str:
    if located is None:
        return '<span class="none">none</span>'
    return quantity_html(located.quantity, located.path)


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
    return f'{intro}<div class="pair">{"".join(figures)}</div>{details}{_quantities(results, index, own)}'


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


def _quantities(results: Results, index: int, compared: Iterable[Comparison]) -> str:
    by_path: dict[str, list[Comparison]] = {}
    for comparison in compared:
        by_path.setdefault(comparison.located.path, []).append(comparison)
    groups: dict[str, list[list[str]]] = {}
    own = list(of_system(results, index))
    times = Counter(located.quantity.method for located in own)
    notes = [method for method, count in times.items() if method and count > 2]
    for located in own:
        quantity = located.quantity
        species = f" of {escape(quantity.species)}" if quantity.species else ""
        method = f"<small>{escape(quantity.method)}</small>" if quantity.method else ""
        if quantity.method in notes:
            number = notes.index(quantity.method) + 1
            method = f' <sup><a href="#note{index}-{number}" aria-label="method {number}">{number}</a></sup>'
        reason = "" if quantity.value is not None else f"<small>{escape(_reasons(quantity))}</small>"
        groups.setdefault(located.group, []).append(
            [
                f"{escape(name_text(quantity.name))}{species}{method}",
                _value(located),
                interval_text(quantity),
                "–" if quantity.n_effective is None else number_text(float(f"{quantity.n_effective:.3g}")),
                reason + _beside(by_path.get(located.path, [])),
            ]
        )
    if not groups:
        return ""
    columns = ("Quantity", "Value ± error", "95 % interval", "Samples", "Literature and remarks")
    caption = f"All quantities of {results.systems[index].label}"
    listed = "".join(f'<li id="note{index}-{i}">{escape(sentence(note))}</li>' for i, note in enumerate(notes, start=1))
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
            f"{_published(row)} <small>{verdict_html(comparison)}: {escape(comparison.verdict.reason)}. "
            f"{escape(row.source)}</small>"
        )
    if len(compared) > 3:
        lines.append(f'<small><a href="#literature">{len(compared) - 3} more</a></small>')
    return "".join(f'<div class="beside">{line}</div>' for line in lines)


def _published(row: LiteratureValue) -> str:
    text = number_text(row.low)
    if row.low != row.high:
        text += f" to {number_text(row.high)}"
    unit = unit_text(row.unit)
    return escape(f"{text}{NOT_BREAKING}{unit}" if unit else text)


def verdict_html(comparison: Comparison) -> str:
    """Return the verdict as a word with its mark."""
    word = comparison.verdict.word
    return f'<span class="verdict {_CLASSES[word]}">{word}</span>'


def literature(results: Results, compared: Sequence[Comparison]) -> str:
    """Return every published value for these systems beside the result that it belongs to."""
    if not compared:
        names = ", ".join(" ".join(system_label(system)) for system in results.systems)
        return f"<p>No published value is known to this version for {escape(names)}.</p>"
    rows = []
    for comparison in compared:
        row, located = comparison.published, comparison.located
        quantity = located.quantity
        species = f" of {escape(quantity.species)}" if quantity.species else ""
        where = f"{located.label}, {in_sentence(located)}" if located.system else located.group
        temperature = f"{row.temperature_K:g} K" if row.temperature_K is not None else ""
        how = "; ".join(part for part in (row.method, temperature) if part)
        note = f"<small>{escape(row.note)}</small>" if row.note else ""
        status = f' <span class="tag">{escape(row.status)}</span>' if row.status else ""
        related = "" if row.quantity == quantity.name else f"<small>{escape(name_text(row.quantity))}</small>"
        rows.append(
            [
                f"{escape(name_text(quantity.name))}{species}<small>{escape(where)}</small>",
                _value(located),
                f"{_published(row)}{related}<small>{escape(row.system)}</small>",
                f"{escape(how)}<small>{escape(row.source)}{status}</small>{note}",
                f"{verdict_html(comparison)}<small>{escape(comparison.verdict.reason)}</small>",
            ]
        )
    explanation = (
        "<p>A result agrees with a published value if its 95 % interval meets it. There is no verdict without an error "
        "bar, between different temperatures, between an extrapolation and a measurement, or for a value that is "
        "doubtful in its own source. Published values are marked as read in a publication (seen), remembered and "
        "still to be checked (recalled), calculated from other published numbers (computed), or printed in the 2026 "
        "review of alloy anodes (review).</p>"
    )
    columns = ("Quantity", "Here", "Published", "How and where", "Verdict")
    return explanation + stacked_table("Results beside published values", columns, [("", rows)])


def methods(results: Results) -> str:
    """Return the paragraph that a paper could take."""
    if not results.methods.strip():
        return ""
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in results.methods.strip().split("\n\n"))
    return (
        f'<div class="methods" id="methods-text">{paragraphs}</div>'
        '<p><button type="button" class="copy" data-from="methods-text">Copy the paragraph</button></p>'
    )


def model(results: Results) -> str:
    """Return the potential's card: validity, checks, known faults."""
    card = results.potential
    if card is None:
        return ""
    facts = _facts(
        [
            ("Model", f"<b>{escape(card.name)}</b>"),
            ("Kind", escape(card.kind)),
            ("Elements", escape(", ".join(card.elements))),
            ("Valid for", escape(card.validity)),
            ("Citation", escape(card.citation)),
            ("Licence", escape(card.licence)),
            ("Fingerprint", f"<code>{escape(card.fingerprint)}</code>" if card.fingerprint else ""),
        ]
    )
    faults = "".join(f"<li>{escape(fault)}</li>" for fault in card.known_faults)
    text = facts + (f"<h3>Known faults</h3><ul>{faults}</ul>" if faults else "")
    if card.checks:
        rows = [
            [
                escape(check.name),
                number_text(check.value),
                number_text(check.reference),
                escape(unit_text(check.unit)),
                _deviation(check.value, check.reference),
                escape(check.source),
            ]
            for check in card.checks
        ]
        columns = ("Property", "Recomputed", "Published", "Unit", "Deviation", "Source")
        text += table("The model against its own publication", columns, rows, numeric=(1, 2, 4))
    return text


def _deviation(value: float | None, reference: float | None) -> str:
    if value is None or not reference:
        return "–"
    return number_text(round(100 * (value - reference) / abs(reference), 2)) + " %"


def cost(results: Results) -> str:
    """Return the jobs with what they cost."""
    if not results.jobs:
        return ""
    rows = [
        [
            f"{escape(job.name)}<small><code>{escape(job.folder)}</code></small>",
            escape(job.state),
            duration_text(job.wall_s),
            "–" if job.steps is None else f"{job.steps:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
            "–" if job.steps_per_s is None else f"{job.steps_per_s:.0f}",
            str(job.resumed) if job.resumed else "–",
        ]
        for job in results.jobs
    ]
    busy = sum(job.wall_s or 0.0 for job in results.jobs)
    cores = results.host.get("cores")
    text = f"<p>{len(results.jobs)} jobs took {duration_text(busy)} in sum"
    text += f" and {duration_text(results.wall_s)} of wall time" if results.wall_s is not None else ""
    text += f" on {escape(cores)} cores.</p>" if cores else ".</p>"
    columns = ("Job", "State", "Wall time", "MD steps", "Steps/s", "Resumed")
    return text + table("Jobs", columns, rows, numeric=(2, 3, 4, 5))


def provenance(results: Results) -> str:
    """Return everything needed to do it again."""
    versions = "".join(f"{escape(name)}&nbsp;{escape(value)}, " for name, value in results.versions.items())
    facts = _facts(
        [
            ("Command", f"<code>{escape(' '.join(results.command))}</code>" if results.command else ""),
            (
                "Seed",
                "" if results.seed is None else f"<code>{results.seed}</code>, from which every job derives its own",
            ),
            ("Versions", versions.removesuffix(", ")),
            ("Host", escape(", ".join(f"{name} {value}" for name, value in results.host.items()))),
            ("Started", escape(when(results.started))),
            ("Finished", escape(when(results.finished))),
        ]
    )
    inputs = [
        [f"<code>{escape(path)}</code>", f"<code>{escape(digest)}</code>"] for path, digest in results.inputs.items()
    ]
    if not any(results.inputs.values()):
        inputs = [row[:1] for row in inputs]
    columns = ("File", "SHA-256") if any(results.inputs.values()) else ("File",)
    text = facts + (table("Input files", columns, inputs) if inputs else "")
    if results.campaign:
        dumped = yaml.safe_dump(results.campaign, sort_keys=False, allow_unicode=True, width=100)
        text += _folded("The campaign with every default written out", dumped)
    if results.files:
        text += _folded(f"{len(results.files)} files of the campaign", "\n".join(results.files))
    return text


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def citations(entries: Sequence[Citation]) -> str:
    """Return the list of references."""
    items = []
    for entry in entries:
        link = f' <a href="https://doi.org/{escape(entry.doi)}">doi:{escape(entry.doi)}</a>' if entry.doi else ""
        items.append(f"<li>{escape(entry.text)}{link}</li>")
    return f'<ol class="cited">{"".join(items)}</ol>' if items else ""


def when(stamp: str) -> str:
    """Return an ISO time as ``22 November 2026, 18:02 UTC``; anything else as it is."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    zone = f" {moment.tzname()}" if moment.tzname() else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"


def _facts(pairs: Iterable[tuple[str, str]]) -> str:
    inside = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs if value)
    return f'<dl class="facts">{inside}</dl>' if inside else ""
