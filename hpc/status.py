"""What a run is doing, read from its folder by any other process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .lease import Leases
from .store import STATE_FILE, is_locked, read_json, read_progress

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class JobStatus:
    """One job.

    Attributes
    ----------
    name, state
        ``state`` is ``waiting``, ``running``, ``interrupted``, ``done``, ``failed`` or ``blocked``.
    step, total, steps_per_s
        Of the molecular dynamics under way; None where there is none.
    wall_s
        Wall time of a finished job.
    folder, message, attempt
        Its folder, why it failed, how often it was started.
    """

    name: str
    state: str
    step: int | None
    total: int | None
    steps_per_s: float | None
    wall_s: float
    folder: str | None
    message: str
    attempt: int


@dataclass(frozen=True)
class RunStatus:
    """A run: whether a process is at work in it, and its jobs."""

    directory: Path
    alive: bool
    jobs: tuple[JobStatus, ...]
    where: str = "here"

    def count(self, state: str) -> int:
        """Return the number of jobs in a state."""
        return sum(1 for job in self.jobs if job.state == state)


def run_status(root: Path) -> RunStatus:
    """Return the status of the run in a folder.

    Raises
    ------
    InputError
        If the folder holds no run.
    """
    document = read_json(root / STATE_FILE)
    if document is None:
        raise InputError("this folder holds no run", where=str(root), remedy="Start one with 'anodeflow run FILE'.")
    alive = is_locked(root) or _is_shared(root, document["jobs"])
    jobs = []
    for row in document["jobs"]:
        state = row["state"]
        if state == "running" and not alive:
            state = "interrupted"
        progress = read_progress(root / row["folder"]) if row["folder"] and state in ("running", "interrupted") else {}
        jobs.append(
            JobStatus(
                name=row["name"],
                state=state,
                step=progress.get("step"),
                total=progress.get("total"),
                steps_per_s=progress.get("steps_per_s") if state == "running" else None,
                wall_s=row["wall_s"],
                folder=row["folder"],
                message=row["message"],
                attempt=row["attempt"],
            )
        )
    return RunStatus(root, alive, tuple(jobs))


def _is_shared(root: Path, rows: list[dict[str, Any]]) -> bool:
    """Return whether one of several processes that share the folder works on a job."""
    leases = Leases(root)
    return any(row["folder"] and row["state"] != "done" and leases.is_taken(root / row["folder"]) for row in rows)
