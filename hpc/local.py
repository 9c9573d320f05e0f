"""Run a jobflow Flow here: jobs that do not wait for each other side by side, finished ones never again.

It is plain jobflow underneath (a job is run by its own ``Job.run``); what is added is parallel processes, a folder
for each job named by the hash of its content, and the habit of looking there first.
"""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import sys
import time
import warnings
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.handled import Handled
from ..engines.resources import Resources
from ..errors import AnodeflowError, EngineError, OutOfTimeError
from ..files import write_json
from .allocation import TimeLimit
from .handlers import DISK_FULL, OUT_OF_MEMORY, OUT_OF_TIME, kernel_kills, name_of, name_of_exit, try_again
from .lease import Leases
from .provenance import is_stale
from .store import (
    ERROR_FILE,
    JOB_FILE,
    RESULT_FILE,
    content_hash,
    decode,
    encode,
    job_folder,
    read_json,
    read_progress,
    read_result,
    run_lock,
    write_state,
)
from .worker import work

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess

    from jobflow import Flow, Job

_POLL_S = 0.02
_STATE_S = 0.5
_LOOK_S = 1.0  # between two looks at a job that another process works on


@dataclass
class JobState:
    """One job of the flow as the runner sees it.

    Attributes
    ----------
    job
        jobflow's own.
    parents
        uuids whose outputs it needs.
    state
        ``waiting``, ``running``, ``done``, ``failed``, ``blocked`` (something it needs failed) or ``interrupted`` (the
        time limit came first).
    folder
        Its folder, once its inputs are known.
    hash
        Content hash, once its inputs are known.
    reused
        Whether the result was there already.
    attempt
        How many times it has been started in this folder.
    handled
        Failures after which it was started again, the first `handled_before` of them by earlier runs of the flow.
    alone
        Whether no other job may run beside it.
    elsewhere
        Whether another process that shares the folder works on it.
    stuck
        Whether it was interrupted and left nothing to go on from.
    """

    job: Job
    parents: list[str]
    after: list[tuple[str, int]] = field(default_factory=list)
    state: str = "waiting"
    folder: Path | None = None
    hash: str = ""
    reused: bool = False
    attempt: int = 0
    wall_s: float = 0.0
    message: str = ""
    exit_code: int = 0
    handled: list[Handled] = field(default_factory=list)
    handled_before: int = 0
    alone: bool = False
    elsewhere: bool = False
    failed_before: int = 0
    look_at: float = 0.0
    launched: float = 0.0
    stuck: bool = False
    kills: int = 0
    step: int = -1
    process: BaseProcess | None = None
    encoded: dict[str, Any] | None = None
    begin: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        """Uuid and index."""
        return self.job.uuid, self.job.index

    @property
    def resources(self) -> Resources:
        """What the job's metadata ask for."""
        return Resources(**(self.job.metadata.get("resources") or {}))

    @property
    def cost(self) -> float:
        """Atoms times steps, the measure of how long it takes."""
        return float(self.job.metadata.get("steps", 0) or 0) * float(self.job.metadata.get("natoms", 0) or 0)

    def to_dict(self, root: Path) -> dict[str, Any]:
        """Return the row of the table of jobs."""
        return {
            "name": self.job.name,
            "state": "running" if self.elsewhere else self.state,
            "folder": self.folder.relative_to(root).as_posix() if self.folder else None,
            "hash": self.hash,
            "reused": self.reused,
            "attempt": self.attempt,
            "wall_s": round(self.wall_s, 3),
            "message": self.message,
            "handled": [asdict(one) for one in self.handled],
            "metadata": {key: value for key, value in self.job.metadata.items() if key != "fingerprint"},
        }


def run_flow(
    flow: Flow,
    root: str | Path,
    *,
    cores: int | None = None,
    shared: bool = False,
    time_limit_s: float | None = None,
    watch: Callable[[list[JobState]], None] | None = None,
) -> list[JobState]:
    """Run or resume a Flow in a folder.

    Parameters
    ----------
    flow
        Any jobflow Flow; ``replace``, ``detour`` and ``addition`` are followed. A job's metadata may hold
        ``resources`` (fields of `Resources`), ``natoms`` and ``steps`` (for the order and the time left) and
        ``fingerprint`` (of engine and potential, part of the hash).
    root
        Folder of the run. Finished jobs found there are not run again.
    cores
        Cores to use; all that this process may use by default.
    shared
        Whether others may run the same Flow in the same folder at the same time, also on other machines. Every job
        is then claimed by one of them; see `anodeflow.hpc.lease`.
    time_limit_s
        Wall time after which this returns: jobs stop cleanly before, and are ``interrupted``.
    watch
        Called about twice a second with all jobs.

    Returns
    -------
    list of JobState
        All jobs, in the order of the flow. Failed ones have a message; what does not need them has been run.

    Raises
    ------
    InputError
        If another process works in the folder.
    """
    root = Path(root).resolve()
    cores = cores or len(os.sched_getaffinity(0))
    limit = TimeLimit(time_limit_s)
    with run_lock(root, shared=shared), Leases(root) if shared else nullcontext() as leases:
        return _Runner(flow, root, cores, watch, limit, leases).run()


def start_workers() -> None:
    """Start the process that the jobs' processes are forked from; its imports go on beside what the caller does next.

    Called again it does nothing.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # a job's process has one core unless its resources say more
    # A job's process imports __main__ again, and with it all that the command has loaded of this package so far, unless
    # it finds that there (preloading "__main__" itself does nothing before Python 3.13).
    package = __package__.partition(".")[0]
    loaded = [name for name in sys.modules if name.partition(".")[0] == package]
    multiprocessing.get_context("forkserver").set_forkserver_preload([*loaded, f"{__package__}.preload"])
    forkserver.ensure_running()


class _Runner:
    """The state of one `run_flow`."""

    def __init__(
        self,
        flow: Flow,
        root: Path,
        cores: int,
        watch: Callable[[list[JobState]], None] | None,
        limit: TimeLimit,
        leases: Leases | None,
    ) -> None:
        from jobflow import JobStore
        from maggma.stores import MemoryStore

        self.root, self.cores, self.watch = root, cores, watch
        self.limit, self.leases = limit, leases
        self.jobs: list[JobState] = []
        self.outputs = JobStore(MemoryStore())
        self.outputs.connect()
        self.stopped = False
        self.last_state = 0.0
        self.changed = False
        start_workers()
        self.context = multiprocessing.get_context("forkserver")
        self.add(flow)

    def add(self, flow: Flow) -> list[tuple[str, int]]:
        """Add the jobs of a flow; return their keys."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Some jobs are not connected")
            added = [JobState(job, list(parents)) for job, parents in flow.iterflow()]
        self.jobs += added
        return [state.key for state in added]

    def run(self) -> list[JobState]:
        try:
            while True:
                changed = self.collect() | self.start()
                self.report(changed=changed)
                running = any(state.state == "running" for state in self.jobs)
                elsewhere = self.limit.may_start and any(state.elsewhere for state in self.jobs)
                if not running and not elsewhere and not changed:
                    break
                if not changed:
                    self.wait(_POLL_S if elsewhere or not running else _STATE_S / 2)
        except BaseException as error:
            for state in self.jobs:
                if state.process is not None and state.process.is_alive():
                    state.process.kill()
            if name_of(error) == DISK_FULL.name:
                raise EngineError(
                    "the disk is full", where=str(self.root), remedy="Free some space; the same command goes on."
                ) from error
            raise
        for state in self.jobs:
            if state.state == "waiting":
                state.state = "blocked" if self.limit.may_start else "interrupted"
        self.report(changed=True, last=True)
        return self.jobs

    def wait(self, longest_s: float) -> None:
        """Wait until a job's process ends, but not for long."""
        running = [state.process for state in self.jobs if state.state == "running" and state.process is not None]
        if running:
            multiprocessing.connection.wait([process.sentinel for process in running], longest_s)
        else:
            time.sleep(longest_s)

    def ready(self) -> list[JobState]:
        """Return the waiting jobs whose inputs are there, those with the longest chain behind them first."""
        done = {state.key for state in self.jobs if state.state == "done"}
        latest: dict[str, int] = {}
        for state in self.jobs:
            latest[state.job.uuid] = max(latest.get(state.job.uuid, 0), state.job.index)

        def has_inputs(state: JobState) -> bool:
            needed = [(uuid, latest[uuid]) for uuid in state.parents if uuid in latest]
            return all(key in done for key in [*needed, *state.after])

        found = [state for state in self.jobs if state.state == "waiting" and has_inputs(state)]
        if len(found) < 2:
            return found
        ahead = self.cost_ahead()
        return sorted(found, key=lambda state: -ahead[state.key])

    def start(self) -> bool:
        """Start what can be started; return whether anything changed."""
        changed = False
        running = [state for state in self.jobs if state.state == "running"]
        free = self.cores - sum(min(state.resources.cores, self.cores) for state in running)
        if self.stopped or free <= 0 or any(state.alone for state in running) or not self.limit.may_start:
            return False
        for state in self.ready():
            if state.folder is None:
                document = encode(state.job.resolve_args(self.outputs, inplace=False))
                state.hash = content_hash(document)
                state.folder = job_folder(self.root, state.job.name, state.hash)
                result = read_result(state.folder, state.hash)
                if result is not None and not is_stale(state.job.metadata, result):
                    state.reused, state.attempt, state.wall_s = True, result["attempt"], result["wall_s"]
                    self.finish(state, result)
                    changed = True
                    continue
                earlier = read_json(state.folder / JOB_FILE) or {}
                state.failed_before = int((read_json(state.folder / ERROR_FILE) or {}).get("attempt", 0))
                state.attempt = int(earlier.get("attempt", 0))
                state.handled = [Handled(**row) for row in earlier.get("handled", [])]
                state.handled_before = len(state.handled)
                state.encoded = document
            need = self.cores if state.alone else min(state.resources.cores, self.cores)
            if need > free:
                continue
            if self.leases is not None and not self.take(state, self.leases):
                changed |= state.state != "waiting"
                continue
            free -= need
            self.launch(state)
            changed = True
        return changed

    def take(self, state: JobState, leases: Leases) -> bool:
        """Claim a job that others may work on; False if it is not for this process, at least not now."""
        assert state.folder is not None
        if time.monotonic() < state.look_at:
            return False
        state.look_at = time.monotonic() + _LOOK_S
        state.elsewhere = not leases.claim(state.folder)
        if state.elsewhere:
            return False
        # Only now is it certain that nobody writes there: what has become of it?
        result, error = read_result(state.folder, state.hash), read_json(state.folder / ERROR_FILE) or {}
        if result is not None and not is_stale(state.job.metadata, result):
            state.reused, state.attempt, state.wall_s = True, result["attempt"], result["wall_s"]
            self.finish(state, result)
        elif int(error.get("attempt", 0)) > state.failed_before and error.get("handler") != OUT_OF_TIME.name:
            state.state, state.message = "failed", error["message"]
            state.exit_code = int(error.get("exit_code", EngineError.exit_code))
        else:
            state.attempt = int((read_json(state.folder / JOB_FILE) or {}).get("attempt", 0))
            return True
        leases.release(state.folder)
        return False

    def launch(self, state: JobState) -> None:
        assert state.folder is not None
        state.attempt += 1
        document = state.encoded
        state.folder.mkdir(parents=True, exist_ok=True)
        head = {"name": state.job.name, "hash": state.hash, "attempt": state.attempt}
        handled = [asdict(one) for one in state.handled]
        write_json(state.folder / JOB_FILE, head | {"handled": handled, "job": document}, sync=False)
        (state.folder / ERROR_FILE).unlink(missing_ok=True)
        (state.folder / RESULT_FILE).unlink(missing_ok=True)  # of analysis code that has changed since
        state.kills = kernel_kills()
        resources = state.resources.within(self.limit.for_a_job_s)
        state.process = self.context.Process(target=work, args=(state.folder, resources))
        state.process.start()
        state.begin, state.launched, state.state = time.monotonic(), time.time(), "running"

    def collect(self) -> bool:
        """Take what has ended; return whether anything has."""
        changed = False
        for state in self.jobs:
            if state.state != "running" or state.process is None:
                continue
            assert state.folder is not None
            lost = self.leases is not None and state.folder in self.leases.lost
            if lost or self.limit.is_over:
                state.process.kill()
            elif state.process.is_alive():
                continue
            state.process.join()
            state.wall_s = time.monotonic() - state.begin
            result = read_result(state.folder, state.hash)
            if result is not None:
                self.finish(state, result)
            elif lost:
                state.state = "waiting"  # somebody thought that this process was dead, and took the job over
            else:
                self.fail(state, state.process.exitcode)
            if self.leases is not None:
                self.leases.release(state.folder)
                self.leases.lost.discard(state.folder)
            state.process.close()
            state.process = None
            changed = True
        return changed

    def fail(self, state: JobState, code: int | None) -> None:
        """Let a job that failed try again where a handler says so."""
        assert state.folder is not None
        error = read_json(state.folder / ERROR_FILE) or {}
        state.message = error.get("message", f"The job's process ended with exit code {code}.")
        state.exit_code = int(error.get("exit_code", EngineError.exit_code))
        name = error["handler"] if error else name_of_exit(code, kernel_kills() - state.kills)
        if not self.limit.may_start and (name == OUT_OF_TIME.name or not error):
            state.state = "interrupted"
            state.stuck = not _left_a_restart(state.folder, since=state.launched)
            return
        step = int(read_progress(state.folder).get("step", 0))
        handled = try_again(
            name,
            state.message,
            state.handled[state.handled_before :],
            attempt=state.attempt,
            got_further=step > state.step,
        )
        state.step = step
        if name == DISK_FULL.name:
            self.stopped = True
        if handled is None:
            state.state = "failed"
            return
        state.handled.append(handled)
        state.alone |= name == OUT_OF_MEMORY.name
        state.state, state.message = "waiting", ""

    def finish(self, state: JobState, result: dict[str, Any]) -> None:
        """Take over a result and follow what the job asks of the flow."""
        state.state, state.encoded = "done", None
        self.outputs.update(
            {
                "uuid": state.job.uuid,
                "index": state.job.index,
                "output": result["output"],
                "metadata": {},
                "hosts": [],
                "name": state.job.name,
            },
            key=["uuid", "index"],
        )
        asked = result["response"]
        if "replace" in asked:
            self.add(decode(_under_this_uuid(asked["replace"], state)))
        if "detour" in asked:
            keys = self.add(decode(asked["detour"]))
            for other in self.jobs:
                if other.state == "waiting" and state.job.uuid in other.parents and other.key not in keys:
                    other.after += keys
        if "addition" in asked:
            self.add(decode(asked["addition"]))
        if asked.get("stop_children"):
            for other in self.jobs:
                if state.job.uuid in other.parents:
                    other.after.append((state.job.uuid, -1))
        self.stopped |= bool(asked.get("stop_jobflow"))

    def cost_ahead(self) -> dict[tuple[str, int], float]:
        """Return for each job the cost of the longest chain that begins with it, so that long chains start first."""
        children: dict[str, list[JobState]] = {}
        for state in self.jobs:
            for parent in state.parents:
                children.setdefault(parent, []).append(state)
        ahead: dict[tuple[str, int], float] = {}
        for state in reversed(self.jobs):
            below = [ahead.get(child.key, 0.0) for child in children.get(state.job.uuid, [])]
            ahead[state.key] = state.cost + max(below, default=0.0)
        return ahead

    def report(self, *, changed: bool, last: bool = False) -> None:
        """Write the table of jobs if it has changed, and call the watcher; at most twice a second but at the end.

        With hundreds of short jobs, a table for each change would take longer than the jobs.
        """
        self.changed |= changed
        now = time.monotonic()
        if not last and now - self.last_state < _STATE_S:
            return
        self.last_state = now
        if self.changed:
            self.changed = False
            rows = [state.to_dict(self.root) for state in self.jobs]
            write_state(self.root, {"pid": os.getpid(), "jobs": rows}, keep_done=self.leases is not None)
        if self.watch:
            self.watch(self.jobs)


def _under_this_uuid(flow: dict[str, Any], state: JobState) -> dict[str, Any]:
    """Return the flow that replaces a job with the job's uuid of today: a reused result names that of its own run."""
    earlier = ((read_json(state.folder / JOB_FILE) or {}).get("job") or {}).get("uuid") if state.folder else None
    if not earlier or earlier == state.job.uuid:
        return flow
    renamed: dict[str, Any] = json.loads(json.dumps(flow).replace(earlier, state.job.uuid))
    return renamed


def time_left_s(jobs: list[JobState], cores: int) -> float | None:
    """Return an estimate of the wall time that is left, in s; None before the first steps have been timed.

    Remaining atoms times steps, over the rate per core of what is running and has run, times the cores.
    """
    rates, remaining = [], 0.0
    for state in jobs:
        progress = read_progress(state.folder) if state.folder and state.state == "running" else {}
        natoms = float(state.job.metadata.get("natoms", 0) or 0)
        if progress.get("steps_per_s") and natoms:
            rates.append(progress["steps_per_s"] * natoms / state.resources.cores)
            remaining += max(0, progress["total"] - progress["step"]) * natoms
        elif state.state in ("waiting", "running"):
            remaining += state.cost
        elif state.state == "done" and not state.reused and state.cost and state.wall_s:
            rates.append(state.cost / state.wall_s / state.resources.cores)
    if not rates:
        return None
    return float(remaining / (sum(rates) / len(rates)) / cores)


def _left_a_restart(folder: Path, since: float) -> bool:
    """Return whether a job has written anything that it can go on from since a time, in s of the clock."""
    files = (path for pattern in ("restart.*", "*.npz") for path in folder.rglob(pattern))
    return any(path.stat().st_mtime >= since for path in files)


def raise_first_failure(jobs: list[JobState]) -> None:
    """Raise an error that names each failed job, with the exit code of the first; nothing if none failed."""
    failed = [state for state in jobs if state.state == "failed"]
    if not failed:
        left = sum(1 for state in jobs if state.state == "interrupted")
        if left:
            new = any(state.state == "done" and not state.reused for state in jobs)
            stuck = [state for state in jobs if state.stuck]
            if stuck and not new and all(state.stuck for state in jobs if state.launched):
                raise EngineError(
                    f"the time limit is too short: {stuck[0].job.name} did not get further in it",
                    remedy="Give a longer one.",
                )
            raise OutOfTimeError(
                f"the time limit came first; {left} of {len(jobs)} jobs are left", remedy="The same command goes on."
            )
        return
    blocked = sum(1 for state in jobs if state.state == "blocked")
    lines = "; ".join(f"{state.job.name}: {state.message.rstrip('.')}" for state in failed)
    also = f", and {blocked} that need {'it' if len(failed) == 1 else 'them'} did not run" if blocked else ""
    error = AnodeflowError(
        f"{len(failed)} of {len(jobs)} jobs failed{also}: {lines}",
        remedy="What finished is kept; the same command tries the others again.",
    )
    error.exit_code = failed[0].exit_code or EngineError.exit_code
    raise error
