"""What the energies of the section give together: adsorption, solution, segregation, sliding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.defect_energies import adsorption_energy, segregation_energy, sliding_barrier, solution_energy
from ...quantity import Quantity, Reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..campaign import Campaign
    from .settings import EnergeticsSettings

_REVIEW = "Review of alloy anodes in solid-state cells (2026), its reference 175"
_LOOSE = "An energy behind it is not fully relaxed."


def energetics_part(
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
    settings = campaign.energetics
    assert settings is not None
    done = [
        (row["metadata"], document["output"])
        for row, document in zip(rows, documents, strict=True)
        if row["metadata"].get("section") == "energetics" and document is not None
    ]
    atoms = {about["system"]: output for about, output in done if about["role"] == "reference"}
    groups = [*_adsorbed(settings, done, atoms), *_dissolved(settings, done, atoms)]
    plots = []
    for label in settings.sliding:
        group, plot = _slid(settings, label, [pair for pair in done if pair[0]["system"] == label])
        groups.append(group)
        plots += plot
    names = [*settings.adsorption, *settings.solution, *settings.sliding]
    return {
        "key": "energetics",
        "title": "Adsorption, solution and sliding",
        "asked": f"What do {', '.join(names)} cost?",
        "warnings": [f"{about['system']}: {text}" for about, output in done for text in output["warnings"]],
        "overview": ["adsorption_energy", "solution_energy", "segregation_energy", "sliding_barrier"],
        "groups": [group for group in groups if group["quantities"]],
        "plots": plots,
    }


def _energy(output: Mapping[str, Any]) -> float:
    return float(output["quantities"][0]["value"])


def _per_atom(output: Mapping[str, Any]) -> float:
    return _energy(output) / int(output["natoms"])


def _marked(quantity: Quantity, outputs: Sequence[Mapping[str, Any]], site: str) -> Quantity:
    """Say which site a quantity is of, and that it is no result where an energy behind it is not relaxed."""
    loose = [one for one in outputs if not one["quantities"][0]["converged"]]
    how = f"site {site}, {quantity.method}" if site else quantity.method
    if loose:
        return replace(quantity, method=how).doubted(_LOOSE)
    return replace(quantity, method=how)


def _adsorbed(settings: EnergeticsSettings, done: Sequence[Any], atoms: Mapping[str, Any]) -> list[dict[str, Any]]:
    groups = []
    for label, one in settings.adsorption.items():
        clean = next((out for about, out in done if about["system"] == label and about["role"] == "clean"), None)
        found = []
        if clean is not None and one.species in atoms:
            reference = settings.references.get(one.species, one.species)
            for about, output in done:
                if about["system"] == label and about["role"] == "covered":
                    atom = atoms[one.species]
                    value = adsorption_energy(_energy(output), _energy(clean), _per_atom(atom), one.species, reference)
                    found.append(_marked(value, [clean, output, atom], about["site"]))
        found.sort(key=lambda q: q.value if q.value is not None else np.inf)
        groups.append(_group(label, found, "adsorption_energy"))
    return groups


def _dissolved(settings: EnergeticsSettings, done: Sequence[Any], atoms: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: dict[str, list[Quantity]] = {}
    # all from the elements' own phases: between two cells of one element they drop out
    alike: dict[str, list[Quantity]] = {}
    for label, one in settings.solution.items():
        own = [pair for pair in done if pair[0]["system"] == label]
        pure = next((out for about, out in own if about["role"] == "pure"), None)
        found[label], alike[label] = [], []
        if pure is None or one.element not in atoms or one.solute not in atoms:
            continue
        # of a perfect crystal its own energy per atom, in the very cell of the doped one
        perfect = one.crystal is not None and set(_symbols(pure)) == {one.element}
        host, solute = pure if perfect else atoms[one.element], atoms[one.solute]
        reference = " and ".join(settings.references.get(el, el) for el in (one.element, one.solute))
        for about, output in own:
            if about["role"] == "doped":
                rest = (_per_atom(solute), one.solute, reference)
                value = solution_energy(_energy(output), _energy(pure), _per_atom(host), *rest)
                found[label].append(_marked(value, [pure, output, host, solute], about["site"]))
                value = solution_energy(_energy(output), _energy(pure), _per_atom(atoms[one.element]), *rest)
                alike[label].append(_marked(value, [pure, output], about["site"]))
        found[label].sort(key=lambda q: q.value if q.value is not None else np.inf)
    groups = []
    for label, one in settings.solution.items():
        quantities = list(found[label])
        if one.against is not None:
            pair = [alike[name] for name in (label, one.against)]
            values = [[q.value for q in sites if q.value is not None] for sites in pair]
            quantity = segregation_energy(values[0], values[1], one.solute)
            if not all(q.converged for sites in pair for q in sites):
                quantity = quantity.doubted(_LOOSE)
            if (one.solute, one.element) == ("Al", "Si"):
                note = "0.90 eV at the boundary less 0.99 eV in the bulk, DFT"
                quantity = replace(quantity, reference=Reference(-0.09, "eV", _REVIEW, note))
            quantities.append(quantity)
        groups.append(_group(label, quantities, "segregation_energy" if one.against else "solution_energy"))
    return groups


def _symbols(output: Mapping[str, Any]) -> list[str]:
    from pymatgen.core import Structure

    held = output["structure"]
    structure = held if isinstance(held, Structure) else Structure.from_dict(held)
    return [site.specie.symbol for site in structure]


def _slid(settings: EnergeticsSettings, label: str, own: Sequence[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    asked = settings.sliding[label]
    grid = np.full(asked.steps, np.nan)
    for about, output in own:
        grid[tuple(about["shift"])] = _energy(output)
    if not np.isfinite(grid).all():
        missing = int(np.isnan(grid).sum())
        why = (f"{missing} of {grid.size} shifts have not finished.",)
        return _group(label, [Quantity("sliding_barrier", None, "eV/Å^2", converged=False, warnings=why)], ""), []
    found = sliding_barrier(grid, own[0][0]["area_A2"], source=label)
    loose = sum(not output["quantities"][0]["converged"] for _, output in own)
    quantities = list(found.along)
    if loose:
        why = (f"{loose} of {grid.size} shifts are not fully relaxed.",)
        quantities = [q.doubted(*why) for q in quantities]
    if asked.grain_boundary.crystal == "Si" and asked.solute == "Al":
        reference = Reference(0.0385, "eV/Å^2", _REVIEW, "four Al atoms at a boundary of polycrystalline Si, DFT")
        quantities = [replace(q, reference=reference) for q in quantities]
    curves = [
        {
            "label": f"second shift {j / grid.shape[1]:.2f}",
            "x": [*(np.arange(grid.shape[0]) / grid.shape[0]).tolist(), 1.0],
            "y": [*found.excess_eV_A2[:, j].tolist(), float(found.excess_eV_A2[0, j])],
            "style": "points",
        }
        for j in range(grid.shape[1])
    ]
    plot = {
        "key": f"sliding-{label}",
        "title": f"Sliding of {label}",
        "caption": "Energy of one boundary above that at the best shift. Each line is a row of the grid of shifts.",
        "x_label": "shift along the first vector",
        "y_label": "energy per area (eV/Å²)",
        "curves": curves,
    }
    return _group(label, quantities, "sliding_barrier"), [plot]


def _group(label: str, quantities: Sequence[Quantity], headline: str) -> dict[str, Any]:
    shown = [headline] if headline else []
    return {"label": label, "quantities": [quantity.to_dict() for quantity in quantities], "headline": shown}
