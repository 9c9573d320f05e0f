"""``anodeflow setup cluster | submit | fetch``: campaigns on other machines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

setup_app = typer.Typer(help="Set up what anodeflow works with.", no_args_is_help=True)


@setup_app.callback()
def _setup() -> None:
    """Set up what anodeflow works with."""


@setup_app.command("cluster")
def setup_cluster(
    name: Annotated[str | None, typer.Option(help="Name of the project.", metavar="NAME")] = None,
    database: Annotated[
        str | None,
        typer.Option(help="mongodb://HOST:PORT/NAME; without it allocations share the folder.", metavar="URI"),
    ] = None,
    scheduler: Annotated[str, typer.Option(help="slurm, pbs, sge or shell.")] = "slurm",
    host: Annotated[str | None, typer.Option(help="Login node; this machine by default.")] = None,
    user: Annotated[str | None, typer.Option(help="User there.")] = None,
    port: Annotated[int | None, typer.Option(help="Port there.", min=1)] = None,
    key_file: Annotated[str | None, typer.Option(help="Private key for it.", metavar="FILE")] = None,
    work_dir: Annotated[str | None, typer.Option(help="Folder there for the jobs.", metavar="DIR")] = None,
    partition: Annotated[str | None, typer.Option(help="Partition or queue.")] = None,
    account: Annotated[str | None, typer.Option(help="Account to charge.")] = None,
    cores: Annotated[int, typer.Option(help="Cores of an allocation.", min=1)] = 1,
    gpus: Annotated[int, typer.Option(help="GPUs of an allocation.", min=0)] = 0,
    memory_mb_per_core: Annotated[float | None, typer.Option("--memory-MB-per-core", help="Memory of a core.")] = None,
    wall_time_h: Annotated[float, typer.Option(help="Longest wall time of a job or an allocation, in h.")] = 24.0,
    module: Annotated[list[str] | None, typer.Option(help="Module to load; may be given again.")] = None,
    pre_run: Annotated[str, typer.Option(help="Shell commands before each job.")] = "",
    python_bin: Annotated[str | None, typer.Option(help="Folder there with 'anodeflow'.", metavar="DIR")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the project.")] = False,
) -> None:
    """Describe a cluster once; every answer is tried before the file is written. Asks what is not given."""
    from ..hpc import clusters

    if name is None:
        if not sys.stdin.isatty():
            from ..errors import InputError

            raise InputError("the project has no name", where="setup cluster", remedy="Give --name.")
        name = typer.prompt("Name of the project")
        database = typer.prompt("Database, mongodb://HOST:PORT/NAME (empty: Slurm only)", default=database or "")
        if database:
            scheduler = typer.prompt("Scheduler (slurm, pbs, sge, shell)", default=scheduler)
            host = typer.prompt("Login node (empty: this machine)", default=host or "")
            user = typer.prompt("User there (empty: the same)", default=user or "") if host else user
            work_dir = typer.prompt(
                "Folder there for the jobs", default=work_dir or str(Path.home() / "anodeflow-jobs")
            )
        else:
            cores = typer.prompt("Cores of an allocation", default=cores, type=int)
        partition = typer.prompt("Partition (empty: the default)", default=partition or "")
        account = typer.prompt("Account (empty: the default)", default=account or "")
        wall_time_h = typer.prompt("Longest wall time in h", default=wall_time_h, type=float)
        module = typer.prompt("Modules to load, with spaces between", default=" ".join(module or [])).split()
    cluster = clusters.make_cluster(
        name=name,
        database=database,
        scheduler=scheduler,
        host=host,
        user=user,
        port=port,
        key_file=key_file,
        work_dir=work_dir,
        partition=partition,
        account=account,
        cores=cores,
        gpus=gpus,
        memory_MB_per_core=memory_mb_per_core,
        wall_time_h=wall_time_h,
        modules=tuple(module or ()),
        pre_run=pre_run,
        python_bin=python_bin,
    )
    path = clusters.setup_cluster(cluster, force=force)
    typer.echo(f"Checked and written: {path}")
    if cluster.database is not None:
        typer.echo(f"Start its runner once, on this machine: jf -p {cluster.name} runner start")
    typer.echo(f"Then: anodeflow submit campaign.yaml --project {cluster.name}")


def submit(
    file: Annotated[
        Path, typer.Argument(help="File of a campaign, a ladder or a distillation (YAML).", metavar="FILE")
    ],
    project: Annotated[str, typer.Option(help="Project, as made by 'anodeflow setup cluster'.", metavar="NAME")],
    worker: Annotated[
        str | None, typer.Option(help="Worker of the project; its first by default.", metavar="W")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder of the campaign; runs/<name> by default.", metavar="DIR")
    ] = None,
    allocations: Annotated[int, typer.Option(help="Allocations that share it, Slurm-only.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Send a campaign to a cluster; sent before, its failed jobs are tried again."""
    from ..hpc.submit import submit_campaign

    command = ["anodeflow", *sys.argv[1:]]
    sent = submit_campaign(file, project, worker, directory, allocations=allocations, command=command)
    if as_json:
        document = {"directory": str(sent.root), "where": sent.where, "sent": list(sent.sent), "again": sent.again}
        typer.echo(json.dumps(document, indent=1))
        return
    if sent.sent:
        typer.echo(f"{len(sent.sent)} sent to {sent.where}; watch them with: anodeflow status {sent.root}")
    else:
        typer.echo(f"Submitted before to {sent.where}; {sent.again} failed jobs go on from where they were.")


def fetch(
    directory: Annotated[Path, typer.Argument(help="Folder of a submitted campaign.", metavar="DIR")],
    trajectories: Annotated[bool, typer.Option("--trajectories", help="Bring trajectories and logs too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Bring the results that are there into the campaign's folder; 'anodeflow report' then works on them."""
    from ..hpc.remote import fetch as bring

    done, jobs = bring(directory, files=trajectories)
    if as_json:
        typer.echo(json.dumps({"directory": str(directory), "done": done, "jobs": jobs}, indent=1))
    else:
        typer.echo(f"{done} of {jobs} results are here; write the report with: anodeflow report {directory}")


def run_remote_job(directory: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Run one job of jobflow-remote; its project file names this command."""
    from ..hpc.remote_job import run_remote_job as run

    run(directory)
