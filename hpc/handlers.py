"""What is done about a job that failed: which failures are tried again here, with what changed, and how often.

Three failures are mended inside the job, wherever it runs (`anodeflow.engines.handled`). The others concern the
machine and not the physics; for them the local runner has the rules below, and jobflow-remote its own on a cluster.
"""

from __future__ import annotations

import errno
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..engines.handled import (
    EXPLODING_ENERGY,
    LOST_ATOMS,
    SCF,
    Handled,
    Handler,
    MemoryShortError,
    ProcessKilledError,
    ScfError,
)
from ..engines.lammps.failures import DiskFullError, LostAtomsError, UnstableError
from ..errors import EngineError, OutOfTimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NODE_FAILURE = Handler("node failure", "nothing; it goes on from its last restart", 3)
OUT_OF_MEMORY = Handler("out of memory", "it has the machine to itself", 1)
OUT_OF_TIME = Handler("out of time", "nothing; it goes on from its restart as long as it gets further", 1000)
DISK_FULL = Handler("disk full", "not tried again; no further job is started", 0)
SCHEDULER_HICCUP = Handler("scheduler hiccup", "nothing; the command is repeated after 2, 4, 8 and 16 s", 4)

HANDLERS = {
    handler.name: handler
    for handler in (
        LOST_ATOMS,
        EXPLODING_ENERGY,
        SCF,
        NODE_FAILURE,
        OUT_OF_MEMORY,
        OUT_OF_TIME,
        DISK_FULL,
        SCHEDULER_HICCUP,
    )
}
"""All handlers by name."""

_OF_THE_RUNNER = {handler.name for handler in (NODE_FAILURE, OUT_OF_MEMORY, OUT_OF_TIME)}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_HICCUPS = (
    "socket timed out",
    "unable to contact slurm controller",
    "slurm temporarily unable",
    "resource temporarily unavailable",
    "connection refused",
    "connection reset",
    "communication connection failure",
    "zero bytes were transmitted",
    "protocol authentication error",
    "cannot connect to default server host",
    "pbs_iff",
)


class SchedulerError(EngineError):
    """The batch system refused a command, or did not answer."""


def name_of(error: BaseException) -> str:
    """Return the name of the handler that a failure belongs to; empty where there is none."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return DISK_FULL.name
    kinds: list[tuple[type[BaseException], Handler]] = [
        (LostAtomsError, LOST_ATOMS),
        (UnstableError, EXPLODING_ENERGY),
        (ScfError, SCF),
        (OutOfTimeError, OUT_OF_TIME),
        (DiskFullError, DISK_FULL),
        (MemoryShortError, OUT_OF_MEMORY),
        (MemoryError, OUT_OF_MEMORY),
        (ProcessKilledError, NODE_FAILURE),
        (SchedulerError, SCHEDULER_HICCUP),
    ]
    found = next((handler for kind, handler in kinds if isinstance(error, kind)), None)
    return found.name if found else ""


def name_of_exit(code: int | None, kernel_kills: int) -> str:
    """Return the handler of a job's process that ended without a word.

    Parameters
    ----------
    code
        Its exit code; negative for a signal.
    kernel_kills
        How many processes the kernel has killed for lack of memory since it began.
    """
    if code == errno.ENOSPC:
        return DISK_FULL.name
    if code is None or code >= 0:
        return ""
    return OUT_OF_MEMORY.name if kernel_kills else NODE_FAILURE.name


def kernel_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory since it was started; 0 if it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def try_again(
    name: str, message: str, handled: Sequence[Handled], *, attempt: int, got_further: bool
) -> Handled | None:
    """Return the record with which the local runner starts a job again, or None if it does not.

    Parameters
    ----------
    name
        Handler, as returned by `name_of`.
    message
        What went wrong.
    handled
        What this run has handled in this job before.
    attempt
        Number of the try that failed.
    got_further
        Whether the last try came further than the one before; one that is out of time has to.
    """
    if name not in _OF_THE_RUNNER:
        return None
    handler = HANDLERS[name]
    before = sum(1 for one in handled if one.handler == name)
    if before >= handler.tries or (name == OUT_OF_TIME.name and not got_further):
        return None
    return Handled(name, message, handler.changed, attempt)


def patiently(
    command: Sequence[str], *, first_wait_s: float = 2.0, told: Callable[[Handled], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the batch system, again after a while where the batch system was only busy.

    Parameters
    ----------
    command
        Argument list, such as ``["sbatch", "job.sh"]``.
    first_wait_s
        Time before the second try; doubled before each further one.
    told
        Called with the record of each try that failed.

    Raises
    ------
    SchedulerError
        If the command is refused, or the batch system still does not answer after the last try.
    """
    for tried in range(SCHEDULER_HICCUP.tries + 1):
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            raise SchedulerError(
                f"there is no command '{command[0]}' here",
                remedy="Run this where the batch system is, or load its module.",
            ) from None
        if answer.returncode == 0:
            return answer
        said = (answer.stderr or answer.stdout).strip() or f"exit code {answer.returncode}"
        if not any(text in said.lower() for text in _HICCUPS):
            raise SchedulerError(f"{command[0]} says: {said}", remedy="Correct what it names and try again.")
        if tried < SCHEDULER_HICCUP.tries:
            wait_s = first_wait_s * 2**tried
            if told:
                told(Handled(SCHEDULER_HICCUP.name, said, f"nothing; repeated after {wait_s:g} s", tried + 1))
            time.sleep(wait_s)
    raise SchedulerError(
        f"the batch system did not answer {SCHEDULER_HICCUP.tries + 1} times: {said}",
        where=command[0],
        remedy="Wait, or ask whoever runs it; nothing is lost.",
    )
