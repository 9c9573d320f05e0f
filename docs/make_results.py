"""Write the page of a campaign's results, all numbers from its ``results.json``.

    python docs/make_results.py runs/lixsi_series docs/results/lixsi_series.md

Values, errors, verdicts and reasons are those of the report of that run.
"""

from __future__ import annotations

import sys
from pathlib import Path

from anodeflow.analysis.report import read_results
from anodeflow.analysis.report.document import Results
from anodeflow.analysis.report.findings import doubts, gaps
from anodeflow.analysis.report.markup import duration_text, name_text, number_text, quantity_text, unit_text
from anodeflow.analysis.report.quantities import Located, comparisons, of_part
from anodeflow.files import write_text
from anodeflow.quantity import Quantity


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [f"| {' | '.join(columns)} |", f"| {' | '.join(['---'] * len(columns))} |"]
    return lines + [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]


def page(results: Results) -> list[str]:
    """Return the lines of the page."""
    busy = sum(job.wall_s or 0.0 for job in results.jobs)
    steps = sum(job.steps or 0 for job in results.jobs)
    versions = ", ".join(f"{name} {value}" for name, value in list(results.versions.items())[:3])
    lines = [
        f"# {results.title}",
        "",
        "Made by",
        "",
        "```sh",
        " ".join(_without_folder(results.command)),
        "```",
        "",
        f"with {versions}, seed {results.seed}: {len(results.jobs)} jobs, {steps} steps of molecular dynamics, "
        f"{duration_text(results.wall_s)} of wall time for {duration_text(busy)} of jobs on "
        f"{results.host.get('cores')} cores (what else the machine was doing is included). This page is written by "
        "`python docs/make_results.py` from that run; ± is one standard error.",
        "",
        *[part.asked for part in results.parts],
        "",
        "## Said first in the report",
        "",
        *([f"- {text}" for text in doubts(results)] or ["Nothing."]),
        "",
    ]
    for index, part in enumerate(results.parts):
        own = list(of_part(results, index))
        rows = []
        for label in dict.fromkeys(group.label for group in part.groups):
            first = {one.quantity.name: one.quantity for one in reversed(own) if one.label == label}
            if any(name in first for name in part.overview):
                cells = [_cell(first.get(name)) for name in part.overview]
                rows.append([label, *cells])
        lines += ["## Overview", "", *table(["", *_heads(part.overview, own)], rows), ""]
        rest = [one for one in own if one.label not in {row[0] for row in rows}]
        if rest:
            others = [
                [
                    one.label,
                    name_text(one.quantity.name),
                    one.quantity.species or "",
                    quantity_text(one.quantity) + ("" if one.quantity.converged else " †"),
                ]
                for one in rest
            ]
            lines += ["## Others", "", *table(["", "quantity", "of", "value"], others), ""]
    compared = [
        [
            f"{one.located.label}: {name_text(one.located.quantity.name)}",
            quantity_text(one.located.quantity),
            f"{one.published.text} {unit_text(one.published.unit)} ({one.published.source})",
            f"{one.verdict.word}: {one.verdict.reason}",
        ]
        for one in comparisons(results)
    ]
    if compared:
        lines += ["## Beside published values", "", *table(["quantity", "here", "published", "verdict"], compared), ""]
    missing = [f"- {gap.what} {' '.join(gap.reasons)}" for gap in gaps(results)]
    missing = missing or ["Everything asked for has a number."]
    ending = f"† did not converge. {results.methods}"
    return [*lines, "## What did not converge", "", *missing, "", "## Methods", "", ending]


def _heads(names: list[str], own: list[Located]) -> list[str]:
    units = {one.quantity.name: unit_text(one.quantity.unit) for one in own}
    return [f"{name_text(name)} ({units[name]})" if units.get(name) else name_text(name) for name in names]


def _cell(quantity: Quantity | None) -> str:
    if quantity is None:
        return "–"
    if quantity.value is None:
        return "none"
    shown = number_text(float(f"{quantity.value:.4g}"), quantity.uncertainty)
    if quantity.uncertainty:
        shown = number_text(quantity.value, quantity.uncertainty)
    return shown if quantity.converged else f"{shown} †"


def _without_folder(command: list[str]) -> list[str]:
    """Return a command line without where it wrote to, which is nobody's business."""
    place = command.index("--dir") if "--dir" in command else len(command)
    return command[:place] + command[place + 2 :]


if __name__ == "__main__":
    write_text(sys.argv[2], "\n".join(page(read_results(Path(sys.argv[1]) / "results.json"))) + "\n")
