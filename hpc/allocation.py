"""The time that is left: of a queue's allocation, or of a limit that the user gave."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field

from ..errors import InputError

_LEAST_JOB_S = 5.0


@dataclass(frozen=True)
class TimeLimit:
    """A limit of wall time for a whole run, and how it is shared between the jobs and what comes after them.

    Attributes
    ----------
    limit_s
        Wall time from now, in s; None for no limit.
    """

    limit_s: float | None = None
    begin_s: float = field(default_factory=time.monotonic, init=False, repr=False, compare=False)

    @property
    def reserve_s(self) -> float:
        """Time kept for jobs to stop: a tenth of the limit, between 10 s and a minute, and half of a shorter one."""
        return 0.0 if self.limit_s is None else min(60.0, max(10.0, 0.1 * self.limit_s), 0.5 * self.limit_s)

    @property
    def left_s(self) -> float | None:
        """What is left, in s."""
        return None if self.limit_s is None else self.limit_s - (time.monotonic() - self.begin_s)

    @property
    def for_a_job_s(self) -> float | None:
        """How long a job that starts now may run, in s; None for no limit."""
        return None if self.left_s is None else self.left_s - self.reserve_s

    @property
    def may_start(self) -> bool:
        """Whether it is worth while to start a job."""
        return self.for_a_job_s is None or self.for_a_job_s > _LEAST_JOB_S

    @property
    def is_over(self) -> bool:
        """Whether jobs that did not stop by themselves have to be stopped now."""
        return self.left_s is not None and self.left_s < self.reserve_s / 2


def allocation_left_s() -> float | None:
    """Return the wall time left of the Slurm allocation that this process runs in, in s; None outside of one."""
    job = os.environ.get("SLURM_JOB_ID")
    if not job:
        return None
    end = os.environ.get("SLURM_JOB_END_TIME")
    if end:
        return float(end) - time.time()
    try:
        words = ["squeue", "--noheader", "--jobs", job, "--format", "%L"]
        answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return seconds_of(answer.stdout.strip()) if answer.returncode == 0 else None


def seconds_of(text: str) -> float | None:
    """Return a time as Slurm prints it (``days-hours:minutes:seconds``, without what is zero in front) in s.

    ``UNLIMITED`` and what is no time give None.
    """
    days, _, rest = text.rpartition("-")
    try:
        parts = [int(part) for part in rest.split(":")]
        seconds = 0
        for part in parts:
            seconds = seconds * 60 + part
        if len(parts) == 1:
            seconds *= 60
        return float(int(days or 0) * 86400 + seconds)
    except ValueError:
        return None


def slurm_time(seconds: float) -> str:
    """Return a time in s as Slurm reads it, ``days-hours:minutes:seconds``.

    Raises
    ------
    InputError
        If it is not at least a minute.
    """
    if seconds < 60:
        raise InputError(f"a wall time of {seconds:g} s is too short for a queue", remedy="Give at least a minute.")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02d}:{minutes:02d}:{rest:02d}"
