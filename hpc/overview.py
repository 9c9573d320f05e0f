"""The status of any campaign: run here, in Slurm allocations that share its folder, or through jobflow-remote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .status import RunStatus, run_status
from .store import ALLOCATIONS_FILE, STATE_FILE, SUBMITTED_FILE, is_locked, read_json

if TYPE_CHECKING:
    from pathlib import Path


def campaigns_below(folder: Path) -> list[Path]:
    """Return the folders right below one that hold a campaign, run or submitted."""
    files = (STATE_FILE, SUBMITTED_FILE, ALLOCATIONS_FILE)
    return sorted({path.parent for name in files for path in folder.glob(f"*/{name}")})


def status_of(root: Path) -> RunStatus:
    """Return the status of the campaign in a folder, wherever it runs.

    Raises
    ------
    InputError
        If the folder holds none, or what knows about it does not answer.
    """
    if (root / SUBMITTED_FILE).exists() and not is_locked(root):
        from .remote import remote_status

        return remote_status(root)
    if not (root / ALLOCATIONS_FILE).exists():
        return run_status(root)
    from .submit import allocations_at_work

    project = (read_json(root / ALLOCATIONS_FILE) or {}).get("project", "")
    queue = allocations_at_work(root)
    where = f"{project}: {', '.join(queue) if queue else 'no allocation in the queue'}"
    if not (root / STATE_FILE).exists():
        return RunStatus(root, bool(queue), (), where=where)
    return replace(run_status(root), where=where)
