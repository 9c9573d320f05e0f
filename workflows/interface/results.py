"""What the section ``interface`` found: its part of the results, from the documents of its jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...analysis.literature import half_width
from ...analysis.replicas import replica_mean
from ...quantity import Quantity, Reference
from ..campaign import Campaign
from ..own_files import named
from .flow import asked
from .plots import interface_plots
from .settings import NONE, InterfaceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUILT = " as built"
_REVIEW = "Review of alloy anodes in solid-state cells (2026)"
_PEAK = Reference(
    10.0,
    "GPa",
    f"{_REVIEW}, its reference 258",
    "FEM of 15 µm Si on Li6PS5Cl, hydrostatic, up to",
    why_not="that is an electrode of 15 µm that swells as it takes up lithium; none is driven into this contact",
)
_ONE_RUN = "one run: the error is its own, another start may differ by more"
_NO_CHANGE = "no run saw it change, so that its error is not known; it is not zero"
_OVERVIEW = (
    "work_of_separation",
    "weakest_rigid_work",
    "rigid_work_of_separation",
    "interface_energy",
    "broken_bonds",
    "new_bonds",
    "interphase_thickness",
    "interphase_growth_rate",
    "interface_diffusivity_along",
    "interface_diffusivity_across",
    "peak_compression",
    "normal_stress_imbalance",
)
_HEADLINE = ("work_of_separation", "interface_energy", "broken_bonds", "interphase_thickness")
_BETWEEN = "change_by_"


def interface_part(
    campaign: Campaign, rows: Sequence[Mapping[str, Any]], documents: Sequence[Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Return the part of the results: see `anodeflow.analysis.report.document.Part`.

    Parameters
    ----------
    campaign
        What was asked.
    rows, documents
        The table of jobs, and ``result.json`` of each; None where there is none.
    """
    wanted = named(asked(campaign))
    found = [
        (row["metadata"], document["output"])
        for row, document in zip(rows, documents, strict=True)
        if row["metadata"].get("section") == "interface" and document is not None
    ]
    about = {row["metadata"]["interlayer"]: row["metadata"] for row in rows if "left_out" in row["metadata"]}
    rankings = {meta["interlayer"]: output for meta, output in found if output["kind"] == "ranking"}
    built = {_key(meta): output for meta, output in found if output["kind"] == "separation"}
    runs: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for meta, output in found:
        if output["kind"] == "interface":
            runs.setdefault(_key(meta), []).append(output)
    labels = {key: _label(wanted, key, rankings.get(key[0])) for key in {*built, *runs}}
    groups: list[dict[str, Any]] = []
    merged: dict[tuple[str, int], list[Quantity]] = {}
    for interlayer in wanted.interlayers:
        for key in [key for key in built if key[0] == interlayer]:
            label = labels[key]
            if key in runs:
                merged[key] = _over_runs(runs[key], wanted)
                groups.append(
                    _group(label, merged[key], wanted.temperature_K) | {"compared_as": _asked_as(wanted, key)}
                )
            as_built = _group(label + BUILT, _read(built[key]["quantities"]), None)
            groups.append(as_built | {"compared_as": _asked_as(wanted, key) + BUILT})
    changes = _changes(wanted, merged)
    drawings = []
    for key, output in built.items():
        label = labels[key]
        drawings.append({"label": f"{label}, relaxed at 0 K", "structure": output["structure"]})
        if key in runs:
            drawings.append({"label": f"{label}, after the run and relaxed", "structure": runs[key][0]["structure"]})
    return {
        "key": "interface",
        "title": "Interface",
        "asked": (
            f"What holds {', '.join(wanted.lower)} and {', '.join(wanted.upper)} together"
            + (f", with {', '.join(_between(wanted))} between them," if _between(wanted) else "")
            + f" and what becomes of the contact at {wanted.temperature_K:g} K under {wanted.stack_pressure_MPa:g} MPa "
            f"({wanted.in_plane} in the plane)?"
        ),
        "warnings": _warnings(labels, runs, rankings, merged),
        "overview": list(_OVERVIEW),
        "groups": [*groups, *changes],
        "tables": _tables(wanted, rankings, about),
        "plots": interface_plots(
            {labels[key]: output for key, output in built.items()},
            {labels[key]: several_runs for key, several_runs in runs.items()},
        ),
        "drawings": drawings,
    }


def _key(meta: Mapping[str, Any]) -> tuple[str, int]:
    return meta["interlayer"], int(meta["number"])


def _between(wanted: InterfaceSettings) -> list[str]:
    return [layer for layer in wanted.interlayers if layer != NONE]


def _label(wanted: InterfaceSettings, key: tuple[str, int], ranking: Mapping[str, Any] | None) -> str:
    """Return what a group is called: its interlayer, or its sides where there is none to tell apart by."""
    interlayer, number = key
    name = "no interlayer" if interlayer == NONE else interlayer.split(":")[0]
    if interlayer == NONE and not _between(wanted):
        chosen = ranking["best"][number]["label"] if ranking is not None else ""
        one = len(wanted.lower) == len(wanted.upper) == 1
        name = f"{wanted.lower[0]} | {wanted.upper[0]}" if one or not chosen else chosen
    return f"{name}, candidate {number + 1}" if wanted.candidates.keep > 1 else name


def _asked_as(wanted: InterfaceSettings, key: tuple[str, int]) -> str:
    """Return what a group is called beside other campaigns, which may have chosen another candidate."""
    interlayer, number = key
    name = f"{', '.join(wanted.lower)} | {', '.join(wanted.upper)}"
    name += "" if interlayer == NONE else f" with {interlayer.split(':')[0]}"
    return f"{name}, candidate {number + 1}" if number else name


def _read(documents: Sequence[Mapping[str, Any]]) -> list[Quantity]:
    return [Quantity.from_dict(dict(document)) for document in documents]


def _over_runs(outputs: Sequence[Mapping[str, Any]], wanted: InterfaceSettings) -> list[Quantity]:
    """Return each quantity as the mean over the runs that came to their end."""
    ended = [output for output in outputs if not output["stopped"]] or list(outputs)
    by_name: dict[tuple[str, str | None], list[Quantity]] = {}
    for output in ended:
        for quantity in _read(output["quantities"]):
            by_name.setdefault((quantity.name, quantity.species), []).append(quantity)
    found = []
    for several in by_name.values():
        one = _mean(several)
        failed = [quantity for quantity in several if not quantity.converged]
        if failed and one.value is not None:
            notes = tuple(dict.fromkeys(text for quantity in failed for text in quantity.warnings))
            one = one.doubted(*notes)
        if one.uncertainty == 0:
            one = replace(one, uncertainty=None, interval95=None, warnings=(*one.warnings, _NO_CHANGE))
        elif len(ended) == 1 and one.value is not None:
            one = replace(one, warnings=(*one.warnings, _ONE_RUN))
        if one.name == "peak_compression" and _of_silicon_on_argyrodite(wanted):
            one = replace(one, reference=_PEAK)
        found.append(one)
    return found


def _mean(several: Sequence[Quantity]) -> Quantity:
    """Return the mean over runs, or none where they follow different laws, whose rates have different units."""
    units = sorted({quantity.unit for quantity in several if quantity.value is not None})
    if len(units) < 2:
        return replica_mean(several)
    why = f"the runs follow different laws: their rates are in {' and '.join(units)}"
    return Quantity(several[0].name, None, units[0], species=several[0].species, converged=False, warnings=(why,))


def _of_silicon_on_argyrodite(wanted: InterfaceSettings) -> bool:
    sides = [side.split("(")[0].split(":")[0] for side in (*wanted.lower, *wanted.upper)]
    return any(side in ("Si", "a-Si") for side in sides) and "Li6PS5Cl" in sides


def _group(label: str, quantities: Sequence[Quantity], temperature_K: float | None) -> dict[str, Any]:
    return {
        "label": label,
        "temperature_K": temperature_K,
        "headline": list(_HEADLINE),
        "quantities": [quantity.to_dict() for quantity in quantities],
    }


def _changes(wanted: InterfaceSettings, merged: Mapping[tuple[str, int], list[Quantity]]) -> list[dict[str, Any]]:
    """Return what each interlayer changes against none, for the best candidate of each."""
    bare = {(q.name, q.species): q for q in merged.get((NONE, 0), [])}
    groups = []
    for interlayer in _between(wanted):
        quantities = []
        for quantity in merged.get((interlayer, 0), []):
            base = bare.get((quantity.name, quantity.species))
            if quantity.name not in _OVERVIEW or base is None or base.value is None or quantity.value is None:
                continue
            if quantity.unit != base.unit:  # rates of different laws
                continue
            change = quantity.value - base.value
            known = quantity.uncertainty is not None and base.uncertainty is not None
            error = ((quantity.uncertainty or 0.0) ** 2 + (base.uncertainty or 0.0) ** 2) ** 0.5 if known else None
            half = (half_width(quantity) ** 2 + half_width(base) ** 2) ** 0.5 if known else None
            seen = half is not None and abs(change) > half and quantity.converged and base.converged
            why = "the change lies within its error, or one of both did not converge"
            quantities.append(
                Quantity(
                    f"change_of_{quantity.name}", change, quantity.unit, uncertainty=error, species=quantity.species,
                    interval95=None if half is None else (change - half, change + half),
                    method="with the interlayer less without", converged=seen, warnings=() if seen else (why,),
                )
            )  # fmt: skip
        if quantities:
            name = f"What {interlayer.split(':')[0]} changes"
            groups.append(_group(name, quantities, wanted.temperature_K) | {"headline": []})
    return groups


def _tables(
    wanted: InterfaceSettings, rankings: Mapping[str, Mapping[str, Any]], about: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the ranked candidates of each interlayer, and the pairs that gave none."""
    tables = []
    columns = ["candidate", "rigid adhesion (J/m²)", "contacts wider by (Å)", "misfit (%)", "area (Å²)", "atoms"]
    for interlayer in wanted.interlayers:
        name = "" if interlayer == NONE else f" with {interlayer}"
        if interlayer in rankings:
            rows = [
                [
                    one["label"],
                    float(f"{one['adhesion_J_m2']:.4g}"),
                    one["gap_A"],
                    None if one["misfit"] is None else float(f"{100 * one['misfit']:.3g}"),
                    float(f"{one['area_A2']:.4g}"),
                    one["natoms"],
                ]
                for one in rankings[interlayer]["table"]
            ]
            title = f"Candidates{name}, ranked by adhesion without relaxation"
            tables.append({"title": title, "columns": columns, "rows": rows})
        left_out = about.get(interlayer, {}).get("left_out") or []
        if left_out:
            rows = [[text] for text in left_out]
            tables.append({"title": f"Left out{name}", "columns": ["pair, and why"], "rows": rows})
    return tables


def _warnings(
    labels: Mapping[tuple[str, int], str],
    runs: Mapping[tuple[str, int], Sequence[Mapping[str, Any]]],
    rankings: Mapping[str, Mapping[str, Any]],
    merged: Mapping[tuple[str, int], Sequence[Quantity]],
) -> list[str]:
    """Return the sentences for the first lines: guards that stopped, reactions, stresses out of balance."""
    said = []
    for key, outputs in runs.items():
        label, count = labels[key], len(outputs)
        stopped = [output for output in outputs if output["stopped"]]
        if stopped:
            why = "; ".join(f"at {output.get('stopped_at_ps', 0.0):.3g} ps {output['stopped']}" for output in stopped)
            said.append(
                f"{label}: {len(stopped)} of {count} runs were stopped: {why}. What they gave until then is shown, and "
                "no verdict rests on it."
            )
        reacted = [output["reacted"] for output in outputs if output.get("reacted")]
        if reacted:
            first = f" in {len(reacted)} of {count} runs, in the first of them so" if count > 1 else ""
            said.append(
                f"{label}: {reacted[0][0].lower() + reacted[0][1:]}{first}. What follows is about the interphase that "
                "forms and not about the interface as it was built."
            )
        unbalanced = [output for output in outputs if "stress" in output and not output["stress"]["balanced"]]
        if unbalanced:
            said.append(
                f"{label}: the normal stress is not flat within twice its error in {len(unbalanced)} of {count} runs: "
                "those stresses are shown as not equilibrated, and no verdict rests on them."
            )
        missing: dict[str, list[str]] = {}
        for q in merged.get(key, []):
            if "_diffusivity_" in q.name and q.value is None:
                missing.setdefault(" and ".join(q.warnings), []).append(q.name.replace("_", " "))
        if missing:
            without = [f"no {', '.join(names)}: {why}" for why, names in missing.items()]
            said.append(f"{label}: {'; '.join(without)}.")
    for interlayer, ranking in rankings.items():
        best = ranking["table"][0]
        if best["adhesion_J_m2"] <= 0:
            name = "" if interlayer == NONE else f" with {interlayer}"
            said.append(
                f"Unrelaxed, no candidate{name} holds together in this model (the best is {best['label']}): the choice "
                "among them rests on repulsion, and what they are after relaxation counts."
            )
    said.append("No model of this run has charges that change, so charge transfer is not reported; bonds are.")
    return said
