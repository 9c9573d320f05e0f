"""A ladder in its folder: run or resume it, and write its results, pictures and report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .. import __version__
from ..errors import InputError
from ..files import sha256, write_json, write_text
from ..workflows.barrier.campaign import BarrierCampaign, read_barrier_campaign
from .campaigns import REPORT_FILE, RESULTS_FILE, RUN_FILE, record_command, refuse_foreign
from .inputs import carry_inputs
from .store import STATE_FILE, read_json, read_result, run_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .local import JobState

CAMPAIGN_FILE = "barrier.yaml"


def run_barrier(
    file: Path,
    directory: Path | None = None,
    *,
    cores: int | None = None,
    shared: bool = False,
    time_limit_s: float | None = None,
    command: Sequence[str] = (),
    watch: Callable[[list[JobState]], None] | None = None,
) -> tuple[list[JobState], dict[str, Any], Path]:
    """Run or resume a ladder from its file; see `run_ladder`."""
    campaign = read_barrier_campaign(file)
    return run_ladder(
        campaign,
        directory,
        cores=cores,
        shared=shared,
        time_limit_s=time_limit_s,
        command=command,
        inputs={str(file): sha256(file)},
        watch=watch,
    )


def run_ladder(
    campaign: BarrierCampaign,
    directory: Path | None = None,
    *,
    cores: int | None = None,
    shared: bool = False,
    time_limit_s: float | None = None,
    command: Sequence[str] = (),
    inputs: Mapping[str, str] | None = None,
    watch: Callable[[list[JobState]], None] | None = None,
) -> tuple[list[JobState], dict[str, Any], Path]:
    """Run or resume a ladder, and write its results, pictures and report, also when jobs failed.

    Parameters
    ----------
    campaign
        Crystal, hops, levels.
    directory
        Folder of the run; ``runs/<name>`` by default.
    cores
        Cores to use; all by default.
    shared, time_limit_s
        See `anodeflow.hpc.campaigns.run_campaign`.
    command, inputs
        Command line and SHA-256 of its files, for the record.
    watch
        See `anodeflow.hpc.local.run_flow`.

    Returns
    -------
    jobs
        Their states.
    results
        The document that is written to ``results.json``.
    root
        Folder of the run.

    Raises
    ------
    InputError
        Before anything is written, if the ladder cannot be run.
    """
    from ..workflows.barrier.flow import barrier_flow
    from .allocation import allocation_left_s
    from .local import run_flow

    flow, _ = barrier_flow(campaign)
    root = Path(directory) if directory else Path("runs") / campaign.name
    refuse_foreign(root, CAMPAIGN_FILE)
    limit_s = allocation_left_s() if time_limit_s is None else time_limit_s
    with run_lock(root, shared=shared):
        prepare_folder(campaign, root, command, inputs or {})
        jobs = run_flow(flow, root, cores=cores, shared=shared, time_limit_s=limit_s, watch=watch)
        return jobs, write_results(root), root


def prepare_folder(campaign: BarrierCampaign, root: Path, command: Sequence[str], inputs: Mapping[str, str]) -> None:
    """Write the resolved ladder, the user's files that it names, and the record of the command into its folder."""
    refuse_foreign(root, CAMPAIGN_FILE)
    carried = carry_inputs(campaign, root)
    write_text(root / CAMPAIGN_FILE, yaml.safe_dump(carried.resolved(), sort_keys=False, allow_unicode=True))
    record_command(root, CAMPAIGN_FILE, command, inputs)


def write_results(root: Path) -> dict[str, Any]:
    """Write ``results.json``, pictures and report from what a ladder's folder holds; return the document as written."""
    from ..analysis.hops.band_picture import draw_band, draw_path
    from ..analysis.report import write_report
    from ..potentials.cards import card, is_card_file
    from ..workflows.barrier.flow import ladder_extrapolations
    from ..workflows.barrier.section import ladder_methods, ladder_part
    from ..workflows.results import host, job_entry, times
    from ..workflows.sources import Sources

    state, run = read_json(root / STATE_FILE), read_json(root / RUN_FILE)
    if state is None or run is None:
        raise InputError("this folder holds no ladder", where=str(root), remedy="Start one: anodeflow barrier FILE.")
    asked = read_barrier_campaign(root / CAMPAIGN_FILE)
    jobs = [(row, read_result(root / row["folder"], row["hash"]) if row["folder"] else None) for row in state["jobs"]]
    finished = [result for _, result in jobs if result is not None]
    outputs = [result["output"] for result in finished]
    bands = [one for one in outputs if one["kind"] == "barrier"]
    summary = next((one for one in outputs if one["kind"] == "barrier_ladder"), None)
    quantities, warnings = [], ladder_extrapolations(asked)
    for row, result in jobs:
        if result is None:
            warnings.append(f"The job '{row['name']}' did not finish. {row['message']}".strip())
            continue
        quantities += result["output"]["quantities"]
        if result["output"] is not summary:
            warnings += [f"{row['name']}: {text}" for text in result["output"]["warnings"]]
    warnings += summary["warnings"] if summary else []
    files = [CAMPAIGN_FILE, RESULTS_FILE, REPORT_FILE, "results.csv"]
    for hop in dict.fromkeys(one["hop"] for one in bands if one["band"]):
        drawn = [one for one in bands if one["hop"] == hop and one["band"] and not one["variant"]]
        if not drawn:
            continue
        files += [draw_band(drawn, root / f"{hop}-band.png").name, draw_path(drawn[-1], root / f"{hop}-path.png").name]
    sources = Sources.of(finished, [card(level.name) for level in asked.levels if is_card_file(level.name)])
    resolved = asked.resolved()
    results = {
        "anodeflow": __version__,
        "command": run["command"],
        "inputs": run["inputs"],
        "quantities": quantities,
        "warnings": list(dict.fromkeys(warnings)),
        "files": files,
        "campaign": {key: resolved.pop(key) for key in ("name", "accept_extrapolation")} | {"barrier": resolved},
        "versions": sources.versions(),
        "host": host(),
        "citations": sources.citations(),
        "methods": " ".join(sources.sentences() + ladder_methods(asked)),
        "systems": [],
        "parts": [ladder_part(asked, outputs)],
        "jobs": [job_entry(row, result) for row, result in jobs],
        **times(finished),
        "levels": summary["levels"] if summary else [],
        "variants": summary["variants"] if summary else [],
        "bands": [{key: value for key, value in one.items() if key not in ("band", "quantities")} for one in bands],
    }
    write_json(root / RESULTS_FILE, results)
    write_report(root)
    written: dict[str, Any] = json.loads((root / RESULTS_FILE).read_text())
    return written
