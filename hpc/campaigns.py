"""A campaign in its folder: run or resume it, and write its results and report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import InputError
from ..files import sha256, write_json, write_text
from ..workflows.campaign import Campaign, read_campaign
from .inputs import carry_inputs
from .store import STATE_FILE, read_json, read_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .local import JobState

CAMPAIGN_FILE = "campaign.yaml"
RUN_FILE = "run.json"
RESULTS_FILE = "results.json"
REPORT_FILE = "report.html"


def run_campaign(
    file: Path,
    directory: Path | None = None,
    *,
    cores: int | None = None,
    shared: bool = False,
    time_limit_s: float | None = None,
    command: Sequence[str] = (),
    watch: Callable[[list[JobState]], None] | None = None,
) -> tuple[list[JobState], Path]:
    """Run or resume a campaign and write its report, also when jobs failed.

    Parameters
    ----------
    file
        Campaign file.
    directory
        Folder of the run; ``runs/<name>`` by default.
    cores
        Cores to use; all by default.
    shared
        Whether others may work in the folder at the same time; see `run_flow`.
    time_limit_s
        Wall time after which this returns; by default what is left of the queue's allocation, if this runs in one.
    command
        Command line, for the record.
    watch
        See `run_flow`.

    Returns
    -------
    jobs
        Their states.
    report
        Path of the HTML file; it is not written when the time limit came first.

    Raises
    ------
    InputError
        Before anything is written, if the campaign cannot be run.
    """
    from .allocation import allocation_left_s
    from .distil import with_distilled_model
    from .local import run_flow, start_workers
    from .store import run_lock

    campaign = read_campaign(file)
    start_workers()
    from ..workflows.sections import campaign_flow

    root = Path(directory) if directory else Path("runs") / campaign.name
    refuse_foreign(root)
    if time_limit_s is None:
        time_limit_s = allocation_left_s()
    campaign = with_distilled_model(campaign, root, cores=cores, command=command, watch=watch)
    flow = campaign_flow(campaign)
    with run_lock(root, shared=shared):
        prepare_folder(campaign, root, file, command)
        jobs = run_flow(flow, root, cores=cores, shared=shared, time_limit_s=time_limit_s, watch=watch)
        if any(job.state == "interrupted" for job in jobs):
            return jobs, root / REPORT_FILE  # what comes next must not wait for a page that it writes anew
        return jobs, report_campaign(root)


def prepare_folder(campaign: Campaign, root: Path, file: Path, command: Sequence[str]) -> None:
    """Write the resolved campaign, the user's files that it names, and the record of the command into its folder."""
    refuse_foreign(root)
    root.mkdir(parents=True, exist_ok=True)
    inputs = {str(file): sha256(file)}
    carried = carry_inputs(campaign, root)
    write_text(root / CAMPAIGN_FILE, yaml.safe_dump(carried.resolved(), sort_keys=False, allow_unicode=True))
    record_command(root, CAMPAIGN_FILE, command, inputs)


def record_command(root: Path, own: str, command: Sequence[str], inputs: Mapping[str, str]) -> None:
    """Write the record of a command line and its files into the folder of a run.

    Parameters
    ----------
    root
        The folder.
    own
        Name of the resolved file in it.
    command, inputs
        Command line, and SHA-256 of its files by name. Where the only file is the folder's own, as for an allocation
        that goes on, a record that is there stays: it says who began.
    """
    goes_on = [Path(name).resolve() for name in inputs] == [(root / own).resolve()]
    if not (goes_on and (root / RUN_FILE).exists()):
        write_json(root / RUN_FILE, {"command": list(command), "inputs": dict(inputs)})


def report_campaign(root: Path) -> Path:
    """Write ``results.json``, ``results.csv`` and ``report.html`` from what a run folder holds.

    Raises
    ------
    InputError
        If the folder holds no run.
    """
    from ..analysis.report import write_report
    from ..workflows.continuum import write_continuum
    from ..workflows.results import collect

    state = read_json(root / STATE_FILE)
    if state is None or not (root / CAMPAIGN_FILE).exists():
        raise InputError("this folder holds no run", where=str(root), remedy="Start one with 'anodeflow run FILE'.")
    campaign: Campaign = read_campaign(root / CAMPAIGN_FILE)
    rows: list[dict[str, Any]] = state["jobs"]
    documents = [read_result(root / row["folder"], row["hash"]) if row["folder"] else None for row in rows]
    run = read_json(root / RUN_FILE) or {"command": [], "inputs": {}}
    results = collect(campaign, rows, documents, command=run["command"], inputs=run["inputs"])
    results["files"] += [path.name for path in write_continuum(results, root)]
    write_json(root / RESULTS_FILE, results)
    return write_report(root)


def refuse_foreign(root: Path, own: str = CAMPAIGN_FILE) -> None:
    """Raise if the folder is somebody else's: not empty, and without a file of ours, named `own`."""
    if root.exists() and not root.is_dir():
        raise InputError("the folder of the run is a file", where=str(root), remedy="Give another --dir.")
    if root.is_dir() and any(root.iterdir()) and not (root / own).exists() and not _only_begun(root):
        raise InputError(
            "the folder is not empty and holds no campaign", where=str(root), remedy="Give an empty or new --dir."
        )


def _only_begun(root: Path) -> bool:
    """Return whether a folder holds no more than what a run makes before it writes its own file."""
    return {path.name for path in root.iterdir()} <= {".lock", "distil"}
