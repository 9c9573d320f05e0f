"""The report of a campaign: one HTML file that opens offline, and the same numbers as CSV.

`write_report` reads ``results.json`` of a run directory and writes ``report.html`` and ``results.csv`` beside it.
`write_analysis_page` writes the compact page of ``anodeflow analyse … --out DIR`` from the same pieces.

How the plots are made: matplotlib draws them as SVG, whose text stays text and whose colours become CSS variables
(`svg`); the page adds a small script of its own for reading points, hiding series and turning the structure
(``report.js``). The picture is therefore complete without the script, follows the light, dark and print themes, can be
searched and copied, and costs about 30 kB. An interactive plotting library inlined in the page would weigh several
megabytes, draw nothing without its script, and print worse.

Every number is printed by `anodeflow.quantity.format_value` and stands in a ``<data value=… data-of=…>`` element
that carries the exact value and its place in ``results.json``.

Examples
--------
A page for the results of one analysis, with a plot of its own:

>>> from anodeflow.analysis.report import MeanSquaredDisplacement, write_analysis_page
>>> from anodeflow.analysis.report.plots import msd_figure
>>> curve = MeanSquaredDisplacement.model_validate(diffusion.to_dict())  # doctest: +SKIP
>>> figure = msd_figure("msd-Li", "Li", {"900 K": curve})  # doctest: +SKIP
>>> write_analysis_page(document, "out", [figure])  # doctest: +SKIP
PosixPath('out/analysis.html')

A matplotlib figure of any other kind goes in through `drawn`, a PNG through `pictured`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import write_text
from .document import MeanSquaredDisplacement, Results, read_results
from .svg import Figure, drawn, pictured

__all__ = [
    "Figure",
    "MeanSquaredDisplacement",
    "Results",
    "drawn",
    "pictured",
    "read_results",
    "write_analysis_page",
    "write_report",
]


def write_report(directory: str | Path) -> Path:
    """Write ``report.html`` and ``results.csv`` beside ``results.json``.

    Parameters
    ----------
    directory
        Run directory of a campaign.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    InputError
        If ``results.json`` is missing or damaged.
    """
    from .table import csv_text

    directory = Path(directory)
    results = read_results(directory / "results.json")
    html = report_html(results)
    write_text(directory / "results.csv", csv_text(results))
    return write_text(directory / "report.html", html)


def report_html(results: Results) -> str:
    """Return the report of a campaign as one HTML document."""
    from . import sections as part
    from .markup import duration_text, escape
    from .page import Section, page
    from .parts import part_section
    from .quantities import comparisons
    from .summary import summary
    from .systems import system_section

    compared = comparisons(results)
    looked_up = compared or results.systems or any(group.formula for one in results.parts for group in one.groups)
    parts = [Section("summary", "Summary", summary(results, compared))]
    for index, system in enumerate(results.systems):
        parts.append(Section(f"system{index}", system.label, system_section(results, index, compared)))
    for index, one in enumerate(results.parts):
        parts.append(Section(f"part-{one.key}", one.title, part_section(results, index, compared)))
    parts += [
        Section("literature", "Literature", part.literature(results, compared) if looked_up else ""),
        Section("methods", "Methods", part.methods(results)),
        Section("model", "Model", part.model(results)),
        Section("cost", "Jobs and cost", part.cost(results)),
        Section("provenance", "Provenance", part.provenance(results)),
        Section("citations", "References", part.citations(results.citations)),
    ]
    facts = [
        ("Finished", escape(part.when(results.finished))),
        ("Wall time", duration_text(results.wall_s) if results.wall_s is not None else ""),
        ("Jobs", str(len(results.jobs)) if results.jobs else ""),
        ("Seed", str(results.seed) if results.seed is not None else ""),
    ]
    footer = (
        f"Written by anodeflow {escape(results.anodeflow)} from <code>results.json</code>, which stands beside this "
        "file with all numbers; <code>results.csv</code> holds the same as a table."
    )
    return page(results.title, "anodeflow campaign report", facts, parts, footer)


def write_analysis_page(
    document: Mapping[str, Any],
    directory: str | Path,
    figures: Sequence[Figure] = (),
    *,
    title: str = "Analysis",
) -> Path:
    """Write ``analysis.html`` and ``analysis.csv``: quantities, warnings, figures and inputs on one page.

    Parameters
    ----------
    document
        The JSON document of a command: ``anodeflow``, ``command``, ``inputs``, ``quantities``, ``warnings``,
        ``files``, and ``citations`` where there are any.
    directory
        Folder to write to; made if needed.
    figures
        From `anodeflow.analysis.report.plots`, or `drawn` for a matplotlib figure of another kind.
    title
        Heading.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    InputError
        If the document has not the right shape.
    """
    from pydantic import ValidationError

    from .analysis_page import analysis_html
    from .table import csv_text

    try:
        results = Results.model_validate({"systems": [], **document})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"the result of the analysis is damaged: {first['msg']}", where=field) from error
    directory = Path(directory)
    write_text(directory / "analysis.csv", csv_text(results))
    return write_text(directory / "analysis.html", analysis_html(results, figures, title))
