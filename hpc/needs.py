"""What each job of a Flow needs of a machine: the plan fills it in, the runner and the queue read it.

A Maker says in its job's metadata ``natoms``, ``steps`` and ``resources`` (fields of `Resources`), and where it
applies ``frames``, ``images`` and ``calls`` (force calls of its relaxations); everything else is measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engines.resources import Resources

if TYPE_CHECKING:
    from jobflow import Flow, Job


@dataclass(frozen=True)
class JobNeeds:
    """What one job needs.

    Attributes
    ----------
    uuid, name
        jobflow's own.
    kind
        Its Maker in words, such as ``melt quench``, or the name of its function.
    natoms, steps, images
        Size, steps of molecular dynamics, images of a band; 0 where there are none.
    mpi_ranks, threads, gpus
        Processors.
    wall_s
        Expected wall time on an otherwise idle machine, in s.
    cpu_s
        Expected time of all its processors together, in s.
    wall_limit_s
        Wall time to ask of a queue: the expected one with a margin.
    memory_MB, disk_MB
        Memory while it runs, and files that it leaves, in MB (10⁶ bytes).
    probed
        Whether an engine was timed for it; False for a guess.
    """

    uuid: str
    name: str
    kind: str
    natoms: int = 0
    steps: int = 0
    images: int = 0
    mpi_ranks: int = 1
    threads: int = 1
    gpus: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    wall_limit_s: float = 3600.0
    memory_MB: float = 1000.0
    disk_MB: float = 1.0
    probed: bool = False

    @property
    def cores(self) -> int:
        """Cores that are busy while it runs."""
        return self.mpi_ranks * self.threads

    @property
    def hours(self) -> float:
        """Core-hours."""
        return self.wall_s * self.cores / 3600


def kind_of(job: Job) -> str:
    """Return what a job does, in words: its Maker's name without ``Maker``, or that of its function."""
    if job.maker is not None:
        name = type(job.maker).__name__.removesuffix("Maker")
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return str(job.function.__name__).replace("_", " ")


def asked_needs(flow: Flow) -> list[JobNeeds]:
    """Return what the jobs of a Flow ask for themselves, in its order; times and sizes are not measured.

    Parameters
    ----------
    flow
        As a campaign makes it.
    """
    found = []
    for job, _ in flow.iterflow():
        metadata = job.metadata
        asked = Resources(**(metadata.get("resources") or {}))
        found.append(
            JobNeeds(
                uuid=job.uuid,
                name=job.name,
                kind=kind_of(job),
                natoms=int(metadata.get("natoms") or 0),
                steps=int(metadata.get("steps") or 0),
                images=int(metadata.get("images") or 0),
                mpi_ranks=asked.mpi_ranks,
                threads=asked.threads,
                gpus=asked.gpus,
                wall_limit_s=asked.wall_time_s or JobNeeds.wall_limit_s,
            )
        )
    return found
