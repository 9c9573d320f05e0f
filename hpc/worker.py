"""One job in one process: run it in its folder, and leave its result last and atomically."""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import threading
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing import parent_process
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..engines.handled import read_handled
from ..engines.resources import Resources
from ..errors import AnodeflowError
from ..files import write_json
from ..workflows.folders import JOB_FOLDER
from .handlers import name_of
from .provenance import provenance
from .store import ERROR_FILE, JOB_FILE, RESULT_FILE, decode, encode, read_json

if TYPE_CHECKING:
    from jobflow import Response

_LOGGER = logging.getLogger("anodeflow")


def work(folder: Path, resources: Resources) -> None:
    """Run the job of ``job.json`` in its folder; what becomes of it stands in ``result.json`` or ``error.json``.

    Parameters
    ----------
    folder
        The job's folder; the process works in it.
    resources
        What the job may use; it finds it in its environment.
    """
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.chdir(folder)
    os.environ[JOB_FOLDER] = str(Path.cwd())
    os.environ["ANODEFLOW_MPI_RANKS"] = str(resources.mpi_ranks)
    os.environ["ANODEFLOW_THREADS"] = str(resources.threads)
    if resources.wall_time_s is not None:
        os.environ["ANODEFLOW_WALL_TIME_S"] = str(resources.time_left_s)
    handler = logging.FileHandler("job.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logging.raiseExceptions = False  # a log that cannot be written is not the fault to tell
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    begin, started = monotonic(), _now()
    document = read_json(folder / JOB_FILE)
    assert document is not None
    head = {key: document[key] for key in ("name", "hash", "attempt")}
    head |= {"started": started}
    try:
        response, output = _run(document["job"])
        end = _end(begin, document, folder)
        write_json(folder / RESULT_FILE, head | end | {"output": output, "response": response})
        (folder / ERROR_FILE).unlink(missing_ok=True)
    except Exception as error:
        details = traceback.format_exc()
        try:
            _LOGGER.error(details)
            known = isinstance(error, AnodeflowError)
            message = str(error) if known else f"{type(error).__name__}: {error}"
            code = error.exit_code if isinstance(error, AnodeflowError) else 1
            what = {"error": type(error).__name__, "message": message, "exit_code": code, "handler": name_of(error)}
            write_json(folder / ERROR_FILE, head | _end(begin, document, folder) | what | {"traceback": details})
        except OSError as full:
            os._exit(full.errno or errno.ENOSPC)


def _end(begin: float, document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return when a job ended, what it took, and what was handled on the way."""
    handled = [*document.get("handled", []), *(asdict(one) for one in read_handled(folder))]
    return {
        "finished": _now(),
        "wall_s": monotonic() - begin,
        **used_resources(),
        "handled": handled,
        "provenance": provenance(document["job"], document["hash"], folder),
    }


def _run(encoded: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Run an encoded job with resolved inputs; return what it asks of the flow, and its output."""
    from jobflow import JobStore
    from maggma.stores import MemoryStore

    job = decode(encoded)
    store = JobStore(MemoryStore())
    store.connect()
    response = job.run(store)
    return _response(response), store.get_output(job.uuid, which=job.index)


def _response(response: Response[Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    for name in ("replace", "detour", "addition"):
        flow = getattr(response, name)
        if flow is not None:
            asked[name] = encode(flow)
    if response.stop_children:
        asked["stop_children"] = True
    if response.stop_jobflow:
        asked["stop_jobflow"] = True
    return asked


def _end_with_parent() -> None:
    """End this process, and with it the engine it started, as soon as the runner is gone."""
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def used_resources() -> dict[str, Any]:
    """Return the processor time of this process and of the engines it waited for, in s, and the most memory, in MB."""
    usage = {
        name: resource.getrusage(who)
        for name, who in (("own", resource.RUSAGE_SELF), ("engine", resource.RUSAGE_CHILDREN))
    }
    return {
        "cpu_s": {name: round(each.ru_utime + each.ru_stime, 3) for name, each in usage.items()},
        "memory_MB": round(max(each.ru_maxrss for each in usage.values()) * 1024 / 1e6, 1),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
