"""A job on disk: its folder, its inputs, its result, and the hash that says whether it is the same job.

``runs/<campaign>/<job>-<hash8>/`` holds ``job.json`` (resolved inputs), what the engine wrote, and last of all
``result.json`` or ``error.json``. A folder with a result is never worked in again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monty.json import MontyDecoder, MontyEncoder

from ..errors import InputError
from ..files import write_json
from ..workflows.folders import PROGRESS_FILE, slug

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobflow import Flow, Job

JOB_FILE = "job.json"
RESULT_FILE = "result.json"
ERROR_FILE = "error.json"
STATE_FILE = "jobs.json"
SUBMITTED_FILE = "submitted.json"
ALLOCATIONS_FILE = "allocations.json"
_HASHED = ("function", "function_args", "function_kwargs")
_UNHASHED_KEYS = {  # of versions, speed, and what is known of a model, not of what comes out
    *("@version", "steps_per_s", "loop_time_s", "launches"),
    *("checks", "reference_table", "known_faults", "validity", "licence"),
}


def encode(job: Job | Flow) -> dict[str, Any]:
    """Return a job or flow as plain JSON types."""
    document: dict[str, Any] = json.loads(json.dumps(job, cls=MontyEncoder))
    return document


def decode(document: dict[str, Any]) -> Any:
    """Return the job or flow of a document of `encode`."""
    return MontyDecoder().process_decoded(document)


def content_hash(document: dict[str, Any]) -> str:
    """Return the hash of what decides a job's result.

    Parameters
    ----------
    document
        Encoded job with resolved inputs. Its function with the Maker's settings, its arguments, and the fingerprints
        of engine and potential in its metadata count; uuids, names of hosts, versions of libraries and what a card says
        about its model do not: ``anodeflow potentials check`` on one machine must not make its runs new ones.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    content = {key: document.get(key) for key in _HASHED}
    content["fingerprint"] = (document.get("metadata") or {}).get("fingerprint")
    text = json.dumps(_without(content), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: _without(value) for key, value in item.items() if key not in _UNHASHED_KEYS}
    if isinstance(item, list):
        return [_without(value) for value in item]
    return item


def job_folder(root: Path, name: str, digest: str) -> Path:
    """Return the folder of a job."""
    return root / f"{slug(name)}-{digest[:8]}"


def read_result(folder: Path, digest: str | None = None) -> dict[str, Any] | None:
    """Return a finished job's result, or None; with `digest` only if it is of the job with this hash."""
    document = read_json(folder / RESULT_FILE)
    if document is None or (digest is not None and document.get("hash") != digest):
        return None
    return document


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object, or None when the file is missing or is not one."""
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def read_progress(folder: Path) -> dict[str, Any]:
    """Return ``step``, ``total`` and ``steps_per_s`` of a job that is running; empty if it has not said."""
    return read_json(folder / PROGRESS_FILE) or {}


_held: set[Path] = set()


@contextmanager
def run_lock(root: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder of a run for this process alone; inside itself it does nothing.

    Parameters
    ----------
    root
        Folder of the run.
    shared
        Hold it together with others that share it, and against those that do not.

    Raises
    ------
    InputError
        If another process works in it.
    """
    root = root.resolve()
    if root in _held:
        yield
        return
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as stream:
        try:
            fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if shared and not isinstance(error, BlockingIOError):
                pass  # a file system without locks; jobs are claimed without them
            else:
                _refuse(root)
        _held.add(root)
        try:
            yield
        finally:
            _held.discard(root)


def is_locked(root: Path) -> bool:
    """Return whether some process works in the folder of a run."""
    try:
        with (root / ".lock").open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def write_state(root: Path, document: dict[str, Any], *, keep_done: bool = False) -> None:
    """Write the table of all jobs that `anodeflow status` reads.

    Parameters
    ----------
    root
        Folder of the run.
    document
        Its ``jobs``, and the ``pid`` of who writes.
    keep_done
        Keep the rows of jobs that another process, which shares the folder, has seen done and this one has not.
    """
    if keep_done:
        known = (read_json(root / STATE_FILE) or {}).get("jobs", [])
        for number, (row, other) in enumerate(zip(document["jobs"], known, strict=False)):
            if row["state"] != "done" and other["state"] == "done" and other["name"] == row["name"]:
                document["jobs"][number] = other
    write_json(root / STATE_FILE, document)


def _refuse(root: Path) -> None:
    raise InputError(
        "another anodeflow run is working in this folder",
        where=str(root),
        remedy="Wait for it, watch it with 'anodeflow status', share it with '--shared', or give another --dir.",
    ) from None
