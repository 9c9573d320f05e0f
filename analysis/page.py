"""The HTML page of an ``anodeflow analyse`` command, in the style of the campaign report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..files import write_text
from ..quantity import Quantity


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
        Rows of the table; their warnings stand above it.
    figures
        PNG files, put inside the page.
    warnings
        Further sentences.
    explanation
        Paragraphs separated by empty lines.
    inputs
        Names of the files that were read.
    """
    from .. import __version__
    from .report.analysis_page import analysis_html
    from .report.document import Results
    from .report.svg import pictured

    results = Results(
        anodeflow=__version__,
        quantities=list(quantities),
        warnings=list(warnings),
        inputs=dict.fromkeys(inputs, ""),
        systems=[],
    )
    pictures = [
        pictured(figure.read_bytes(), f"figure-{figure.stem}", figure.stem.replace("_", " ").capitalize(), "")
        for figure in figures
    ]
    return write_text(path, analysis_html(results, pictures, title, explanation))
