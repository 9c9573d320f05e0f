"""What the section ``series`` found: its part of the results, from the documents of its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ...analysis.energetics import Composition, voltage_profile
from ...analysis.mechanics.overpotential import stress_overpotential
from ...analysis.replicas import replica_mean
from ...errors import InputError
from ...potentials.cards import card
from ...quantity import Quantity
from ..campaign import Campaign
from .flow import LITHIUM, asked, formula
from .plots import series_plots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...potentials.cards import PotentialCard

STACK_PRESSURES_MPA = (0.0, 5.0, 15.0, 50.0, 70.0, 100.0, 300.0, 370.0)
"""Stack pressures of solid-state cells; the stress overpotential is given at each."""

OVERVIEW = (
    "volume_per_host_atom",
    "volume_expansion",
    "youngs_modulus",
    "biaxial_modulus",
    "yield_strength",
    "tensile_flow_stress",
    "flow_stress",
    "tracer_diffusivity",
)
_NAMES = {
    "young_modulus": "youngs_modulus",
    "tensile_yield_stress": "yield_strength",
    "biaxial_compressive_flow_stress": "flow_stress",
}
"""What the literature calls them."""

_HEADLINE = ("volume_expansion", "youngs_modulus", "yield_strength", "flow_stress", "tracer_diffusivity")


@dataclass
class Composed:
    """Everything about one phase at one composition; lists have an entry for each replica.

    Attributes
    ----------
    label, phase, x
        As in `anodeflow.workflows.series.flow.Sample`.
    energy_eV
        Energy of an atom at 0 K.
    cold, hot
        Quantities at rest and at the temperature of the series, by name; and by temperature, then name and species.
    curves
        Stress against strain of each test.
    """

    label: str
    phase: str
    x: float | None
    energy_eV: list[Quantity] = field(default_factory=list)
    cold: dict[str, list[Quantity]] = field(default_factory=dict)
    hot: dict[float, dict[tuple[str, str], list[Quantity]]] = field(default_factory=dict)
    curves: dict[str, list[dict[str, list[float]]]] = field(default_factory=dict)

    def mean(self, name: str) -> Quantity | None:
        """Return the mean over replicas of a quantity at the temperature of the series, or None."""
        return replica_mean(self.cold[name]) if self.cold.get(name) else None


def series_part(
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
    series, potential = asked(campaign), card(campaign.potential)
    found = _gather(rows, documents, series.temperature_K)
    alloys = sorted((one for one in found.values() if one.x is not None), key=lambda one: (one.phase, one.x))
    _expand(alloys, series.host)
    groups = [group for one in alloys for group in _groups(one, series.temperature_K)]
    voltages, profile = _voltages(alloys, found.get(f"c-{LITHIUM}"), series.host, formula(series.host, series.x[-1]))
    glasses = [one for one in alloys if one.phase == "amorphous"]
    volume = partial_volume(glasses)
    groups += [{"label": "Voltage", "host": series.host, **group} for group in voltages]
    if volume is not None:
        groups.append(_pressures(volume) | {"host": series.host})
    return {
        "key": "series",
        "title": f"Lithiation series of {series.host}",
        "asked": _asked(campaign, alloys),
        "warnings": _warnings(campaign, potential, has_voltages=bool(voltages)),
        "overview": list(OVERVIEW),
        "groups": groups,
        "plots": series_plots(alloys, profile, series.host, series.temperature_K),
    }


def _gather(
    rows: Sequence[Mapping[str, Any]], documents: Sequence[Mapping[str, Any] | None], temperature_K: float
) -> dict[str, Composed]:
    found: dict[str, Composed] = {}
    for row, document in zip(rows, documents, strict=True):
        about = row["metadata"]
        if about.get("section") != "series" or document is None:
            continue
        output, label = document["output"], about["system"]
        one = found.setdefault(label, Composed(label, about["phase"], about["x"]))
        quantities = [Quantity.from_dict(quantity) for quantity in output["quantities"]]
        if output["kind"] == "relaxation":
            one.energy_eV.append(next(q for q in quantities if q.name == "energy_per_atom"))
        elif output["kind"] in ("elasticity", "stress_strain") or (
            output["kind"] == "equilibration" and about["temperature_K"] == temperature_K
        ):
            for quantity in quantities:
                if quantity.name not in ("temperature", "pressure"):
                    name = _NAMES.get(quantity.name, quantity.name)
                    one.cold.setdefault(name, []).append(replace(quantity, name=name))
            if output["kind"] == "stress_strain":
                one.curves.setdefault(output["test"], []).append(output["curve"])
        elif output["kind"] == "diffusion":
            hot = one.hot.setdefault(about["temperature_K"], {})
            for quantity in quantities:
                if quantity.name == "tracer_diffusivity":
                    hot.setdefault((quantity.name, quantity.species or ""), []).append(quantity)
    return found


def _expand(alloys: Sequence[Composed], host: str) -> None:
    """Add the volume expansion over the pristine crystal, or over the pristine glass where there is no crystal."""
    pristine = next((one for one in alloys if one.x == 0 and one.phase == "crystal"), None)
    pristine = pristine or next((one for one in alloys if one.x == 0), None)
    reference = pristine.mean("volume_per_host_atom") if pristine else None
    if reference is None or not reference.value:
        return
    assert pristine is not None
    for one in alloys:
        volumes = one.cold.get("volume_per_host_atom", [])
        if one is pristine or not volumes:
            continue
        expanded = []
        for volume in volumes:
            if volume.value is None:
                continue
            ratio = volume.value / reference.value
            error = ((volume.uncertainty or 0) / volume.value) ** 2 + (
                (reference.uncertainty or 0) / reference.value
            ) ** 2
            expansion = Quantity(
                "volume_expansion",
                100 * (ratio - 1),
                "%",
                uncertainty=100 * ratio * error**0.5,
                method=f"volume per {host} over that of {pristine.label} in the same model",
                source=volume.source,
            )
            expanded.append(_resting(expansion, {one.label: volume, pristine.label: reference}, "volume"))
        if expanded:
            one.cold["volume_expansion"] = expanded


def _resting(quantity: Quantity, behind: Mapping[str, Quantity], what: str) -> Quantity:
    """Return a quantity that is converged only where those are, by the label of each, that it rests on."""
    loose = [label for label, one in behind.items() if not one.converged]
    return quantity.doubted(*([f"the {what} of {', '.join(loose)} did not converge"] if loose else []))


def _groups(one: Composed, temperature_K: float) -> list[dict[str, Any]]:
    about = {"label": one.label, "formula": one.label[2:], "phase": one.phase, "x": one.x, "headline": list(_HEADLINE)}
    cold = [replica_mean(found).to_dict() for found in one.cold.values()]
    rest = [replica_mean(one.energy_eV).to_dict()] if one.energy_eV else []
    groups = [about | {"temperature_K": temperature_K, "quantities": cold + rest}] if cold + rest else []
    for temperature, quantities in sorted(one.hot.items()):
        means = [replica_mean(found).to_dict() for found in quantities.values()]
        groups.append(about | {"temperature_K": temperature, "quantities": means})
    return groups


def _voltages(
    alloys: Sequence[Composed], lithium: Composed | None, host: str, last: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return groups of plateaus along the hulls of crystals and glasses and of the means, and the profile for plots.

    A plateau stands at the middle of its two contents.
    """
    profile: dict[str, Any] = {}
    plateaus: list[dict[str, Any]] = []
    means: list[dict[str, Any]] = []
    if lithium is None or not lithium.energy_eV or lithium.energy_eV[0].value is None:
        return [], profile
    metal = lithium.energy_eV[0].value
    for phase in ("crystal", "amorphous"):
        compositions, behind = [], {LITHIUM: lithium.energy_eV[0]}
        for one in alloys:
            if one.phase != phase or not one.energy_eV or one.x is None:
                continue
            mean = replica_mean(one.energy_eV)
            if mean.value is not None:
                behind[one.label] = mean
                atoms = 1 + one.x
                error = (mean.uncertainty or 0.0) * atoms
                compositions.append(Composition(one.label, one.x, mean.value * atoms, error))
        if len(compositions) < 2:
            continue
        try:
            found = voltage_profile(compositions, metal, source=f"{phase} {host}")
        except InputError:
            continue
        for plateau, (low, high) in zip(found.plateaus, pairwise(found.stable), strict=True):
            voltage = _resting(replace(plateau, name="lithiation_voltage"), behind, "energy")
            plateaus.append({"phase": phase, "x": (low.x + high.x) / 2, "quantities": [voltage.to_dict()]})
        means.append(_resting(replace(found.mean, species=phase), behind, "energy").to_dict())
        profile[phase] = {
            "x": [one.x for one in found.stable],
            "voltage_V": [plateau.value for plateau in found.plateaus],
            "all_x": [one.x for one in found.phases],
            "formation_eV": [float(value) for value in found.formation_eV],
            "above_hull_eV": [float(value) for value in found.above_hull_eV],
        }
    return [*plateaus, *([{"formula": last, "quantities": means}] if means else [])], profile


def partial_volume(glasses: Sequence[Composed]) -> Quantity | None:
    """Return the volume that one lithium adds, the slope of the volume per host atom against x over the glasses."""
    import numpy as np

    points = [(one, mean) for one in glasses if (mean := one.mean("volume_per_host_atom")) and mean.value is not None]
    if len(points) < 3:
        return None
    x = np.array([one.x for one, _ in points], dtype=float)
    volume = np.array([mean.value for _, mean in points], dtype=float)
    slope, start = np.polyfit(x, volume, 1)
    rest = volume - slope * x - start
    error = float(np.sqrt((rest**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum()))
    omega = Quantity(
        "lithium_partial_volume",
        float(slope),
        "Å^3",
        uncertainty=error,
        method="slope of a line through the volumes per host atom of the glasses; error from the scatter about it",
        n_effective=float(len(x)),
    )
    return _resting(omega, {one.label: mean for one, mean in points}, "volume")


def _pressures(volume: Quantity) -> dict[str, Any]:
    shifts = []
    for pressure in STACK_PRESSURES_MPA:
        shift = stress_overpotential(volume, pressure / 1000)
        shifts.append(replace(shift, species=f"{pressure:g} MPa").to_dict())
    quantities = [volume.to_dict(), *shifts]
    return {"label": "Stress overpotential", "quantities": quantities, "headline": ["lithium_partial_volume"]}


def _asked(campaign: Campaign, alloys: Sequence[Composed]) -> str:
    series = asked(campaign)
    crystals = ", ".join(one.label[2:] for one in alloys if one.phase == "crystal")
    contents = ", ".join(f"{x:g}" for x in series.x)
    return (
        f"What does lithium do to {series.host}: volume, voltage, diffusivity, stiffness and strength of the crystals "
        f"{crystals} and of glasses with x = {contents} lithium atoms for each {series.host} at "
        f"{series.temperature_K:g} K under {series.stack_pressure_MPa:g} MPa ({series.in_plane} in the plane)?"
    )


def _warnings(campaign: Campaign, potential: PotentialCard, *, has_voltages: bool) -> list[str]:
    series = asked(campaign)
    found = []
    if has_voltages:
        found += [
            f"The voltages are not to be trusted, as the card of {potential.name} says: {fault}"
            for fault in potential.known_faults
            if "voltage" in fault.lower()
        ]
    if series.replicas < 2:
        found.append("One glass for each composition gives no error for what differs between glasses.")
    return found
