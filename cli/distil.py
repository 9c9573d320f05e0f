"""``anodeflow distil``: a fast model for LAMMPS from a slow one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def distil(
    file: Annotated[Path, typer.Argument(help="File of the distillation (YAML).", metavar="FILE")],
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder of the run; runs/<name> by default.", metavar="DIR")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Cores to use; all by default.", min=1)] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Work in the folder together with other runs of the same distillation.")
    ] = False,
    time_limit_s: Annotated[
        float | None,
        typer.Option(help="Stop cleanly before this wall time, in s; a Slurm allocation's own by default.", min=10),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON document.")] = False,
) -> None:
    """Distil an energy model into a fast one for LAMMPS, or go on with it; what is finished is never computed again."""
    from ..hpc.distil import run_distil
    from ..hpc.local import raise_first_failure
    from .barrier import progress
    from .document import print_document

    jobs, results, root = run_distil(
        file,
        directory,
        cores=cores,
        shared=shared,
        time_limit_s=time_limit_s,
        command=["anodeflow", *sys.argv[1:]],
        watch=progress,
    )
    if as_json:
        print_document(results)
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(title="Distilled model beside its teacher")
        for column in ("property", "system"):
            table.add_column(column)
        for column in ("model", "teacher"):
            table.add_column(column, justify="right")
        table.add_column("unit")
        for row in results["table"]:
            reference = "" if row["reference"] is None else f"{row['reference']:.4g}"
            table.add_row(row["property"], row["system"], f"{row['model']:.4g}", reference, row["unit"])
        console = Console()
        console.print(table)
        for warning in results["warnings"]:
            console.print(f"warning: {warning}", highlight=False, markup=False)
        where = results["card"] or f"not there yet; what is finished is in {root}"
        console.print(f"The card is {where}", highlight=False, markup=False, soft_wrap=True)
    raise_first_failure(jobs)
