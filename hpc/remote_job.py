"""What jobflow-remote starts on the cluster: its own runner of a job, and the record of where that was.

Host, versions, hashes of the code, processor time and memory are of the machine that ran the job, so they are taken
there. They travel as jobflow's ``stored_data``, beside the output and not in it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..engines.handled import read_handled
from ..files import write_json
from .provenance import engines_here, provenance
from .store import content_hash, read_json

STORED = "anodeflow"
"""Key of the record in ``stored_data``."""


def run_remote_job(folder: Path) -> None:
    """Run the job that jobflow-remote has put into a folder, and add the record of this machine to its answer.

    Parameters
    ----------
    folder
        Folder on the cluster, with jobflow-remote's input file.
    """
    from jobflow_remote.jobs import run
    from jobflow_remote.jobs.data import IN_FILENAME, OUT_FILENAME

    from .worker import used_resources

    folder = Path(folder).resolve()
    document = json.loads((folder / IN_FILENAME).read_text())["job"]
    run.run_remote_job(folder)
    answer = read_json(folder / OUT_FILENAME)
    if answer is None or answer.get("response") is None:
        return  # it failed, and jobflow-remote has the traceback
    worked_in = _worked_in(document, folder)
    record = used_resources() | {
        "provenance": _provenance(document, worked_in),
        "handled": [asdict(one) for one in read_handled(worked_in)],
    }
    response: dict[str, Any] = answer["response"]
    response["stored_data"] = (response.get("stored_data") or {}) | {STORED: record}
    write_json(folder / OUT_FILENAME, answer)


def _worked_in(document: dict[str, Any], folder: Path) -> Path:
    """Return the folder in which the job's files are: that of its first start, where it has gone back into a queue."""
    return Path(document.get("function_kwargs", {}).get("resume_in") or folder)


def _provenance(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    words = {key: value for key, value in document.get("function_kwargs", {}).items() if key != "resume_in"}
    asked = document | {"function_kwargs": words}
    found = provenance(asked, content_hash(asked), folder)
    return found | {"engines": found["engines"] | engines_here(found["engines"])}
