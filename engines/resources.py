"""What a job may use of a machine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace

from ..errors import InputError, OutOfTimeError


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
        Time after which the job has to stop by itself, in s, counted from when this object was made; None for no
        limit.
    gpus
        Graphics processors, which a queue is asked for; a model in Python and a LAMMPS of the user's may find them.
    """

    mpi_ranks: int = 1
    threads: int = 1
    wall_time_s: float | None = None
    gpus: int = 0
    begin_s: float = field(default_factory=time.monotonic, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.mpi_ranks < 1 or self.threads < 1:
            raise InputError(f"{self.mpi_ranks} MPI ranks of {self.threads} threads cannot run anything")

    @property
    def cores(self) -> int:
        """Cores that are busy while the job runs."""
        return self.mpi_ranks * self.threads

    def within(self, limit_s: float | None) -> Resources:
        """Return the same with a wall time of at most `limit_s` from now; None changes nothing."""
        if limit_s is None:
            return self
        return replace(self, wall_time_s=limit_s if self.wall_time_s is None else min(limit_s, self.wall_time_s))

    @property
    def time_left_s(self) -> float | None:
        """Time until the job has to stop, in s and never negative; None for no limit."""
        if self.wall_time_s is None:
            return None
        return max(0.0, self.wall_time_s - (time.monotonic() - self.begin_s))

    def check_time(self, where: str) -> None:
        """Raise `OutOfTimeError` if the time is over; called where everything is on disk.

        Parameters
        ----------
        where
            What is being done, for the sentence.
        """
        if self.time_left_s == 0.0:
            raise OutOfTimeError(
                f"the wall time of {self.wall_time_s:g} s is over",
                where=where,
                remedy="The same command goes on from here.",
            )

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
