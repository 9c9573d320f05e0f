"""``anodeflow plan``: what a campaign costs before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..hpc.plan import Plan


def plan(
    file: Annotated[
        Path, typer.Argument(help="File of a campaign, a ladder or a distillation (YAML).", metavar="FILE")
    ],
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where the run goes; runs/<name> by default.", metavar="DIR")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Cores to use side by side; all by default.", min=1)] = None,
    project: Annotated[
        str | None, typer.Option(help="Project whose queue it has to fit; see 'setup cluster'.", metavar="NAME")
    ] = None,
    worker: Annotated[str | None, typer.Option(help="Worker of the project.", metavar="W")] = None,
    queue_hours: Annotated[
        float | None, typer.Option(help="Longest job that the queue takes, in hours.", min=0.0)
    ] = None,
    queue_cores: Annotated[int | None, typer.Option(help="Most cores that the queue gives a job.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show every job of a campaign with its cost, from short timed runs of the real engine."""
    import os
    from dataclasses import replace

    from ..hpc.plan import limits_here, limits_there, plan_flow, refusals
    from ..hpc.workload import read_workload
    from .document import document, print_document

    work = read_workload(file)
    root = directory or Path("runs") / work.name
    limits = limits_there(project, worker, root) if project else limits_here(root)
    if queue_hours is not None:
        limits = replace(limits, wall_s=queue_hours * 3600)
    if queue_cores is not None:
        limits = replace(limits, cores=queue_cores)
    found = plan_flow(work.flow, cores=cores or len(os.sched_getaffinity(0)))
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
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from ..hpc.plan import size_text, time_text

    console = Console()
    table = Table(title=f"{found.name}: {len(found.jobs)} jobs", box=box.SIMPLE_HEAD)
    table.add_column("job", overflow="fold", min_width=24)
    for column in ("atoms", "length", "cores", "core time", "memory", "disk"):
        table.add_column(column, justify="right", no_wrap=True)
    for job in found.jobs:
        length = f"{job.images} images" if job.images else f"{job.steps} steps" if job.steps else ""
        cost = [time_text(job.wall_s * job.cores), size_text(job.memory_MB), size_text(job.disk_MB)]
        table.add_row(job.name, str(job.natoms or ""), length, str(job.cores), *cost)
    table.add_section()
    table.add_row("all", "", "", "", time_text(found.core_hours * 3600), "", size_text(found.disk_MB))
    console.print(table)
    largest = found.largest
    lines = [
        f"About {time_text(found.wall_s)} on {found.cores} cores. The longest job is {largest.name}: "
        f"{time_text(largest.wall_s)} on {largest.cores} core{'s' if largest.cores > 1 else ''}, "
        f"{size_text(largest.memory_MB)} of memory."
    ]
    if found.probes:
        lines.append(f"{found.probes} probes took {found.probe_cpu_s:.0f} s of a core; they are remembered.")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
