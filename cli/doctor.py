"""``anodeflow doctor``: what of an installation is there and works, and what mends the rest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def doctor(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where runs would go; here by default.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Try every part of the installation for real; say for each that fails the command that mends it."""
    from ..errors import EngineError
    from ..hpc.doctor import examine
    from .document import document, print_document

    checks = examine(directory)
    broken = [check for check in checks if check.state == "broken"]
    if as_json:
        warnings = [f"{check.name}: {check.found}." for check in broken]
        print_document(document(warnings=warnings, extra={"checks": [asdict(check) for check in checks]}))
    else:
        from rich.console import Console
        from rich.markup import escape

        console = Console()
        colours = {"works": "green", "missing": "yellow", "broken": "red"}
        for check in checks:
            state = f"[{colours[check.state]}]{check.state:8}[/]"
            head = f"{state} [bold]{check.name}[/] {escape(check.version)}"
            console.print(f"{head}  {escape(check.found)}", highlight=False, soft_wrap=True)
            if check.remedy:
                console.print(f"           {escape(check.remedy)}", highlight=False, soft_wrap=True)
    needed = [f"{check.name}: {check.found.rstrip('.')}" for check in broken if check.needed]
    if needed:
        raise EngineError(f"nothing runs before this is mended: {'; '.join(needed)}", remedy=broken[0].remedy)
