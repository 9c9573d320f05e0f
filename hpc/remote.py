"""Campaigns through jobflow-remote: the Flow that ``run`` uses goes into its queue, and results come back as files.

What comes back lies in the campaign's folder as if it had been computed there: the report works on it, and a local run
goes on from it.
"""

from __future__ import annotations

import shlex
import warnings
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..engines.handled import Handled
from ..errors import InputError
from ..files import write_json
from .clusters import (
    check_database,
    check_modules,
    check_program,
    check_scheduler,
    remote_folder,
    unknown_project,
)
from .handlers import OUT_OF_MEMORY
from .needs import kind_of
from .provenance import provenance
from .queue import (
    QueueLimits,
    asked_of_queue,
    first_line,
    killed_for_memory,
    slurm_limits,
    with_twice_the_memory,
)
from .remote_job import STORED
from .status import JobStatus, RunStatus
from .store import RESULT_FILE, SUBMITTED_FILE, content_hash, encode, job_folder, read_json, read_result, write_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobflow import Flow
    from jobflow_remote.config.base import Project
    from jobflow_remote.jobs.data import JobInfo
    from jobflow_remote.jobs.jobcontroller import JobController

    from .needs import JobNeeds
    from .queue import Execute

_SHORTEST_ASKED_S, _DAY_S = 600.0, 86400.0
_STOP_BEFORE_S = 60.0  # a job stops by itself so long before its wall time
_STATES = {
    "WAITING": "waiting",
    "READY": "waiting",
    "CHECKED_OUT": "queued",
    "UPLOADED": "queued",
    "SUBMITTED": "queued",
    "BATCH_SUBMITTED": "queued",
    "BATCH_RUNNING": "running",
    "RUNNING": "running",
    "RUN_FINISHED": "running",
    "DOWNLOADED": "running",
    "COMPLETED": "done",
    "FAILED": "failed",
    "REMOTE_ERROR": "failed",
    "PAUSED": "paused",
    "STOPPED": "blocked",
    "USER_STOPPED": "blocked",
}
_LEFT_BEHIND = ("*.lammpstrj", "log.*", "job.log")


def require_jobflow_remote() -> None:
    """Raise `InputError` unless jobflow-remote is installed."""
    from importlib.util import find_spec

    if find_spec("jobflow_remote") is None:
        raise InputError("jobflow-remote is not installed", remedy="Install it with: pip install 'anodeflow[cluster]'.")
    # what its authors have to change, not the user
    warnings.filterwarnings("ignore", category=FutureWarning, module="jobflow")


def parse_project(document: dict[str, Any], path: Path) -> Project:
    """Return a project of jobflow-remote, or raise `InputError` with its first fault."""
    require_jobflow_remote()
    from jobflow_remote.config.base import Project
    from pydantic import ValidationError

    try:
        return Project.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part not in ("local", "remote"))
        what = f"'{first['loc'][-1]}' is not a key here" if first["type"] == "extra_forbidden" else first["msg"]
        raise InputError(f"the project file has a fault: {first_line(what)}", where=f"{path}: {field}") from None


def read_project(name: str) -> Project:
    """Return the project of jobflow-remote with a name.

    Raises
    ------
    InputError
        If there is none, or its file has a fault.
    """
    require_jobflow_remote()
    path = remote_folder() / f"{name}.yaml"
    if not path.exists():
        raise unknown_project(name)
    try:
        document = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"not valid YAML: {getattr(error, 'problem', error)}", where=where) from None
    if not isinstance(document, dict):
        raise InputError("the project file holds no keys", where=str(path))
    return parse_project(document, path)


def check_worker(project: Project, worker: str | None) -> str:
    """Check that jobs can be sent, and return the worker's name.

    Parameters
    ----------
    project
        The project.
    worker
        Name of the worker; None for the first.

    Raises
    ------
    InputError
        If there is no such worker, or its scheduler, partition, modules, programs or the database do not answer.
    """
    name = worker_name(project, worker)
    found = project.workers[name]
    asked = _asked(project)
    with _logged_in(project, name) as execute:
        scheduler = _scheduler_of(project, name)
        check_scheduler(execute, scheduler, asked.get("queue_name"), float(asked.get("time_limit", 0)))
        for config in project.exec_config.values():
            check_modules(execute, config.modules or [])
        words = (found.execution_cmd or "").split(" ")
        if words[0].endswith("/anodeflow"):
            preamble = [f"module load {shlex.quote(name)}" for name in _modules(project)]
            check_program(execute, "\n".join([*preamble, found.pre_run or ""]).strip(), words[0])
        _, _, code = execute(f"mkdir -p {shlex.quote(str(found.work_dir))}")
        if code != 0:
            raise InputError(f"the folder {found.work_dir} cannot be made on the cluster", where="work_dir")
    check_database(_uri(project))
    return name


def worker_name(project: Project, worker: str | None) -> str:
    """Return the name of a worker of the project, its first one for None; raise `InputError` if there is none."""
    if not project.workers:
        raise InputError("the project has no worker", where=project.name)
    name = worker or next(iter(project.workers))
    if name not in project.workers:
        known = ", ".join(project.workers)
        raise InputError(
            f"there is no worker '{name}' in {project.name}", where="--worker", remedy=f"Known are: {known}."
        )
    return name


@contextmanager
def _logged_in(project: Project, worker: str) -> Iterator[Execute]:
    """Yield what runs a shell command on the machine of a worker."""
    host = project.workers[worker].get_host()
    try:
        host.connect()
    except Exception as error:
        raise InputError(
            f"the worker '{worker}' cannot be reached: {first_line(str(error) or type(error).__name__)}",
            where=project.name,
            remedy="Try ssh by hand.",
        ) from None

    def execute(command: str) -> tuple[str, str, int]:
        output, errors, code = host.execute(command)
        return str(output), str(errors), int(code)

    try:
        yield execute
    finally:
        host.close()


def _scheduler_of(project: Project, worker: str) -> str:
    kind = project.workers[worker].scheduler_type
    return kind if isinstance(kind, str) else ""


def _modules(project: Project) -> list[str]:
    return [module for config in project.exec_config.values() for module in config.modules or []]


def project_limits(project: Project, worker: str) -> QueueLimits:
    """Return what a worker's queue gives a job: Slurm's own limits, and the project's wall time where that is shorter.

    Raises
    ------
    InputError
        If the worker or its scheduler does not answer.
    """
    asked = _asked(project)
    limits = QueueLimits()
    if _scheduler_of(project, worker) == "slurm":
        with _logged_in(project, worker) as execute:
            limits = slurm_limits(execute, asked.get("queue_name"))
    times = [float(time) for time in (limits.wall_s, asked.get("time_limit")) if time is not None]
    return replace(limits, wall_s=min(times, default=None))


def free_disk_MB(project: Project, worker: str) -> float | None:
    """Return the free space where a worker's jobs work, in MB; None if the machine does not say."""
    folder = shlex.quote(str(project.workers[worker].work_dir))
    with _logged_in(project, worker) as execute:
        output, _, code = execute(f"mkdir -p {folder} && df -Pk {folder} | tail -n 1")
    words = output.split()[-6:]
    return float(words[3]) * 1.024e-3 if code == 0 and len(words) == 6 and words[3].isdigit() else None


def refuse_what_never_starts(project: Project, worker: str, needs: Iterable[JobNeeds]) -> None:
    """Raise `InputError` for a job with more cores or memory than any node of the queue has.

    A job that takes longer than the queue gives is not refused: it goes back into the queue and on.
    """
    limits = project_limits(project, worker)
    memory = _asked(project).get("memory_per_thread")
    for need in needs:
        if limits.cores is not None and need.cores > limits.cores:
            raise InputError(
                f"a job asks for {need.cores} cores and a node of '{limits.name}' has {limits.cores}",
                where=need.name,
                remedy="Lower resources.mpi_ranks or resources.threads.",
            )
        asked_MB = need.memory_MB if memory is None else memory * need.cores
        if need.probed and limits.memory_MB is not None and asked_MB > limits.memory_MB:
            raise InputError(
                f"a job asks for {asked_MB:.0f} MB of memory and a node of '{limits.name}' has {limits.memory_MB:.0f}",
                where=need.name,
                remedy="Take fewer atoms or ranks, or lower the project's memory_per_thread.",
            )


def _uri(project: Project) -> str:
    store = project.queue.store
    return (
        str(store["uri"])
        if "uri" in store
        else f"mongodb://{store.get('host', 'localhost')}:{store.get('port', 27017)}"
    )


def database_answers(name: str) -> int:
    """Return how many jobs a project's database holds; raise `InputError` if it does not answer."""
    project = read_project(name)
    check_database(_uri(project))
    return int(project.get_job_controller().count_jobs())


def _asked(project: Project) -> dict[str, Any]:
    return dict((project.metadata or {}).get("anodeflow") or {})


def initialise(project: Project) -> None:
    """Make a database that holds nothing ready for the queue; one that holds something is left as it is."""
    controller = project.get_job_controller()
    if controller.auxiliary.find_one({"next_id": {"$exists": True}}) is None and not controller.count_jobs():
        controller.reset()


def with_resources(flow: Flow, project: Project, worker: str, needs: Iterable[JobNeeds]) -> None:
    """Give each job of a Flow what it asks of the queue: cores, GPUs, memory, wall time, modules.

    Parameters
    ----------
    flow
        Changed in place: the configuration of its jobs for jobflow-remote.
    project
        Its ``metadata: anodeflow`` holds what all jobs ask for; wall times are not longer than there.
    worker
        Which of its workers.
    needs
        What each job needs.
    """
    from jobflow_remote.config.base import ExecutionConfig
    from qtoolkit.core.data_objects import ProcessPlacement, QResources

    asked, by_uuid = _asked(project), {one.uuid: one for one in needs}
    modules, scheduler = _modules(project), _scheduler_of(project, worker)
    for job, _ in flow.iterflow():
        need = by_uuid[job.uuid]
        planned_s = max(_SHORTEST_ASKED_S, need.wall_limit_s) if need.probed else _DAY_S
        limit_s = round(min(planned_s, asked.get("time_limit", _DAY_S)))
        resources = asked_of_queue(scheduler, need, asked, limit_s)
        if "process_placement" in resources:
            resources["process_placement"] = ProcessPlacement(resources["process_placement"])
        export = {
            "ANODEFLOW_WALL_TIME_S": str(limit_s - min(_STOP_BEFORE_S, limit_s / 2)),
            "ANODEFLOW_MPI_RANKS": str(need.mpi_ranks),
            "ANODEFLOW_THREADS": str(need.threads),
        }
        job.update_config(
            {
                "manager_config": {
                    "resources": QResources(**resources) if resources else None,
                    "exec_config": ExecutionConfig(
                        modules=modules or None, export=export, pre_run=None, post_run=None
                    ).model_dump(),
                }
            }
        )


def send(flow: Flow, project: Project, worker: str, root: Path, needs: Iterable[JobNeeds]) -> dict[str, Any]:
    """Put a Flow into the queue; return the record that is written into the campaign's folder.

    Parameters
    ----------
    flow, project, worker
        What is sent, and where to.
    root
        The campaign's folder.
    needs
        What each job needs, as planned.
    """
    from jobflow_remote.jobs.submit import submit_flow

    with_resources(flow, project, worker, needs)
    jobs = [
        {"uuid": job.uuid, "name": job.name, "kind": kind_of(job), "metadata": _plain(job.metadata)}
        for job, _ in flow.iterflow()
    ]
    record = {"project": project.name, "worker": worker, "flow": flow.uuid, "jobs": jobs}
    initialise(project)
    write_json(root / SUBMITTED_FILE, record)
    try:
        submit_flow(flow, worker=worker, project=project.name)
    except BaseException:
        (root / SUBMITTED_FILE).unlink()
        raise
    return record


def _plain(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key != "fingerprint"}


def try_again(root: Path) -> int:
    """Put the failed jobs of a submitted campaign back into the queue, where they go on; return how many.

    One that was killed for its memory asks for twice as much; that is in ``submitted.json``, and in its result.
    """
    record, controller = _record(root)
    failed = [info for info in _newest(controller, record).values() if _STATES[info.state.value] == "failed"]
    for info in failed:
        asked = _last_doc(controller, info)
        said = killed_for_memory(f"{asked.remote.queue_err or ''}\n{asked.error or ''}")
        if said:
            more = with_twice_the_memory(_plain_resources(asked.resources))
            controller.set_job_run_properties(resources=more, update=False, job_ids=[(info.uuid, info.index)])
            handled = Handled(OUT_OF_MEMORY.name, said, "twice the memory was asked for", info.index)
            record.setdefault("handled", {}).setdefault(info.uuid, []).append(asdict(handled))
            write_json(root / SUBMITTED_FILE, record)
        controller.rerun_job(job_id=info.uuid, job_index=info.index, delete_files=False)
    return len(failed)


def _plain_resources(resources: Any) -> dict[str, Any]:
    return dict(resources if isinstance(resources, dict) else resources.as_dict())


def _record(root: Path) -> tuple[dict[str, Any], JobController]:
    record = read_json(root / SUBMITTED_FILE)
    if record is None:
        raise InputError("this folder holds nothing submitted", where=str(root), remedy="Use 'anodeflow submit FILE'.")
    project = read_project(record["project"])
    check_database(_uri(project))
    return record, project.get_job_controller()


def _newest(controller: JobController, record: dict[str, Any]) -> dict[str, JobInfo]:
    """Return the last start of each job of a campaign by uuid, in the order of the flow."""
    found: dict[str, JobInfo] = {}
    for info in controller.get_jobs_info(flow_ids=[record["flow"]]):
        if info.uuid not in found or info.index > found[info.uuid].index:
            found[info.uuid] = info
    order = {job["uuid"]: number for number, job in enumerate(record["jobs"])}
    return dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))


def remote_status(root: Path) -> RunStatus:
    """Return the status of a submitted campaign, as the database has it.

    Raises
    ------
    InputError
        If nothing was submitted from this folder, or the database does not answer.
    """
    record, controller = _record(root)
    jobs = []
    for info in _newest(controller, record).values():
        state = _STATES[info.state.value]
        message = first_line((info.error or info.remote.error or "").splitlines()[-1]) if state == "failed" else ""
        jobs.append(
            JobStatus(
                name=info.name,
                state=state,
                step=None,
                total=None,
                steps_per_s=None,
                wall_s=info.run_time or 0.0,
                folder=info.run_dir,
                message=message,
                attempt=info.index,
            )
        )
    alive = any(job.state in ("queued", "running") for job in jobs)
    return RunStatus(root, alive, tuple(jobs), where=f"{record['project']}: {record['worker']}")


def fetch(root: Path, *, files: bool = False) -> tuple[int, int]:
    """Write the results that have arrived into the campaign's folder.

    Parameters
    ----------
    root
        Folder that the campaign was submitted from.
    files
        Whether trajectories and logs are fetched too.

    Returns
    -------
    tuple of int
        Finished jobs, and all jobs.
    """
    from jobflow_remote.jobs.state import JobState

    record, controller = _record(root)
    controller.jobstore.connect()
    project = read_project(record["project"])
    rows, done = [], 0
    for info in _newest(controller, record).values():
        row: dict[str, Any] = {"name": info.name, "state": _STATES[info.state.value], "folder": None, "hash": ""}
        row |= {"reused": False, "attempt": info.index, "wall_s": info.run_time or 0.0, "message": ""}
        row["handled"] = record.get("handled", {}).get(info.uuid, [])
        row["metadata"] = next((job["metadata"] for job in record["jobs"] if job["uuid"] == info.uuid), {})
        if info.state == JobState.COMPLETED:
            digest, folder = _write_result(controller, info, root, record)
            row |= {"folder": folder.relative_to(root).as_posix(), "hash": digest}
            done += 1
            if files:
                _get_files(project, info, folder)
        elif row["state"] == "failed":
            row["message"] = first_line((info.error or info.remote.error or "").splitlines()[-1])
        rows.append(row)
    write_state(root, {"pid": None, "jobs": rows})
    return done, len(rows)


def _write_result(controller: JobController, info: JobInfo, root: Path, record: dict[str, Any]) -> tuple[str, Path]:
    """Write the result of a finished job as our own runner would have; return its content hash and folder."""
    doc = controller.get_job_doc(job_id=info.uuid, job_index=1)  # as it was asked for, before it went back
    if doc is None:
        raise InputError(f"the database has lost the job {info.name}", where=str(root), remedy="Submit it again.")
    document = encode(doc.job.resolve_args(controller.jobstore, inplace=False))
    digest = content_hash(document)
    folder = job_folder(root, info.name, digest)
    if read_result(folder, digest) is None:
        head = {"name": info.name, "hash": digest, "attempt": info.index}
        write_json(folder / "job.json", head | {"handled": [], "job": document})
        output = controller.jobstore.get_output(info.uuid, which=info.index, load=True)
        times = {"started": _iso(info.start_time), "finished": _iso(info.end_time), "wall_s": info.run_time or 0.0}
        said = (_last_doc(controller, info).stored_data or {}).get(STORED)
        origin = (said or {}).get("provenance") or _unsaid(document, digest, folder)
        used = {key: said[key] for key in ("cpu_s", "memory_MB") if said and key in said}
        where = {"worker": info.worker, "run_dir": info.run_dir, "queue_job": info.remote.process_id}
        handled = [*record.get("handled", {}).get(info.uuid, []), *(said or {}).get("handled", [])]
        result = head | times | used | {"handled": handled, "provenance": origin | where}
        result |= {"output": _json(output), "response": {}}
        write_json(folder / RESULT_FILE, result)
    return digest, folder


def _last_doc(controller: JobController, info: JobInfo) -> Any:
    return controller.get_job_doc(job_id=info.uuid, job_index=info.index)


def _unsaid(document: dict[str, Any], digest: str, folder: Path) -> dict[str, Any]:
    """Return the provenance of a job that was not started by our own command: what is known here, and no more."""
    here = provenance(document, digest, folder)
    return here | {"host": None, "python": None, "code": None, "engines": {}}


def _json(output: Any) -> Any:
    import json

    from monty.json import MontyEncoder

    return json.loads(json.dumps(output, cls=MontyEncoder))


def _iso(moment: Any) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _get_files(project: Project, info: JobInfo, folder: Path) -> None:
    """Copy what stayed on the cluster of a job into its folder here."""
    host = project.workers[info.worker].get_host()
    host.connect()
    patterns = " -o ".join(f"-name '{pattern}'" for pattern in _LEFT_BEHIND)
    output, _, _ = host.execute(f"find '{info.run_dir}' -type f \\( {patterns} \\)")
    for line in str(output).splitlines():
        target = folder / Path(line).relative_to(str(info.run_dir))
        target.parent.mkdir(parents=True, exist_ok=True)
        host.get(line, str(target))
    host.close()
