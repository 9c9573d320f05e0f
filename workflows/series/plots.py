"""The plots of the section ``series``, as `anodeflow.analysis.report.document.Plot` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...analysis.literature import literature_values
from ...analysis.replicas import replica_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .results import Composed

_PHASES = (("crystal", "crystals"), ("amorphous", "glasses"))
_REVIEW = "the review"


def series_plots(
    alloys: Sequence[Composed], profile: dict[str, Any], host: str, temperature_K: float
) -> list[dict[str, Any]]:
    """Return volume, voltage, hull, moduli, strength, diffusivity and stress-strain curves against x."""
    x_label = f"x in Liₓ{host}"
    plots = [
        _against(alloys, "expansion", "Volume expansion", ["volume_expansion"], x_label, "expansion (%)")
        | {"published": _published(f"Li15{host}4", "volume_expansion", "amorphous")},
        *_voltage_plots(profile, host, x_label),
        _against(
            alloys, "moduli", "Young's and biaxial modulus", ["youngs_modulus", "biaxial_modulus"], x_label,
            "modulus at 0 K (GPa)",
        ),
        _against(
            alloys, "strength", "Yield and flow", ["yield_strength", "tensile_flow_stress", "flow_stress"], x_label,
            f"stress at {temperature_K:g} K (GPa), tension positive",
        )
        | {"published": [{"label": "measured plastic flow in compression, −1.75 GPa", "low": -1.75, "high": -1.75}]},
        _diffusivities(alloys, x_label),
        *_curves(alloys),
    ]  # fmt: skip
    return [plot for plot in plots if plot["curves"]]


def _against(
    alloys: Sequence[Composed], key: str, title: str, names: Sequence[str], x_label: str, y_label: str
) -> dict[str, Any]:
    curves = []
    for name in names:
        for phase, label in _PHASES:
            points = [
                (one.x, replica_mean(one.cold[name])) for one in alloys if one.phase == phase and one.cold.get(name)
            ]
            if points:
                said = f"{name.replace('_', ' ')}, {label}" if len(names) > 1 else label
                curves.append(_curve(said, points))
    caption = "Bars are standard errors; for glasses from the spread over the replicas."
    return {"key": key, "title": title, "x_label": x_label, "y_label": y_label, "curves": curves, "caption": caption}


def _curve(label: str, points: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    return {
        "label": label,
        "x": [x for x, _ in points],
        "y": [quantity.value for _, quantity in points],
        "error": [quantity.uncertainty for _, quantity in points],
        "style": "points",
    }


def _published(formula: str, name: str, phase: Any) -> list[dict[str, Any]]:
    rows = [row for row in literature_values(formula, name, phase) if not row.flagged]
    if not rows:
        return []
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    return [{"label": f"published for {formula}", "low": low, "high": high}]


def _voltage_plots(profile: dict[str, Any], host: str, x_label: str) -> list[dict[str, Any]]:
    steps, hulls = [], []
    for phase, label in _PHASES:
        if phase not in profile:
            continue
        one = profile[phase]
        voltages = [*one["voltage_V"], one["voltage_V"][-1]]
        steps.append({"label": label, "x": one["x"], "y": voltages, "style": "steps"})
        hulls.append({"label": label, "x": one["all_x"], "y": one["formation_eV"], "style": "points"})
    published = {"Si": (0.2, 0.3), "Sn": (0.38, 0.76), "Sb": (0.95, 0.96)}.get(host)
    bands = (
        [{"label": f"working potential in {_REVIEW}", "low": published[0], "high": published[1]}] if published else []
    )
    return [
        {
            "key": "voltage", "title": "Voltage against lithium metal", "x_label": x_label, "y_label": "voltage (V)",
            "caption": "Plateaus along the convex hull of the energies at 0 K. What the card says about the voltages "
            "of this model stands in the first lines of the report.",
            "curves": steps, "published": bands,
        },
        {
            "key": "hull", "title": "Formation energy", "x_label": x_label,
            "y_label": f"formation energy (eV per {host})",
            "caption": "From the host of each kind and lithium metal. The hull is made by the lowest.", "curves": hulls,
        },
    ]  # fmt: skip


def _diffusivities(alloys: Sequence[Composed], x_label: str) -> dict[str, Any]:
    curves = []
    keys = sorted(
        {(temperature, species) for one in alloys for temperature in one.hot for _, species in one.hot[temperature]}
    )
    for temperature, species in keys:
        for phase, label in _PHASES:
            points = [
                (one.x, replica_mean(one.hot[temperature]["tracer_diffusivity", species]))
                for one in alloys
                if one.phase == phase and ("tracer_diffusivity", species) in one.hot.get(temperature, {})
            ]
            if any(quantity.value is not None for _, quantity in points):
                curves.append(_curve(f"{species} at {temperature:g} K, {label}", points))
    return {
        "key": "diffusivity", "title": "Tracer diffusivity", "x_label": x_label, "y_label": "D (cm²/s)", "log_y": True,
        "curves": curves, "caption": "A composition without a point was not diffusive in the time that was run.",
    }  # fmt: skip


def _curves(alloys: Sequence[Composed]) -> list[dict[str, Any]]:
    plots = []
    for test, title in (("uniaxial_tension", "Uniaxial tension"), ("biaxial_compression", "Biaxial compression")):
        for phase, label in _PHASES:
            curves = []
            for one in alloys:
                replicas = one.curves.get(test, [])
                if one.phase != phase or not replicas:
                    continue
                length = min(len(curve["strain"]) for curve in replicas)
                mean = {
                    name: [sum(curve[name][i] for curve in replicas) / len(replicas) for i in range(length)]
                    for name in ("strain", "stress_GPa")
                }
                curves.append({"label": one.label, "x": mean["strain"], "y": mean["stress_GPa"], "style": "line"})
            plots.append(
                {
                    "key": f"{test.replace('_', '-')}-{phase}", "title": f"{title}, {label}", "x_label": "strain",
                    "y_label": "stress (GPa)", "curves": curves,
                    "caption": "Means in bins of half a per cent of strain, and over replicas.",
                }
            )  # fmt: skip
    return plots
