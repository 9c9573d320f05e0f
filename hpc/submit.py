"""Send a campaign, a ladder or a distillation to a cluster.

Through jobflow-remote, or as Slurm allocations that share its folder.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..files import sha256, write_json, write_text
from .allocation import slurm_time
from .campaigns import RUN_FILE, refuse_foreign
from .clusters import check_slurm, read_slurm_only
from .handlers import patiently
from .needs import asked_needs
from .store import ALLOCATIONS_FILE, read_json, run_lock
from .workload import read_workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .clusters import Cluster
    from .workload import Workload

SCRIPT = "allocation.sh"


@dataclass(frozen=True)
class Submission:
    """What was sent.

    Attributes
    ----------
    root
        The campaign's folder here.
    sent
        Jobs put into the queue, or numbers of the Slurm allocations.
    again
        Failed jobs that were put back, when it had been submitted before.
    where
        Project and worker.
    """

    root: Path
    sent: tuple[str, ...]
    again: int
    where: str


def submit_campaign(
    file: Path,
    project: str,
    worker: str | None = None,
    directory: Path | None = None,
    *,
    allocations: int = 1,
    command: Sequence[str] = (),
) -> Submission:
    """Check everything, write the campaign's folder, and send its jobs; sent before, try its failed jobs again.

    Parameters
    ----------
    file
        Of a campaign, a ladder or a distillation.
    project
        As made by ``anodeflow setup cluster``.
    worker
        Worker of a jobflow-remote project; its first by default.
    directory
        The campaign's folder; ``runs/<name>`` by default.
    allocations
        How many allocations share the campaign, on a Slurm-only cluster.
    command
        Command line, for the record.

    Raises
    ------
    InputError
        If the campaign or anything on the way to the cluster is wrong; nothing is written or sent then.
    """
    from . import remote
    from .plan import plan_flow

    work = read_workload(file)
    root = Path(directory) if directory else Path("runs") / work.name
    cluster = read_slurm_only(project)
    if cluster is None:
        found = remote.read_project(project)
        worker = remote.check_worker(found, worker)
    else:
        if worker is not None:
            raise InputError(f"the Slurm-only project '{project}' has no workers", remedy="Leave --worker out.")
        check_slurm(cluster)
    refuse_foreign(root, work.file_name)
    _refuse_another(root, file)
    if cluster is not None:
        with run_lock(root, shared=True):
            work.prepare(root, command)
            numbers = [_allocate(cluster, work, root, number) for number in range(allocations)]
        known = (read_json(root / ALLOCATIONS_FILE) or {}).get("allocations", [])
        write_json(root / ALLOCATIONS_FILE, {"project": project, "allocations": [*known, *numbers]})
        return Submission(root, tuple(numbers), 0, f"{project}: Slurm allocations")
    where = f"{project}: {worker}"
    if (root / remote.SUBMITTED_FILE).exists():
        with run_lock(root):
            return Submission(root, (), remote.try_again(root), where)
    remote.refuse_what_never_starts(found, str(worker), asked_needs(work.flow))
    needs = plan_flow(work.flow, cores=1).jobs
    remote.refuse_what_never_starts(found, str(worker), needs)
    with run_lock(root):
        work.prepare(root, command)
        record = remote.send(work.flow, found, str(worker), root, needs)
        return Submission(root, tuple(job["name"] for job in record["jobs"]), 0, where)


def _refuse_another(root: Path, file: Path) -> None:
    run = read_json(root / RUN_FILE)
    if run is not None and sha256(file) not in run["inputs"].values():
        raise InputError(
            "the folder holds another campaign, or this one with other settings",
            where=str(root),
            remedy="Give another --dir.",
        )


def allocation_script(cluster: Cluster, work: Workload, root: Path) -> str:
    """Return the script of one allocation: the local runner in the shared folder, and itself again if time was short.

    Parameters
    ----------
    cluster
        A Slurm-only cluster.
    work
        What is run.
    root
        Its folder, on a file system that all nodes see.
    """
    here = root.resolve()
    script, program = shlex.quote(str(here / SCRIPT)), shlex.quote(f"{cluster.python_bin}/anodeflow")
    options = [
        f"--job-name=anodeflow-{here.name}",
        "--nodes=1",
        f"--cpus-per-task={cluster.cores}",
        f"--time={slurm_time(cluster.wall_time_h * 3600)}",
        f"--output={here}/allocation-%j.out",
        "--open-mode=append",
    ]
    if cluster.partition:
        options.append(f"--partition={cluster.partition}")
    if cluster.account:
        options.append(f"--account={cluster.account}")
    if cluster.gpus:
        options.append(f"--gres=gpu:{cluster.gpus}")
    if cluster.memory_MB_per_core:
        options.append(f"--mem-per-cpu={round(cluster.memory_MB_per_core)}M")
    lines = ["#!/bin/bash", *(f"#SBATCH {option}" for option in options), cluster.preamble()]
    lines += [
        f"cd {shlex.quote(str(here))} || exit 2",
        f"{program} {work.command} {work.file_name} --dir . --shared --cores {cluster.cores}",
        "code=$?",
        "# 75: the time limit came first and jobs are left",
        f"[ $code -eq 75 ] && sbatch {script}",
        "exit $code",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _allocate(cluster: Cluster, work: Workload, root: Path, number: int) -> str:
    """Submit an allocation; return its number."""
    if number == 0:
        write_text(root / SCRIPT, allocation_script(cluster, work, root))
    answer = patiently(["sbatch", "--parsable", str(root / SCRIPT)])
    return answer.stdout.strip().partition(";")[0]


def allocations_at_work(root: Path) -> list[str]:
    """Return the states of the campaign's allocations that Slurm still knows, such as ``12 RUNNING``."""
    known = (read_json(root / ALLOCATIONS_FILE) or {}).get("allocations", [])
    if not known:
        return []
    words = ["squeue", "--noheader", f"--name=anodeflow-{root.resolve().name}", "--format=%i %T"]
    try:
        answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]
