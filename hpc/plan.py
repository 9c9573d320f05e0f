"""What a campaign costs before anything is spent: every job, the total, and whether it fits."""

from __future__ import annotations

import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .estimate import Estimator
from .needs import JobNeeds, asked_needs
from .probes import ProbeCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobflow import Flow


@dataclass(frozen=True)
class Plan:
    """The cost of a Flow.

    Attributes
    ----------
    name
        Of the Flow.
    jobs
        In its order.
    parents
        uuids of the jobs that each waits for.
    cores
        Cores that the time for all of it is given for.
    wall_s
        Time until the last job is done on that many cores, in s.
    probes, probe_cpu_s
        Probes taken for this plan, and their processor time; 0 when all were known.
    """

    name: str
    jobs: tuple[JobNeeds, ...]
    parents: tuple[tuple[str, ...], ...]
    cores: int
    wall_s: float
    probes: int
    probe_cpu_s: float

    @property
    def core_hours(self) -> float:
        """Of all jobs."""
        return sum(job.hours for job in self.jobs)

    @property
    def cpu_s(self) -> float:
        """Processor time of all jobs, in s."""
        return sum(job.cpu_s for job in self.jobs)

    @property
    def disk_MB(self) -> float:
        """Of all jobs."""
        return sum(job.disk_MB for job in self.jobs)

    @property
    def largest(self) -> JobNeeds:
        """The job that takes longest."""
        return max(self.jobs, key=lambda job: job.wall_s)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON types."""
        return {
            "name": self.name,
            "jobs": [{key: value for key, value in asdict(job).items() if key != "uuid"} for job in self.jobs],
            "total": {
                "jobs": len(self.jobs),
                "core_hours": self.core_hours,
                "cpu_s": self.cpu_s,
                "wall_s": self.wall_s,
                "cores": self.cores,
                "disk_MB": self.disk_MB,
            },
            "largest": self.largest.name,
            "probes": {"taken": self.probes, "cpu_s": self.probe_cpu_s},
        }


@dataclass(frozen=True)
class Limits:
    """What there is.

    Attributes
    ----------
    disk_MB
        Free space where the run goes.
    wall_s
        Longest time that the queue gives a job; None for no limit.
    cores
        Most cores that a job may have; None for no limit.
    memory_MB
        Memory of a node; None for no limit.
    """

    disk_MB: float
    wall_s: float | None = None
    cores: int | None = None
    memory_MB: float | None = None


def plan_flow(flow: Flow, *, cores: int, cache: ProbeCache | None = None) -> Plan:
    """Return what a Flow costs.

    Parameters
    ----------
    flow
        As a campaign makes it; `JobNeeds.uuid` of the plan is that of its jobs.
    cores
        Cores that jobs may use side by side.
    cache
        Remembers probes; the user's own by default.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some jobs are not connected")
        cache = cache or ProbeCache()
        estimator = Estimator(flow, cache)
        jobs = tuple(estimator.fill(needs) for needs in asked_needs(flow))
    parents = tuple(tuple(estimator.parents[job.uuid]) for job in jobs)
    wall_s = _schedule(jobs, parents, cores)
    return Plan(flow.name, jobs, parents, cores, wall_s, cache.taken, cache.cpu_s)


def _schedule(jobs: Sequence[JobNeeds], parents: Sequence[Sequence[str]], cores: int) -> float:
    """Return when the last job ends if the longest chains start first, as the local runner does."""
    ahead: dict[str, float] = {}
    for job, _ in reversed(list(zip(jobs, parents, strict=True))):
        children = [other.uuid for other, needed in zip(jobs, parents, strict=True) if job.uuid in needed]
        ahead[job.uuid] = job.wall_s + max((ahead.get(uuid, 0.0) for uuid in children), default=0.0)
    waiting = list(zip(jobs, parents, strict=True))
    running: list[tuple[float, JobNeeds]] = []
    done: set[str] = set()
    now = 0.0
    while waiting or running:
        free = cores - sum(min(job.cores, cores) for _, job in running)
        ready = sorted((job for job, needed in waiting if done.issuperset(needed)), key=lambda job: -ahead[job.uuid])
        for job in ready:
            need = min(job.cores, cores)
            if need <= free:
                free -= need
                running.append((now + job.wall_s, job))
                waiting = [pair for pair in waiting if pair[0] is not job]
        running.sort(key=lambda pair: pair[0])
        now, ended = running.pop(0)
        done.add(ended.uuid)
    return now


def refusals(plan: Plan, limits: Limits) -> list[InputError]:
    """Return why a plan does not fit, each with the knob to turn; empty if it fits."""
    found = []
    if plan.disk_MB > limits.disk_MB:
        writer = max(plan.jobs, key=lambda job: job.disk_MB)
        factor = math.ceil(plan.disk_MB / max(limits.disk_MB, 1e-9))
        found.append(
            InputError(
                f"the campaign writes {size_text(plan.disk_MB)} and {size_text(limits.disk_MB)} are free",
                where=f"most of it by {writer.name}, {size_text(writer.disk_MB)}",
                remedy=f"Make frame_interval_fs at least {factor} times as long, or give another --dir.",
            )
        )
    if limits.wall_s is not None and plan.largest.wall_s > limits.wall_s:
        found.append(_too_long(plan.largest, limits.wall_s, limits.cores))
    widest = max(plan.jobs, key=lambda job: job.cores)
    if limits.cores is not None and widest.cores > limits.cores:
        what = f"a job asks for {widest.cores} cores and there are {limits.cores}"
        remedy = "Lower resources.mpi_ranks or resources.threads."
        found.append(InputError(what, where=widest.name, remedy=remedy))
    hungriest = max(plan.jobs, key=lambda job: job.memory_MB)
    if limits.memory_MB is not None and hungriest.memory_MB > limits.memory_MB:
        needed, there = size_text(hungriest.memory_MB), size_text(limits.memory_MB)
        what = f"the largest job needs {needed} of memory and there are {there}"
        found.append(InputError(what, where=hungriest.name, remedy="Take fewer atoms, or fewer ranks."))
    return found


def _too_long(job: JobNeeds, limit_s: float, cores: int | None) -> InputError:
    """Return the refusal of a job that takes longer than the queue gives; ranks are taken to work at 80 %."""
    ratio = job.wall_s / limit_s
    ranks = job.mpi_ranks * 2 ** math.ceil(math.log2(1.25 * ratio))
    if job.images:
        knob = "Lower images or image_distance_A, take vibrations: moving, or a queue that gives longer."
    elif not job.steps:
        knob = "Take fewer atoms, or a queue that gives longer."
    elif cores is None or ranks * job.threads <= cores:
        knob = f"Set resources.mpi_ranks to {ranks}, or cut production_ps to {100 / ratio:.0f} % of its length."
    else:
        knob = (
            f"Cut production_ps to {100 / ratio:.0f} % of its length, take fewer atoms, or a queue that gives longer."
        )
    what = f"the longest job takes {time_text(job.wall_s)} and the queue gives {time_text(limit_s)}"
    return InputError(what, where=job.name, remedy=knob)


def limits_here(directory: Path) -> Limits:
    """Return what there is on this machine.

    Parameters
    ----------
    directory
        Where the run goes; it need not exist yet.
    """
    try:
        memory = Path("/proc/meminfo").read_text().splitlines()
        memory_MB = next((float(line.split()[1]) / 1e3 for line in memory if line.startswith("MemTotal")), None)
    except OSError:
        memory_MB = None
    return Limits(_free_MB(directory), memory_MB=memory_MB)


def limits_there(project: str, worker: str | None, directory: Path) -> Limits:
    """Return what there is where a project's jobs run, as its batch system says.

    Parameters
    ----------
    project
        As made by ``anodeflow setup cluster``.
    worker
        Worker of a jobflow-remote project; its first by default.
    directory
        The campaign's folder here, in which the allocations of a Slurm-only project work.

    Raises
    ------
    InputError
        If there is no such project or worker, or its batch system does not answer.
    """
    from . import remote
    from .clusters import execute_here, read_slurm_only
    from .queue import slurm_limits

    cluster = read_slurm_only(project)
    if cluster is not None:
        queue = slurm_limits(execute_here, cluster.partition)
        wall_s = cluster.wall_time_h * 3600
        asked_MB = cluster.memory_MB_per_core and cluster.memory_MB_per_core * cluster.cores
        return Limits(
            _free_MB(directory),
            wall_s if queue.wall_s is None else min(wall_s, queue.wall_s),
            cluster.cores,
            asked_MB or queue.memory_MB,
        )
    found = remote.read_project(project)
    name = remote.worker_name(found, worker)
    queue, free_MB = remote.project_limits(found, name), remote.free_disk_MB(found, name)
    return Limits(math.inf if free_MB is None else free_MB, queue.wall_s, queue.cores, queue.memory_MB)


def _free_MB(directory: Path) -> float:
    there = Path(directory).absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free / 1e6


def size_text(megabytes: float) -> str:
    """Return a size for people, from MB."""
    return f"{megabytes / 1000:.3g} GB" if megabytes >= 1000 else f"{megabytes:.3g} MB"


def time_text(seconds: float) -> str:
    """Return a time for people."""
    if seconds >= 3600:
        return f"{seconds / 3600:.3g} h"
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.2g} s"
