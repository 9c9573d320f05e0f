"""Everything that a campaign found, in one document: what the report shows and other programs read.

`collect` reads a run folder, finished or not; nothing but what stands there is used, so it works on results that were
fetched from a cluster too.
"""

from __future__ import annotations

import platform
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..engines.handled import Handled
from ..potentials.cards import PotentialCard, card
from .campaign import Campaign
from .diffusion.analysis import diffusing
from .diffusion.flow import start_structure
from .sections import SECTIONS, campaign_extrapolations
from .sources import Sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def collect(
    campaign: Campaign,
    rows: Sequence[Mapping[str, Any]],
    documents: Sequence[Mapping[str, Any] | None],
    *,
    command: Sequence[str],
    inputs: Mapping[str, str],
) -> dict[str, Any]:
    """Return the results of a campaign as plain JSON types.

    Parameters
    ----------
    campaign
        What was asked.
    rows
        The table of jobs: ``name``, ``state``, ``folder``, ``hash``, ``attempt``, ``message`` and ``metadata`` of each.
    documents
        ``result.json`` of each row; None where there is none.
    command
        Command line that ran it.
    inputs
        SHA-256 of each input file.
    """
    potential = card(campaign.potential)
    diffusion = campaign.diffusion
    systems = [_system(campaign, name, rows, documents) for name in campaign.systems] if diffusion else []
    parts = [part(campaign, rows, documents) for name in campaign.sections if (part := SECTIONS[name].part)]
    quantities = [quantity for system in systems for quantity in _all_quantities(system)]
    quantities += [quantity for part in parts for group in part["groups"] for quantity in group["quantities"]]
    warnings = campaign_extrapolations(campaign, potential)
    warnings += [
        f"The job '{row['name']}' {'failed: ' + row['message'] if row['state'] == 'failed' else 'did not run.'}"
        for row in rows
        if row["state"] in ("failed", "blocked")
    ]
    for row, document in zip(rows, documents, strict=True):
        if document is not None:
            warnings += [f"{row['name']}: {warning}" for warning in document["output"].get("warnings", [])]
            warnings += [f"{row['name']}: {Handled(**one).sentence()}" for one in document.get("handled", [])]
    for system in systems:
        warnings += _molten(system, set(diffusion.charges) if diffusion else set())
    warnings += [warning for part in parts for warning in part["warnings"]]
    finished = [document for document in documents if document is not None]
    sources = Sources.of(finished, [potential])
    return {
        "anodeflow": __version__,
        "command": list(command),
        "inputs": dict(inputs),
        "quantities": quantities,
        "warnings": warnings,
        "files": ["report.html", "results.json", "results.csv", "campaign.yaml"],
        "campaign": campaign.resolved(),
        "seed": campaign.seed,
        "versions": sources.versions(),
        "host": host(),
        "potential": _potential(potential),
        "citations": [
            *(
                {"key": f"phase {s['name']}", "text": s["evidence"]["citation"], "doi": ""}
                for s in systems
                if s["evidence"]
            ),
            *sources.citations(),
        ],
        "methods": methods(campaign, sources),
        "systems": systems,
        "parts": parts,
        "jobs": [job_entry(row, document) for row, document in zip(rows, documents, strict=True)],
        **times(finished),
    }


def _system(
    campaign: Campaign,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    documents: Sequence[Mapping[str, Any] | None],
) -> dict[str, Any]:
    from ..structures.phases import EVIDENCE

    start, source = start_structure(campaign, name)
    mine = [
        (row, document["output"], document)
        for row, document in zip(rows, documents, strict=True)
        if row["metadata"].get("system") == name and document is not None
    ]
    relaxed = next((output for _, output, _ in mine if output["kind"] == "relaxation"), None)
    equilibrations = {
        row["metadata"]["temperature_K"]: output for row, output, _ in mine if output["kind"] == "equilibration"
    }
    runs = [
        _run(row, output, document, equilibrations.get(row["metadata"]["temperature_K"]))
        for row, output, document in mine
        if output["kind"] == "diffusion"
    ]
    settings = campaign.systems[name]
    if settings.amorphous is not None:
        description = f"Glass of {len(start)} atoms, packed at random and quenched from the melt"
    else:
        repeats = "×".join(str(count) for count in settings.supercell)
        description = f"{source.name if source else name}, {repeats} cells"
    evidence = None
    if source is not None:
        meaning = EVIDENCE.get(source.evidence, "")
        evidence = {"class": source.evidence, "meaning": meaning, "citation": source.citation or source.origin}
    return {
        "name": name,
        "formula": start.composition.reduced_formula,
        "kind": "crystal" if settings.amorphous is None else "amorphous",
        "natoms": len(start),
        "structure": relaxed["structure"] if relaxed else start.as_dict(),
        "description": description,
        "evidence": evidence,
        "relaxed": {"quantities": relaxed["quantities"]} if relaxed else None,
        "runs": sorted(runs, key=lambda run: run["temperature_K"]),
        "arrhenius": {output["species"]: output["fit"] for _, output, _ in mine if output["kind"] == "arrhenius"},
    }


def _molten(system: Mapping[str, Any], carriers: set[str]) -> list[str]:
    """Return a warning for each temperature at which the host diffuses: then it is a crystal or a glass no more."""
    hosts = {element for element in _elements(system) if element not in carriers}
    what = {
        "crystal": "so the crystal has melted or is about to; left out of the activation energy.",
        "amorphous": "so this is a liquid above its glass transition, and its diffusivities are those of the liquid.",
    }[system["kind"]]
    temperatures: dict[str, list[str]] = {}
    for run in system["runs"]:
        moving = ", ".join(diffusing(run["quantities"], hosts))
        if moving:
            temperatures.setdefault(moving, []).append(f"{run['temperature_K']:g}")
    return [
        f"{system['name']} at {', '.join(hot)} K: {moving} diffuses too, {what}" for moving, hot in temperatures.items()
    ]


def _elements(system: Mapping[str, Any]) -> set[str]:
    return {quantity["species"] for run in system["runs"] for quantity in run["quantities"] if quantity["species"]}


def _run(
    row: Mapping[str, Any],
    output: Mapping[str, Any],
    document: Mapping[str, Any],
    equilibration: Mapping[str, Any] | None,
) -> dict[str, Any]:
    engine = output["engine"]
    cell = [
        quantity
        for quantity in (equilibration or {"quantities": []})["quantities"]
        if quantity["name"] in ("density", "volume_per_host_atom")
    ]
    return {
        "temperature_K": row["metadata"]["temperature_K"],
        "job": row["folder"],
        "quantities": [*output["quantities"], *cell],
        "msd": output["msd"],
        "thermo": output["thermo"],
        "steps": engine["settings"]["steps"],
        "timestep_fs": engine["settings"]["timestep_fs"],
        "steps_per_s": engine["steps_per_s"],
        "wall_s": document["wall_s"],
    }


def _all_quantities(system: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every quantity of a system in one list."""
    found = list(system["relaxed"]["quantities"]) if system["relaxed"] else []
    for run in system["runs"]:
        found += run["quantities"]
    for fit in system["arrhenius"].values():
        found += [fit[key] for key in ("activation_energy", "prefactor", "at_300K")]
    return found


def job_entry(row: Mapping[str, Any], document: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what results say of one job: its row of the table of jobs and its ``result.json``, if there is one."""
    output = document["output"] if document else {}
    engine = output.get("engine") or {}
    stages = output.get("stages") or {}
    steps = engine.get("settings", {}).get("steps")
    if stages:
        steps = sum(stage["engine"]["settings"]["steps"] for stage in stages.values())
    return {
        "name": row["name"],
        "folder": row["folder"] or "",
        "state": row["state"],
        "wall_s": document["wall_s"] if document else None,
        "steps": steps,
        "steps_per_s": engine.get("steps_per_s"),
        "resumed": max(0, row["attempt"] - 1),
        "hash": row["hash"],
        "message": row["message"],
        "cpu_s": document.get("cpu_s") if document else None,
        "handled": list((document or row).get("handled", [])),
        "provenance": document.get("provenance") if document else None,
    }


def _potential(potential: PotentialCard) -> dict[str, Any]:
    return {
        "name": potential.name,
        "kind": potential.kind,
        "elements": list(potential.elements),
        "citation": potential.citation.model_dump(),
        "licence": potential.licence,
        "validity": potential.validity,
        "fingerprint": potential.fingerprint,
        "known_faults": list(potential.known_faults),
        "checks": [
            {
                "name": f"{check.property}, {check.system}",
                "value": check.model,
                "reference": check.reference,
                "unit": check.unit,
                "source": check.source,
            }
            for check in potential.reference_table
        ],
    }


def methods(campaign: Campaign, sources: Sources) -> str:
    """Return the paragraph on methods, as a paper could take it."""
    sentences = sources.sentences()
    sentences += [sentence for name in campaign.sections for sentence in SECTIONS[name].methods(campaign)]
    sentences.append(f"All random numbers derive from the seed {campaign.seed}.")
    return " ".join(sentences)


def host() -> dict[str, Any]:
    """Return the cores and the kind of this machine."""
    import os

    return {"cores": len(os.sched_getaffinity(0)), "machine": platform.machine()}


def times(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return when the first of some finished jobs began, when the last ended, and the time between in s."""
    started = min((document["started"] for document in documents), default="")
    ended = max((document["finished"] for document in documents), default="")
    passed = datetime.fromisoformat(ended) - datetime.fromisoformat(started) if documents else None
    return {"started": started, "finished": ended, "wall_s": passed.total_seconds() if passed else 0.0}
