"""Where campaigns are sent: a cluster's description, the project file made of it, and checks of both.

Two kinds: a jobflow-remote project (a MongoDB, any scheduler, one queue job for each job), whose file lies where
jobflow-remote looks for it, and a *Slurm-only* cluster (no database: allocations that share the campaign's folder).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .. import __version__
from ..errors import InputError
from ..files import write_text
from ..workflows.campaign import plain_name, read_settings
from .queue import first_line, slurm_limits

if TYPE_CHECKING:
    from .queue import Execute

REMOTE_COMMAND = "run-remote-job"
"""The command of ours with which jobflow-remote starts a job on the cluster."""
_SUBMIT = {"slurm": "sbatch", "pbs": "qsub", "sge": "qsub"}
_DATABASE_MS = 3000


class Cluster(BaseModel):
    """A cluster as ``anodeflow setup cluster`` asks for it.

    Attributes
    ----------
    name
        Name of the project.
    scheduler
        Batch system; ``shell`` starts processes without one.
    database
        URI of a MongoDB with the name of the database at its end; None for the Slurm-only mode.
    host, user, port, key_file
        Where and how to log in by SSH; None for the machine this runs on, and for what ``~/.ssh/config`` says.
    work_dir
        Folder on the cluster in which jobs work; for a database only.
    partition, account
        Of the batch system; None for its own default.
    cores, gpus
        Cores and GPUs of one allocation, for the Slurm-only mode.
    memory_MB_per_core
        Memory to ask for.
    wall_time_h
        Longest wall time of a job or an allocation.
    modules
        Modules to load.
    pre_run
        Shell commands before every job, such as the activation of an environment.
    python_bin
        Folder of the cluster's ``anodeflow``; that of this Python by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    scheduler: Literal["slurm", "pbs", "sge", "shell"] = "slurm"
    database: str | None = None
    host: str | None = None
    user: str | None = None
    port: Annotated[int, Field(gt=0)] | None = None
    key_file: str | None = None
    work_dir: str | None = None
    partition: str | None = None
    account: str | None = None
    cores: Annotated[int, Field(gt=0)] = 1
    gpus: Annotated[int, Field(ge=0)] = 0
    memory_MB_per_core: Annotated[float, Field(gt=0)] | None = None
    wall_time_h: Annotated[float, Field(ge=1 / 60)] = 24.0
    modules: tuple[str, ...] = ()
    pre_run: str = ""
    python_bin: str = str(Path(sys.executable).parent)

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        return plain_name(value)

    @field_validator("work_dir")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("/"):
            raise ValueError("work_dir has to be an absolute path on the cluster")
        return value

    def preamble(self) -> str:
        """Return the shell lines that come before a job."""
        lines = [f"module load {shlex.quote(module)}" for module in self.modules]
        return "\n".join([*lines, *([self.pre_run] if self.pre_run else [])])


def slurm_only_folder() -> Path:
    """Return where descriptions of Slurm-only clusters lie: ``ANODEFLOW_CLUSTERS``, or a folder of the user's."""
    return Path(os.environ.get("ANODEFLOW_CLUSTERS") or "~/.anodeflow/clusters").expanduser()


def remote_folder() -> Path:
    """Return where jobflow-remote looks for projects: ``JFREMOTE_PROJECTS_FOLDER``, or its own default."""
    return Path(os.environ.get("JFREMOTE_PROJECTS_FOLDER") or "~/.jfremote").expanduser()


def make_cluster(**answers: Any) -> Cluster:
    """Return a cluster of answers, or raise `InputError` with the first that cannot be."""
    try:
        cluster = Cluster(**{key: value for key, value in answers.items() if value not in (None, (), "")})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(first["msg"].removeprefix("Value error, "), where=f"setup cluster, {field}") from None
    if cluster.database is None and cluster.scheduler != "slurm":
        raise InputError(
            f"without a database only Slurm is possible, not {cluster.scheduler}",
            where="setup cluster",
            remedy="Give --database, the URI of a MongoDB.",
        )
    if cluster.database is None and cluster.host is not None:
        raise InputError(
            "without a database the campaign has to be submitted on the cluster itself",
            where="setup cluster, host",
            remedy="Log in there and leave --host out, or give --database.",
        )
    return cluster


def setup_cluster(cluster: Cluster, *, force: bool = False) -> Path:
    """Check a cluster and write its file.

    Parameters
    ----------
    cluster
        What was asked for.
    force
        Replace a file that is there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If something of it does not work; nothing is written then.
    """
    other = remote_folder() if cluster.database is None else slurm_only_folder()
    path = (slurm_only_folder() if cluster.database is None else remote_folder()) / f"{cluster.name}.yaml"
    for found in (path, other / path.name):
        if found.exists() and not (force and found == path):
            raise InputError(
                f"there is a project '{cluster.name}' already",
                where=str(found),
                remedy="Give --force, or another name.",
            )
    if cluster.database is None:
        check_slurm(cluster)
        write_text(path, yaml.safe_dump(cluster.model_dump(mode="json", exclude_defaults=True), sort_keys=False))
        return path
    from .remote import check_worker, initialise, parse_project

    project = parse_project(project_document(cluster), path)
    _check_login(cluster)
    check_worker(project, next(iter(project.workers)))
    initialise(project)
    write_text(path, yaml.safe_dump(project_document(cluster), sort_keys=False))
    return path


def read_slurm_only(name: str) -> Cluster | None:
    """Return the Slurm-only cluster of a name; None if there is none.

    Raises
    ------
    InputError
        If its file has a fault, with line and field.
    """
    path = slurm_only_folder() / f"{name}.yaml"
    return read_settings(path, Cluster) if path.exists() else None


def known_projects() -> list[str]:
    """Return the names of all projects of both kinds."""
    return sorted({path.stem for folder in (slurm_only_folder(), remote_folder()) for path in folder.glob("*.yaml")})


def unknown_project(name: str) -> InputError:
    """Return the error for a project that is not there."""
    known = ", ".join(known_projects())
    return InputError(
        f"there is no project '{name}'",
        where="--project",
        remedy=f"Known are: {known}." if known else "Make one with: anodeflow setup cluster.",
    )


def project_document(cluster: Cluster) -> dict[str, Any]:
    """Return the project file of jobflow-remote for a cluster, as plain types."""
    uri = cluster.database or ""
    database = uri.rpartition("/")[2].partition("?")[0]
    if "://" not in uri or not database or "/" not in uri.partition("://")[2]:
        raise InputError(
            f"'{uri}' does not name a database",
            where="setup cluster, database",
            remedy="Write it as mongodb://HOST:PORT/NAME.",
        )
    store = {"type": "MongoStore", "uri": uri, "database": database}
    resources: dict[str, Any] = {
        "queue_name": cluster.partition,
        "account": cluster.account,
        "memory_per_thread": None if cluster.memory_MB_per_core is None else round(cluster.memory_MB_per_core),
        "time_limit": round(cluster.wall_time_h * 3600),
    }
    worker: dict[str, Any] = {
        "type": "remote" if cluster.host else "local",
        "scheduler_type": cluster.scheduler,
        "work_dir": cluster.work_dir or str(Path.home() / "anodeflow-jobs"),
        "execution_cmd": f"{shlex.quote(cluster.python_bin)}/anodeflow {REMOTE_COMMAND} {{}}",
    }
    if cluster.host:
        login = {"host": cluster.host, "user": cluster.user, "port": cluster.port, "key_filename": cluster.key_file}
        worker |= {key: value for key, value in login.items() if value is not None}
    if cluster.pre_run:
        worker["pre_run"] = cluster.pre_run
    document: dict[str, Any] = {
        "name": cluster.name,
        "workers": {cluster.name: worker},
        "queue": {"store": store | {"collection_name": "jobs"}},
        "jobstore": {"docs_store": store | {"collection_name": "outputs"}},
        "exec_config": {"modules": {"modules": list(cluster.modules)}} if cluster.modules else {},
        # anodeflow's own part of the file: what every job of this project asks of the queue
        "metadata": {"anodeflow": {key: value for key, value in resources.items() if value is not None}},
    }
    return document


def check_slurm(cluster: Cluster) -> None:
    """Raise `InputError` unless the batch system of this machine takes jobs of a Slurm-only cluster."""
    check_scheduler(execute_here, "slurm", cluster.partition, cluster.wall_time_h * 3600)
    check_modules(execute_here, cluster.modules)
    check_program(execute_here, cluster.preamble(), f"{cluster.python_bin}/anodeflow")


def execute_here(command: str) -> tuple[str, str, int]:
    """Run a shell command here; return its output, its errors and its exit code."""
    answer = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    return answer.stdout, answer.stderr, answer.returncode


def check_scheduler(execute: Execute, scheduler: str, partition: str | None, wall_time_s: float) -> None:
    """Raise `InputError` unless the batch system is there, and Slurm has the partition and lets jobs run so long.

    Parameters
    ----------
    execute
        Runs a shell command where the batch system is.
    scheduler
        Its name.
    partition
        Partition or queue; None for the default.
    wall_time_s
        Wall time that will be asked for, in s.
    """
    if scheduler not in _SUBMIT:
        return
    program = _SUBMIT[scheduler]
    if execute(f"command -v {program}")[2] != 0:
        raise InputError(
            f"there is no scheduler: the command '{program}' is not found",
            where=f"scheduler {scheduler}",
            remedy="Run this on the cluster's login node, or load the scheduler's module.",
        )
    if scheduler != "slurm":
        return
    limits = slurm_limits(execute, partition)
    if limits.wall_s is not None and wall_time_s > limits.wall_s:
        longest = f"{limits.wall_s / 3600:g} h"
        raise InputError(
            f"the partition '{limits.name}' takes jobs of at most {longest}, not {wall_time_s / 3600:g} h",
            where="wall_time_h",
            remedy=f"Give --wall-time-h {limits.wall_s / 3600:g} or less, or another partition.",
        )


def check_modules(execute: Execute, modules: tuple[str, ...] | list[str]) -> None:
    """Raise `InputError` for the first module that does not load."""
    for module in modules:
        output, errors, code = execute(f"bash -lc {shlex.quote(f'module load {shlex.quote(module)}')}")
        said = (errors + output).strip()
        if code != 0 or "error" in said.lower():  # some versions of the module command fail with exit code 0
            raise InputError(
                f"the module '{module}' does not load: {first_line(said)}",
                where="modules",
                remedy="See 'module avail' on the cluster.",
            )


def check_program(execute: Execute, preamble: str, program: str) -> None:
    """Raise `InputError` unless our program is there, starts, and is of this version.

    Parameters
    ----------
    execute
        Runs a shell command on the cluster.
    preamble
        Shell lines that come before each job.
    program
        Path of ``anodeflow`` there.
    """
    lines = f"{preamble}\n" if preamble else ""
    output, errors, code = execute(f"{lines}{shlex.quote(program)} version")
    if code != 0:
        raise InputError(
            f"there is no {program} that starts on the cluster: {first_line(errors)}",
            where="python_bin",
            remedy="Install anodeflow[cluster] there and give --python-bin, the folder of its programs.",
        )
    there = output.split()[-1] if output.split() else ""  # a login shell may have greeted first
    if there != __version__:
        raise InputError(
            f"anodeflow is {there or 'of no version'} on the cluster and {__version__} here",
            where=program,
            remedy=f"Install there: anodeflow=={__version__}.",
        )


def check_database(uri: str) -> None:
    """Raise `InputError` unless a MongoDB answers within three seconds."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    try:
        client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=_DATABASE_MS)
        client.admin.command("ping")
    except PyMongoError as error:
        raise InputError(
            f"the database does not answer ({first_line(str(error)).partition(',')[0]})",
            where=_without_password(uri),
            remedy="Start it, or check its address.",
        ) from None


def _check_login(cluster: Cluster) -> None:
    if cluster.host and shutil.which("ssh") is None:
        raise InputError("there is no ssh on this machine", where="setup cluster, host")


def _without_password(uri: str) -> str:
    head, _, rest = uri.partition("://")
    return f"{head}://{rest.rpartition('@')[2]}"
