"""A distillation in its folder: run or resume it, and write the card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .. import __version__
from ..errors import InputError
from ..files import sha256, write_json, write_text
from ..potentials.cards import DISTIL_PREFIX, is_card_file
from ..workflows.distil.campaign import DistilCampaign, LearntSystem, TestSettings, read_distil_campaign
from .campaigns import RESULTS_FILE, RUN_FILE, record_command, refuse_foreign
from .inputs import carry_inputs
from .store import STATE_FILE, read_json, read_result, run_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..workflows.campaign import Campaign
    from .local import JobState

DISTIL_FILE = "distil.yaml"


def run_distil(
    file: Path,
    directory: Path | None = None,
    *,
    cores: int | None = None,
    shared: bool = False,
    time_limit_s: float | None = None,
    command: Sequence[str] = (),
    watch: Callable[[list[JobState]], None] | None = None,
) -> tuple[list[JobState], dict[str, Any], Path]:
    """Run or resume a distillation from its file; see `distil`."""
    campaign = read_distil_campaign(file)
    root = Path(directory) if directory else Path("runs") / campaign.name
    jobs, results = distil(
        campaign,
        root,
        cores=cores,
        shared=shared,
        time_limit_s=time_limit_s,
        command=command,
        inputs={str(file): sha256(file)},
        watch=watch,
    )
    return jobs, results, root


def distil(
    campaign: DistilCampaign,
    root: Path,
    *,
    cores: int | None = None,
    shared: bool = False,
    time_limit_s: float | None = None,
    command: Sequence[str] = (),
    inputs: Mapping[str, str] | None = None,
    watch: Callable[[list[JobState]], None] | None = None,
) -> tuple[list[JobState], dict[str, Any]]:
    """Run or resume a distillation, and write its results and, once it is finished, the card ``NAME.yaml``.

    Parameters
    ----------
    campaign
        What is distilled.
    root
        Folder of the run.
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
        The document of ``results.json``; ``card`` is the path of the card, or None.
    """
    from ..workflows.distil.flow import DistilMaker
    from .allocation import allocation_left_s
    from .local import run_flow, start_workers

    start_workers()
    flow = DistilMaker(campaign).make()
    refuse_foreign(root, DISTIL_FILE)
    limit_s = allocation_left_s() if time_limit_s is None else time_limit_s
    with run_lock(root, shared=shared):
        prepare_folder(campaign, root, command, inputs or {})
        jobs = run_flow(flow, root, cores=cores, shared=shared, time_limit_s=limit_s, watch=watch)
        return jobs, write_results(root)


def prepare_folder(campaign: DistilCampaign, root: Path, command: Sequence[str], inputs: Mapping[str, str]) -> None:
    """Write the resolved distillation, the user's files that it names, and the record of the command."""
    refuse_foreign(root, DISTIL_FILE)
    carried = carry_inputs(campaign, root)
    write_text(root / DISTIL_FILE, yaml.safe_dump(carried.resolved(), sort_keys=False, allow_unicode=True))
    record_command(root, DISTIL_FILE, command, inputs)


def with_distilled_model(
    campaign: Campaign,
    root: Path,
    *,
    cores: int | None = None,
    command: Sequence[str] = (),
    watch: Callable[[list[JobState]], None] | None = None,
) -> Campaign:
    """Return a campaign with the card distilled for its ``potential: {distil: TEACHER}``; any other as it is.

    Parameters
    ----------
    campaign
        As read. The word after ``distil`` is a card, or the file of a distillation.
    root
        Folder of the campaign; the distillation works in ``distil`` inside it, and goes on with what it finds there.
    cores, command, watch
        See `distil`.

    Raises
    ------
    InputError
        If there is nothing that could be learnt without a file.
    AnodeflowError
        If a job of the distillation fails.
    """
    if not campaign.potential.startswith(DISTIL_PREFIX):
        return campaign
    from .local import raise_first_failure

    teacher = campaign.potential.removeprefix(DISTIL_PREFIX)
    asked = read_distil_campaign(teacher) if _is_distil_file(teacher) else distillation_of(campaign, teacher)
    with run_lock(root):
        jobs, results = distil(asked, root / "distil", cores=cores, command=command, watch=watch)
    raise_first_failure(jobs)
    return campaign.model_copy(update={"potential": str(Path(results["card"]).resolve())})


def _is_distil_file(name: str) -> bool:
    """Return whether a file is that of a distillation rather than the card of a teacher."""
    if not is_card_file(name) or not Path(name).is_file():
        return False
    content = yaml.safe_load(Path(name).read_text())
    return isinstance(content, dict) and "systems" in content and "model" not in content


def distillation_of(campaign: Campaign, teacher: str) -> DistilCampaign:
    """Return the distillation that a campaign of crystals needs: its phases, up to its highest temperature.

    Raises
    ------
    InputError
        If the campaign holds anything but crystals at given temperatures.
    """
    glasses = [name for name, system in campaign.systems.items() if system.phase is None]
    if campaign.diffusion is None or glasses or campaign.sections != ("diffusion",):
        raise InputError(
            "only for the diffusion in crystals it is known by itself what a model has to learn",
            where="potential",
            remedy="Write a file for 'anodeflow distil' (docs/distil.md), and give its path: {distil: FILE.yaml}.",
        )
    return DistilCampaign(
        name=f"distilled-{campaign.name}",
        seed=campaign.seed,
        teacher=teacher,
        accept_extrapolation=campaign.accept_extrapolation,
        temperature_K=max(campaign.diffusion.temperatures_K),
        timestep_fs=campaign.diffusion.timestep_fs,
        systems={name: LearntSystem(phase=system.phase) for name, system in campaign.systems.items()},
        test=TestSettings(temperatures_K=campaign.diffusion.temperatures_K),
    )


def write_results(root: Path) -> dict[str, Any]:
    """Write ``results.json`` and, once it is finished, the card from what the folder of a distillation holds."""
    state, run = read_json(root / STATE_FILE), read_json(root / RUN_FILE)
    if state is None or run is None:
        raise InputError(
            "this folder holds no distillation", where=str(root), remedy="Start one: anodeflow distil FILE."
        )
    from ..workflows.distil.flow import extrapolations

    campaign = read_distil_campaign(root / DISTIL_FILE)
    documents, warnings = [], extrapolations(campaign)
    for row in state["jobs"]:
        result = read_result(root / row["folder"], row["hash"]) if row["folder"] else None
        if result is None:
            warnings.append(f"The job '{row['name']}' did not finish. {row['message']}".strip())
            continue
        if isinstance(result["output"], dict):
            documents.append(result["output"])
            warnings += [f"{row['name']}: {text}" for text in result["output"].get("warnings", [])]
    final = next((one for one in documents if one.get("kind") == "distilled"), None)
    cost = [one["cpu_s_per_atom_step"] for one in documents if one.get("kind") == "teacher_md"]
    files = [DISTIL_FILE, RESULTS_FILE]
    path = None
    if final is not None:
        path = root / f"{campaign.name}.yaml"
        text = yaml.safe_dump(final["card"], sort_keys=False, allow_unicode=True, width=120)
        write_text(path, text)
        files.append(path.name)
    results = {
        "anodeflow": __version__,
        "command": run["command"],
        "inputs": run["inputs"],
        "quantities": [],
        "warnings": list(dict.fromkeys(warnings)),
        "files": files,
        "card": str(path) if path else None,
        "history": final["history"] if final else [],
        "force_error_percent": final["force_error_percent"] if final else {},
        "table": final["card"]["reference_table"] if final else [],
        "teacher_cpu_s_per_atom_step": min(cost) if cost else None,
        "wall_s": sum(row["wall_s"] for row in state["jobs"]),
    }
    write_json(root / RESULTS_FILE, results)
    return results
