"""``anodeflow barrier``: from a crystal and a hop to barriers, rates and diffusivities at every level."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

_PRINTED = (
    "carrier_diffusivity",
    "activation_energy",
    "attempt_frequency",
    "percolation_barrier",
    "barrier_infinite_cell",
    "activation_volume",
)


def barrier(
    file: Annotated[Path, typer.Argument(help="File of the ladder (YAML).", metavar="FILE")],
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder of the run; runs/<name> by default.", metavar="DIR")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Cores to use; all by default.", min=1)] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Work in the folder together with other runs of the same ladder.")
    ] = False,
    time_limit_s: Annotated[
        float | None,
        typer.Option(help="Stop cleanly before this wall time, in s; a Slurm allocation's own by default.", min=10),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON document.")] = False,
) -> None:
    """Compute migration barriers level by level, or go on with them; what is finished is never computed again."""
    from ..hpc.barriers import run_barrier
    from ..hpc.local import raise_first_failure

    jobs, results, root = run_barrier(
        file,
        directory,
        cores=cores,
        shared=shared,
        time_limit_s=time_limit_s,
        command=["anodeflow", *sys.argv[1:]],
        watch=progress,
    )
    show(results, root, as_json=as_json)
    raise_first_failure(jobs)
    raise_unless_converged(results)


def progress(jobs: list[Any]) -> None:
    """Print a line on standard error whenever a job ends."""
    done = sum(1 for job in jobs if job.state in ("done", "failed", "blocked"))
    now = [job.job.name for job in jobs if job.state == "running"]
    line = f"{done}/{len(jobs)} jobs ended" + (f", running: {', '.join(now)}" if now else "")
    if line != getattr(progress, "last", None):
        progress.last = line  # type: ignore[attr-defined]  # a function may carry what it printed
        typer.echo(line, err=True)


def show(results: dict[str, Any], root: Path, *, as_json: bool) -> None:
    """Print the results of a ladder as tables or as the JSON document."""
    from .document import print_document

    if as_json:
        print_document(results)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Migration barriers")
    for column in ("hop", "level"):
        table.add_column(column, no_wrap=True)
    for column in ("forward eV", "reverse eV", "error eV", "saddle", "force calls", "atoms"):
        table.add_column(column, justify="right")
    saddle = {True: "confirmed", False: "not one", None: ""}
    for row in results["levels"]:
        numbers = [row["barrier_eV"], row["reverse_eV"], row["error_eV"]]
        cells = ["–" if number is None else f"{number:.3f}" for number in numbers]
        if not row["converged"]:
            cells[0] += " not converged"
        calls, natoms = str(row["force_calls"]), str(row["natoms"])
        table.add_row(row["hop"], row["level"], *cells, saddle[row["saddle_confirmed"]], calls, natoms)
    console = Console()
    console.print(table)
    if results["variants"]:
        console.print(_variants(results["variants"]))
    for entry in results["quantities"]:
        if entry["name"] in _PRINTED and entry["value"] is not None:
            error = "" if entry["uncertainty"] is None else f" ± {entry['uncertainty']:.2g}"
            known = entry["source"] in entry["method"]
            how = entry["method"] if known else f"{entry['source']}: {entry['method']}"
            line = f"{entry['name']} = {entry['value']:.4g}{error} {entry['unit']}  ({how})"
            console.print(line, highlight=False, markup=False)
    for warning in results["warnings"]:
        console.print(f"warning: {warning}", highlight=False, markup=False)
    console.print(f"The report and the pictures are in {root}", highlight=False, markup=False)


def _variants(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(title="The same hops in larger cells, under strain and under pressure")
    for column in ("hop", "level", "what"):
        table.add_column(column, no_wrap=True)
    for column in ("forward eV", "difference eV", "atoms"):
        table.add_column(column, justify="right")
    units = {"size": " Å", "pressure": " GPa", "strain": ""}
    for row in rows:
        value = row["value"] if isinstance(row["value"], str) else f"{row['value']:g}"
        barrier = "–" if row["barrier_eV"] is None else f"{row['barrier_eV']:.3f}"
        change = "–" if row["difference_eV"] is None else f"{row['difference_eV']:+.3f}"
        what = f"{row['kind']} {value}{units[row['kind']]}"
        table.add_row(row["hop"], row["level"], what, barrier, change, str(row["natoms"]))
    return table


def raise_unless_converged(results: dict[str, Any]) -> None:
    """Raise NotConvergedError, for the exit code, if a band is not converged."""
    from ..errors import NotConvergedError

    open_ones = [f"{row['hop']} at {row['level']}" for row in results["levels"] if not row["converged"]]
    if open_ones:
        raise NotConvergedError(
            f"{len(open_ones)} of {len(results['levels'])} bands are not converged: {', '.join(open_ones)}",
            remedy="Allow more steps, more images, or another hop.",
        )
