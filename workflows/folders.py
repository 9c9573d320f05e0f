"""Where a job works and how it tells its progress; without jobflow, so that looking at a run costs no import of it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engines.resources import Resources

JOB_FOLDER = "ANODEFLOW_JOB_FOLDER"
"""Environment variable with the folder that a runner made for the job of this process."""

PROGRESS_FILE = "progress.json"
_PROGRESS_S = 0.5


def slug(name: str) -> str:
    """Return a job's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", name).strip("-")


def job_folder(name: str) -> Path:
    """Return the folder to work in: the one that our runner made for this job alone, or one below the current."""
    here = Path.cwd()
    return here if os.environ.get(JOB_FOLDER) == str(here) else here / slug(name)


def progress_writer(
    folder: Path, done: int = 0, total: int | None = None, resources: Resources | None = None
) -> Callable[[int, int, float], None]:
    """Return a callback that leaves the step, the total and the rate in the job's folder now and then.

    Parameters
    ----------
    folder
        The job's folder.
    done, total
        Steps of earlier stages, and of all stages together.
    resources
        For what is on disk after every step: the callback raises `OutOfTimeError` when their wall time is over.
    """
    last = 0.0

    def report(step: int, steps: int, steps_per_s: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _PROGRESS_S or step == steps:
            last = now
            rounded = round(steps_per_s, 1)
            write_json(
                folder / PROGRESS_FILE,
                {"step": done + step, "total": total or steps, "steps_per_s": rounded},
                sync=False,
            )
        if resources is not None:
            resources.check_time(folder.name)

    return report
