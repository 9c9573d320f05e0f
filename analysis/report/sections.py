"""The parts that follow the systems: literature, methods, model, cost, provenance, references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import yaml

from .cells import published_html, value_html, verdict_html
from .document import Citation, Results
from .markup import duration_text, escape, name_text, number_text, stacked_table, table, unit_text
from .quantities import Comparison, in_sentence, system_label


def literature(results: Results, compared: Sequence[Comparison]) -> str:
    """Return every published value for these systems beside the result that it belongs to."""
    if not compared:
        names = ", ".join(" ".join(system_label(system)) for system in results.systems) or results.title
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
                value_html(located),
                f"{published_html(row)}{related}<small>{escape(row.system)}</small>",
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
