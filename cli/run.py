"""``anodeflow run | status | report``: a campaign from its file to its report."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..hpc.local import JobState
    from ..hpc.status import RunStatus

_LINES_S = 15.0


def run(
    file: Annotated[Path, typer.Argument(help="Campaign file (YAML).", metavar="FILE")],
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder of the run; runs/<name> by default.", metavar="DIR")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Cores to use; all by default.", min=1)] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Work in the folder together with other runs of the same campaign.")
    ] = False,
    time_limit_s: Annotated[
        float | None,
        typer.Option(help="Stop cleanly before this wall time, in s; a Slurm allocation's own by default.", min=10),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON document.")] = False,
) -> None:
    """Run a campaign here, or go on with it; finished jobs are never run again."""
    from ..hpc.local import raise_first_failure, start_workers

    start_workers()  # what jobs import is loaded on another core while this process reads the campaign
    from rich.console import Console

    from ..hpc.campaigns import RESULTS_FILE, run_campaign

    console = Console(stderr=True)
    try:
        with _Progress(console, cores) as progress:
            jobs, report = run_campaign(
                file,
                directory,
                cores=cores,
                shared=shared,
                time_limit_s=time_limit_s,
                command=_command(),
                watch=progress,
            )
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        raise typer.Exit(130) from None
    reused = sum(1 for job in jobs if job.reused)
    done = sum(1 for job in jobs if job.state == "done")
    text = f"{done} of {len(jobs)} jobs done"
    console.print(text + (f", {reused} of them before" if reused else ""))
    if not any(job.state == "interrupted" for job in jobs):
        if as_json:
            typer.echo((report.parent / RESULTS_FILE).read_text(), nl=False)
        else:
            typer.echo(f"The report is {_shown(report)}")
    raise_first_failure(jobs)


def report(
    directory: Annotated[Path, typer.Argument(help="Folder of a run.", metavar="DIR")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON document.")] = False,
) -> None:
    """Write the report of a run again, finished or not."""
    from ..hpc.campaigns import RESULTS_FILE
    from ..hpc.workload import write_results

    path = write_results(directory)
    if as_json:
        typer.echo((path.parent / RESULTS_FILE).read_text(), nl=False)
    elif path.name == RESULTS_FILE:
        typer.echo(f"The results are {_shown(path)}")
    else:
        typer.echo(f"The report is {_shown(path)}")


def status(
    directories: Annotated[
        list[Path] | None, typer.Argument(help="Folders of runs; all below runs/ by default.", metavar="DIR ...")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show what runs are doing, from any terminal."""
    from dataclasses import asdict

    from ..errors import InputError
    from ..hpc.overview import campaigns_below, status_of

    if not directories:
        directories = campaigns_below(Path("runs"))
        if not directories:
            raise InputError("there is no run below runs/", remedy="Name the folder of one.")
    runs = [status_of(directory) for directory in directories]
    if as_json:
        rows = [
            {
                "directory": str(run.directory),
                "where": run.where,
                "alive": run.alive,
                "jobs": [asdict(job) for job in run.jobs],
            }
            for run in runs
        ]
        typer.echo(json.dumps({"runs": rows}, indent=1))
        return
    if len(runs) > 1:
        _print_overview(runs)
    else:
        _print_status(runs[0])


def _print_overview(runs: list[RunStatus]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("campaign", "where"):
        table.add_column(column)
    for column in ("jobs", "done", "running", "waiting", "failed"):
        table.add_column(column, justify="right")
    for run in runs:
        other = len(run.jobs) - sum(run.count(state) for state in ("done", "running", "failed"))
        counts = (len(run.jobs), run.count("done"), run.count("running"), other, run.count("failed"))
        at_work = "" if run.alive or run.where != "here" else ", nobody at work"
        table.add_row(str(run.directory), run.where + at_work, *(str(count) for count in counts))
    Console(width=160 if not Console().is_terminal else None).print(table)


def _print_status(run: RunStatus) -> None:
    from rich.console import Console
    from rich.table import Table

    at_work = "at work" if run.alive else "nobody at work"
    if run.where != "here":
        at_work = run.where
    table = Table(title=f"{run.directory}: {run.count('done')} of {len(run.jobs)} jobs done, {at_work}")
    for column in ("job", "state"):
        table.add_column(column)
    for column in ("steps", "steps/s", "wall s", "starts"):
        table.add_column(column, justify="right")
    for job in run.jobs:
        steps = f"{job.step}/{job.total}" if job.step is not None else ""
        rate = f"{job.steps_per_s:.0f}" if job.steps_per_s else ""
        wall = f"{job.wall_s:.0f}" if job.wall_s else ""
        table.add_row(job.name, job.state, steps, rate, wall, str(job.attempt or ""))
    console = Console()
    console.print(table)
    for job in run.jobs:
        if job.message:
            console.print(f"{job.name}: {job.message}", highlight=False)


class _Progress:
    """Progress of a run on standard error: a live table on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Any, cores: int | None) -> None:
        import os

        self.console = console
        self.cores = cores or len(os.sched_getaffinity(0))
        self.live: Any = None
        self.last_line = 0.0
        self.shown = ""

    def __enter__(self) -> _Progress:
        if self.console.is_terminal:
            from rich.live import Live

            self.live = Live(console=self.console, refresh_per_second=2, transient=True)
            self.live.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        if self.live:
            self.live.__exit__(*details)

    def __call__(self, jobs: list[JobState]) -> None:
        if self.live:
            self.live.update(self.table(jobs))
            return
        now = time.monotonic()
        summary = self.summary(jobs)
        counts = summary.split(",")[0]
        if now - self.last_line > _LINES_S or counts != self.shown:
            self.last_line, self.shown = now, counts
            self.console.print(summary, highlight=False, soft_wrap=True)

    def summary(self, jobs: list[JobState]) -> str:
        from ..hpc.local import time_left_s
        from ..hpc.store import read_progress

        done = sum(1 for job in jobs if job.state == "done")
        running = [job for job in jobs if job.state == "running"]
        rates = [read_progress(job.folder).get("steps_per_s", 0) for job in running if job.folder]
        parts = [f"{done}/{len(jobs)} jobs done", f"{len(running)} running"]
        failed = sum(1 for job in jobs if job.state == "failed")
        if failed:
            parts.append(f"{failed} failed")
        if sum(rates):
            parts.append(f"{sum(rates):.0f} MD steps/s")
        left = time_left_s(jobs, self.cores)
        if left is not None and done < len(jobs):
            parts.append(f"about {_duration(left)} left")
        return ", ".join(parts)

    def table(self, jobs: list[JobState]) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        from ..hpc.store import read_progress

        table = Table.grid(padding=(0, 2))
        for job in jobs:
            if job.state == "running" and job.folder:
                progress = read_progress(job.folder)
                total, step = progress.get("total", 1), progress.get("step", 0)
                rate = f"{progress['steps_per_s']:.0f} steps/s" if progress.get("steps_per_s") else ""
                table.add_row(job.job.name, ProgressBar(total=total, completed=step, width=30), f"{step}/{total}", rate)
        return Group(self.summary(jobs), table)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _shown(path: Path) -> str:
    """Return a path relative to here where it lies below."""
    absolute = path.resolve()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def _command() -> list[str]:
    return ["anodeflow", *sys.argv[1:]]
