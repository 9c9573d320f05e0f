"""``anodeflow plan``: what a campaign costs before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..hpc.plan import Plan


def plan(
    file: Annotated[Path, typer.Argument(help="Campaign file, or the file of a ladder (YAML).", metavar="FILE")],
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where the run goes; runs/<name> by default.", metavar="DIR")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Cores to use side by side; all by default.", min=1)] = None,
    queue_hours: Annotated[
        float | None, typer.Option(help="Longest job that the queue takes, in hours.", min=0.0)
    ] = None,
    queue_cores: Annotated[int | None, typer.Option(help="Most cores that the queue gives a job.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show every job of a campaign with its cost, from short timed runs of the real engine."""
    import os

    from ..hpc.plan import campaign_flow_of, limits_here, plan_flow, refusals
    from .document import document, print_document

    flow = campaign_flow_of(file)
    found = plan_flow(flow, cores=cores or len(os.sched_getaffinity(0)))
    limits = limits_here(
        directory or Path("runs") / flow.name, wall_s=queue_hours * 3600 if queue_hours else None, cores=queue_cores
    )
    refused = refusals(found, limits)
    if as_json:
        extra = found.to_dict() | {"fits": not refused, "refused": [str(error) for error in refused]}
        print_document(document(inputs=[file], warnings=[str(error) for error in refused], extra=extra))
    else:
        _print(found)
    for error in refused[1:]:
        typer.echo(f"error: {error}", err=True)
    if refused:
        raise refused[0]


def _print(found: Plan) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{found.name}: {len(found.jobs)} jobs")
    table.add_column("job")
    for column in ("atoms", "steps", "images", "cores", "core h", "memory GB", "disk MB"):
        table.add_column(column, justify="right")
    for job in found.jobs:
        numbers = [str(value or "") for value in (job.natoms, job.steps, job.images)]
        cost = [f"{job.hours:.3g}", f"{job.memory_MB / 1000:.1f}", f"{job.disk_MB:.3g}"]
        table.add_row(job.name, *numbers, str(job.cores), *cost)
    table.add_section()
    total = [f"{found.core_hours:.3g}", "", f"{found.disk_MB:.3g}"]
    table.add_row("all", "", "", "", str(found.cores), *total)
    console = Console()
    console.print(table)
    largest = found.largest
    console.print(
        f"About {found.wall_s / 3600:.3g} h on {found.cores} cores. The longest job is {largest.name}: "
        f"{largest.wall_s / 3600:.3g} h on {largest.cores} cores, {largest.memory_MB / 1000:.1f} GB of memory.",
        highlight=False,
    )
    if found.probes:
        console.print(f"{found.probes} probes took {found.probe_cpu_s:.0f} s; they are remembered.", highlight=False)
