"""``anodeflow export``: a run packed for another person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    directory: Annotated[Path, typer.Argument(help="Folder of a run.", metavar="DIR")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Zip file; <DIR>.crate.zip by default.", metavar="FILE")
    ] = None,
    trajectories: Annotated[bool, typer.Option("--trajectories", help="Pack the trajectories too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Pack a run as an RO-Crate that another person can read, check and run again."""
    from ..hpc.export import export_run
    from .document import document, print_document

    done = export_run(directory, out, trajectories=trajectories)
    warnings = [f"The job '{name}' had not finished." for name in done.unfinished]
    if as_json:
        extra = {"run_again": done.command, "packed": list(done.files)}
        print_document(document(warnings=warnings, files=[done.path], extra=extra))
        return
    for warning in warnings:
        typer.echo(warning, err=True)
    typer.echo(f"{len(done.files)} files, {done.path.stat().st_size / 1e6:.1f} MB: {done.path}")
    typer.echo(f"Unpacked, it is run again with: {done.command}")
