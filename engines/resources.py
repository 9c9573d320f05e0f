"""What a job may use of a machine."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import InputError


@dataclass(frozen=True)
class Resources:
    """Processors of one job.

    Attributes
    ----------
    mpi_ranks
        Number of MPI processes.
    threads
        OpenMP threads of each.
    wall_time_s
        Time after which the job has to stop by itself, in s; None for no limit.
    """

    mpi_ranks: int = 1
    threads: int = 1
    wall_time_s: float | None = None

    def __post_init__(self) -> None:
        if self.mpi_ranks < 1 or self.threads < 1:
            raise InputError(f"{self.mpi_ranks} MPI ranks of {self.threads} threads cannot run anything")

    @property
    def cores(self) -> int:
        """Cores that are busy while the job runs."""
        return self.mpi_ranks * self.threads

    @classmethod
    def of_this_process(cls) -> Resources:
        """Return what the runner or the queue has given to this process.

        ``ANODEFLOW_MPI_RANKS``, ``ANODEFLOW_THREADS`` and ``ANODEFLOW_WALL_TIME_S`` come first (the local runner sets
        them), then Slurm's ``SLURM_NTASKS`` and ``SLURM_CPUS_PER_TASK``, then one core.
        """

        def number(*names: str) -> int:
            return next((int(os.environ[name]) for name in names if os.environ.get(name)), 1)

        limit = os.environ.get("ANODEFLOW_WALL_TIME_S")
        return cls(
            mpi_ranks=number("ANODEFLOW_MPI_RANKS", "SLURM_NTASKS"),
            threads=number("ANODEFLOW_THREADS", "SLURM_CPUS_PER_TASK"),
            wall_time_s=float(limit) if limit else None,
        )
