"""What a job asks of a batch system, in the words of each; a job's ranks always share a node."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .allocation import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .needs import JobNeeds

    Execute = Callable[[str], tuple[str, str, int]]

_PARALLEL_ENVIRONMENT = "smp"
_KILLED_FOR_MEMORY = (
    "exceeded memory limit",
    "exceeded job memory limit",
    "exceeded step memory limit",
    "oom-kill",
    "oom_kill",
    "out of memory",
    "job killed: mem",
    "h_vmem",
)


@dataclass(frozen=True)
class QueueLimits:
    """What a queue gives one job.

    Attributes
    ----------
    name
        Of the partition; empty if the batch system does not say.
    wall_s, cores, memory_MB
        Longest wall time, and cores and memory of its largest node; None where there is no limit, or it is not known.
    """

    name: str = ""
    wall_s: float | None = None
    cores: int | None = None
    memory_MB: float | None = None


def slurm_limits(execute: Execute, partition: str | None) -> QueueLimits:
    """Return what Slurm gives a job.

    Parameters
    ----------
    execute
        Runs a shell command where Slurm is.
    partition
        The partition; None for the default.

    Raises
    ------
    InputError
        If Slurm does not answer, or there is no such partition.
    """
    output, errors, code = execute("sinfo --noheader --format='%P %l %c %m'")
    if code != 0:
        said = first_line(errors)
        raise InputError(f"the scheduler does not answer: {said}", where="scheduler slurm", remedy="Ask its admins.")
    rows = [words for words in map(str.split, output.splitlines()) if len(words) == 4]
    default = next((words[0].rstrip("*") for words in rows if words[0].endswith("*")), None)
    rows = [[words[0].rstrip("*"), *words[1:]] for words in rows]
    name = partition or default
    if name is None:
        return QueueLimits()
    nodes = [words for words in rows if words[0] == name]
    if not nodes:
        there = ", ".join(sorted({words[0] for words in rows}))
        raise InputError(f"there is no partition '{name}'", where="partition", remedy=f"There are: {there}.")
    cores, memory = (max(int(words[column].rstrip("+")) for words in nodes) for column in (2, 3))
    return QueueLimits(name, seconds_of(nodes[0][1]), cores, memory * 1.048576)  # Slurm counts in MiB


def first_line(text: str) -> str:
    """Return the first line of what a program said, without a full stop."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "nothing was said").rstrip(".")


def asked_of_queue(scheduler: str, needs: JobNeeds, asked: Mapping[str, Any], wall_s: float) -> dict[str, Any]:
    """Return the fields of ``qtoolkit.core.data_objects.QResources`` that ask a batch system for a job.

    Parameters
    ----------
    scheduler
        ``slurm``, ``pbs``, ``sge`` or ``shell``.
    needs
        What the job needs.
    asked
        What every job of the project asks for: ``queue_name``, ``account``, ``memory_per_thread`` (MB); for SGE also
        ``parallel_environment``.
    wall_s
        Wall time to ask for, in s.
    """
    if scheduler == "shell":
        return {}
    memory_MB = asked.get("memory_per_thread") or max(1, round(needs.memory_MB / needs.cores))
    fields: dict[str, Any] = {
        "queue_name": asked.get("queue_name"),
        "processes": needs.mpi_ranks,
        "threads_per_process": needs.threads,
        "time_limit": max(60, round(wall_s)),
    }
    if scheduler == "sge":
        # its resources have no standard names but these two; slots come from a parallel environment
        environment = asked.get("parallel_environment") or _PARALLEL_ENVIRONMENT
        own = {"select": f"h_vmem={memory_MB}M"}
        if needs.cores > 1:
            own["model"] = f"{environment} {needs.cores}"
        if asked.get("account"):
            own["device"] = asked["account"]  # what qtoolkit's template calls the argument of -P
        fields["scheduler_kwargs"] = own
    elif scheduler == "pbs":
        select = f"select=1:ncpus={needs.cores}:mpiprocs={needs.mpi_ranks}:ompthreads={needs.threads}"
        select += f":mem={memory_MB * needs.cores}mb" + (f":ngpus={needs.gpus}" if needs.gpus else "")
        fields |= {"account": asked.get("account"), "scheduler_kwargs": {"select": select, "place": "pack"}}
    else:
        fields |= {"account": asked.get("account"), "memory_per_thread": memory_MB, "gpus_per_job": needs.gpus or None}
        fields["process_placement"] = "SAME_NODE"
    return {key: value for key, value in fields.items() if value is not None}


def killed_for_memory(said: str) -> str | None:
    """Return the line with which a batch system says that it killed a job for its memory; None if it does not."""
    lines = (line.strip() for line in said.splitlines())
    return next((line for line in lines if any(words in line.lower() for words in _KILLED_FOR_MEMORY)), None)


def with_twice_the_memory(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a job asked of its queue, as of `asked_of_queue`, with twice the memory."""
    found = dict(resources)
    if found.get("memory_per_thread"):
        found["memory_per_thread"] *= 2
    own = dict(found.get("scheduler_kwargs") or {})
    if "select" in own:
        own["select"] = re.sub(r"(?<=mem=)\d+", lambda number: str(2 * int(number[0])), own["select"])
        found["scheduler_kwargs"] = own
    return found
