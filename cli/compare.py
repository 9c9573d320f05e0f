"""``anodeflow compare``: several campaigns side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def compare(
    directories: Annotated[list[Path], typer.Argument(help="Folders of two runs or more.", metavar="DIR DIR ...")],
    out: Annotated[Path, typer.Option(help="The page to write.", metavar="FILE")] = Path("comparison.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as one JSON document.")] = False,
) -> None:
    """Lay the results of campaigns over each other: every shared quantity with its difference, every shared plot."""
    from .. import __version__
    from ..analysis.report import read_results
    from ..analysis.report.comparison import compared_rows, comparison_document, comparison_html, named_results
    from ..files import sha256, write_text

    files = [directory / "results.json" for directory in directories]
    campaigns = named_results([read_results(file) for file in files])
    rows = compared_rows(campaigns)
    path = write_text(out, comparison_html(campaigns, rows))
    if as_json:
        head = {
            "anodeflow": __version__,
            "command": ["anodeflow", *sys.argv[1:]],
            "inputs": {str(file): sha256(file) for file in files},
            "files": [str(path)],
        }
        typer.echo(json.dumps(head | comparison_document(campaigns, rows), indent=1))
        return
    for index, campaign in enumerate(campaigns[1:], start=1):
        verdicts = [row.verdict(index) for row in rows if row.difference(index) is not None]
        judged = sum(verdict in ("differs", "the same") for verdict in verdicts)
        said = f"{verdicts.count('differs')} of {judged} quantities differ from {campaigns[0].name}"
        if not verdicts:
            said = "it shares no quantity that has a value with another run"
        elif not judged:
            said = f"it shares {len(verdicts)} quantities, none of which has converged with an error bar in both runs"
        typer.echo(f"{campaign.name}: {said}")
    typer.echo(f"The comparison is {path}")
