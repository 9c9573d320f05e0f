"""The HTML page of an ``anodeflow analyse`` command, in the style of the campaign report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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
    inputs: Mapping[str, str] | None = None,
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
        SHA-256 of the files that were read, by path. The page shows them relative to the current folder, or by name
        only, because it is made to be passed on.
    """
    from .. import __version__
    from .report.analysis_page import analysis_html
    from .report.document import Results
    from .report.svg import pictured

    short = _short_names(inputs or {})
    # a band is named by its folder
    short |= {str(Path(path).parent): Path(path).parent.name for path in short if Path(path).is_absolute()}

    def shown(text: str) -> str:
        for path in sorted(short, key=len, reverse=True):
            text = text.replace(path, short[path])
        return text

    results = Results(
        anodeflow=__version__,
        quantities=[
            replace(q, source=shown(q.source), warnings=tuple(shown(text) for text in q.warnings)) for q in quantities
        ],
        warnings=[shown(text) for text in warnings],
        inputs={short[path]: digest for path, digest in (inputs or {}).items()},
        systems=[],
    )
    pictures = [
        pictured(figure.read_bytes(), f"figure-{figure.stem}", figure.stem.replace("_", " ").capitalize(), "")
        for figure in figures
    ]
    return write_text(path, analysis_html(results, pictures, title, explanation))


def _short_names(paths: Iterable[str]) -> dict[str, str]:
    """Return what the page calls each file, different for different files."""
    here = Path.cwd()
    whole = {path: Path(path).absolute() for path in paths}
    names = {
        path: str(place.relative_to(here)) if place.is_relative_to(here) else place.name
        for path, place in whole.items()
    }
    taken = list(names.values())
    for path, place in whole.items():
        # runs in folders of their own often have files of the same name
        up = 1
        while taken.count(names[path]) > 1 and up < len(place.parts) - 1:
            up += 1
            longer = "/".join(place.parts[-up:])
            if sum("/".join(other.parts[-up:]) == longer for other in whole.values()) == 1:
                names[path] = longer
                break
    return names
