"""Jobs that meet the wall time of a queue: they stop cleanly, go back into the queue, and go on to the total.

Our own runner starts such a job again in its folder. A queue gives a job a folder and forgets it; there the job
replaces itself, in jobflow's own words, by the same job that works in the folder of the first one.
"""

from __future__ import annotations

import functools
import os
from contextlib import chdir, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobflow import Response, job

from ..errors import OutOfTimeError
from .folders import JOB_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable


def resumable_job(make: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a Maker's method as a job that goes back into the queue when it raises `OutOfTimeError`.

    Parameters
    ----------
    make
        A method of a Maker that continues what it finds in its folder. The decorated one also takes ``resume_in``, the
        folder that an earlier start of the job worked in.
    """

    @functools.wraps(make)
    def run(self: Any, *args: Any, resume_in: str | None = None, **kwargs: Any) -> Any:
        folder = Path(resume_in) if resume_in else Path.cwd()
        try:
            with chdir(folder) if resume_in else nullcontext():
                return make(self, *args, **kwargs)
        except OutOfTimeError:
            if os.environ.get(JOB_FOLDER):
                raise
            again = getattr(self, make.__name__)(*args, resume_in=str(folder), **kwargs)
            return Response(replace=again)

    return job(run)
