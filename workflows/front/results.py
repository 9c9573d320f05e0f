"""What the section ``lithiation_front`` found: its part of the results, from the documents of its jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...analysis.mechanics.overpotential import stress_overpotential
from ...quantity import Quantity, Reference
from ...structures.lithiation import LITHIUM_VOLUME_A3
from ..campaign import Campaign
from ..own_files import named
from .flow import asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REVIEW = "Review of alloy anodes in solid-state cells (2026)"
_PEAK = Reference(6.0, "GPa", f"{_REVIEW}, its reference 272", "MD with ReaxFF, up to about this at a front in c-Si")
_FLOW = Reference(1.75, "GPa", "Sethuraman et al. 2010", "plastic flow of a lithiated film in compression, measured")
_ONE_RUN = "the error is that of one run; another start may differ by more"
_OVERVIEW = (
    "front_velocity",
    "front_advance",
    "front_compression",
    "front_hydrostatic_compression",
    "alloy_von_mises_stress",
    "normal_stress_imbalance",
)
_HEADLINE = ("front_velocity", "front_compression")


def front_part(
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
    front = named(asked(campaign))
    found: dict[str, Mapping[str, Any]] = {}
    for row, document in zip(rows, documents, strict=True):
        about = row["metadata"]
        if (
            about.get("section") == "lithiation_front"
            and document is not None
            and document["output"]["kind"] == "front"
        ):
            found[about["system"]] = document["output"]
    groups = [_group(face, output, front.temperature_K) for face, output in found.items()]
    return {
        "key": "lithiation_front",
        "title": "Lithiation front",
        "asked": (
            f"How fast does {front.alloy} eat into {', '.join(front.faces)} at {front.temperature_K:g} K under "
            f"{front.stack_pressure_MPa:g} MPa ({front.in_plane} in the plane), and what stress does the front bring?"
        ),
        "warnings": _warnings(found),
        "overview": list(_OVERVIEW),
        "groups": [*groups, *_ranking(found, front.temperature_K)],
        "plots": _plots(found),
    }


def _group(face: str, output: Mapping[str, Any], temperature_K: float) -> dict[str, Any]:
    quantities = []
    for document in output["quantities"]:
        quantity = Quantity.from_dict(document)
        if quantity.name == "front_compression":
            reference = _PEAK if not face.startswith("a-") else _FLOW
            quantity = replace(quantity, reference=reference)
        if quantity.name == "front_velocity" and quantity.value is not None:
            quantity = replace(quantity, warnings=(*quantity.warnings, _ONE_RUN))
        quantities.append(quantity)
    peak = next(q for q in quantities if q.name == "front_hydrostatic_compression")
    volume = Quantity("lithium_partial_volume", LITHIUM_VOLUME_A3, "Å^3")
    shift = stress_overpotential(volume, peak)
    method = f"Ω σ / F with Ω = {LITHIUM_VOLUME_A3:g} Å³ and the hydrostatic compression at the front"
    quantities.append(replace(shift, method=method, source=peak.source))
    return {
        "label": face,
        "temperature_K": temperature_K,
        "headline": list(_HEADLINE),
        "quantities": [quantity.to_dict() for quantity in quantities],
    }


def _ranking(found: Mapping[str, Mapping[str, Any]], temperature_K: float) -> list[dict[str, Any]]:
    """Return how much faster the fastest crystal face is than each other one."""
    speeds = {
        face: next(Quantity.from_dict(q) for q in output["quantities"] if q["name"] == "front_velocity")
        for face, output in found.items()
        if not face.startswith("a-")
    }
    known = {face: speed for face, speed in speeds.items() if speed.value is not None and speed.uncertainty is not None}
    if len(known) < 2:
        return []
    fastest = max(known, key=lambda face: known[face].value or 0.0)
    first = known[fastest]
    quantities = []
    for face, speed in known.items():
        if face == fastest or first.value is None or speed.value is None:
            continue
        lead = first.value - speed.value
        error = ((first.uncertainty or 0.0) ** 2 + (speed.uncertainty or 0.0) ** 2) ** 0.5
        seen = lead > 1.96 * error and min(first.value, speed.value) > 0
        unknown = "the difference lies within its error, so the order of these faces is not known"
        if min(first.value, speed.value) <= 0:
            unknown = "a front that retreats has no speed of lithiation, so the order of these faces is not known"
        why = (_ONE_RUN,) if seen else (unknown,)
        quantities.append(
            Quantity(
                "front_velocity_lead", lead, "m/s", uncertainty=error, species=f"{fastest} over {face}",
                method="difference of front velocities", converged=seen, warnings=why,
            ).to_dict()
        )  # fmt: skip
    return [{"label": "Orientation", "quantities": quantities, "temperature_K": temperature_K, "headline": []}]


def _warnings(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    unbalanced = [face for face, output in found.items() if not output["balanced"]]
    said = []
    if unbalanced:
        said.append(
            f"The normal stress is not flat within twice its error for {', '.join(unbalanced)}: those stress profiles "
            "are shown as not equilibrated, and no verdict rests on them."
        )
    retreating = []
    for face, output in found.items():
        speed = next(q for q in output["quantities"] if q["name"] == "front_velocity")
        if speed["value"] is not None and speed["value"] < 0 and speed["converged"]:
            retreating.append(face)
    if retreating:
        said.append(
            f"The front of {', '.join(retreating)} retreats: the layer without lithium grows, so this run saw no "
            "lithiation there."
        )
    crystals = [face for face in found if not face.startswith("a-")]
    if len(crystals) > 1:
        said.append(
            "The review reports the ⟨110⟩ direction of crystalline silicon as the fastest; whether this run agrees is "
            "only said where the velocities differ by more than their errors."
        )
    return said


def _plots(found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    plots = []
    tracks = [
        {"label": face, "x": output["track"]["time_ps"], "y": output["track"]["host_thickness_A"], "style": "line"}
        for face, output in found.items()
    ]
    if tracks:
        plots.append(
            {
                "key": "track", "title": "Front position", "x_label": "time (ps)",
                "y_label": "thickness of the host (Å)",
                "caption": "The distance between the two fronts of each cell; a front moves by half of it.",
                "curves": tracks,
            }
        )  # fmt: skip
    for number, (face, output) in enumerate(found.items()):
        profile = output["profile"]
        state = "" if output["balanced"] else " (not equilibrated)"
        stresses = [
            ("σxx", "stress_xx_GPa", None), ("σyy", "stress_yy_GPa", None),
            ("σzz", "stress_zz_GPa", "stress_zz_error_GPa"),
            ("hydrostatic", "hydrostatic_GPa", "hydrostatic_error_GPa"),
            ("von Mises", "von_mises_GPa", None),
        ]  # fmt: skip
        plots.append(
            {
                "key": f"stress-{number}", "title": f"Stress across {face}{state}", "x_label": "position (Å)",
                "y_label": "stress (GPa), tension positive",
                "caption": "Mean over the windows after the equilibration. In equilibrium σzz is the same in all layers"
                + ("." if output["balanced"] else "; here it is not, within twice its error."),
                "curves": [
                    {"label": label, "x": profile["position_A"], "y": profile[name], "style": "line"}
                    | ({"error": profile[error]} if error else {})
                    for label, name, error in stresses
                ],
            }
        )  # fmt: skip
        plots.append(
            {
                "key": f"composition-{number}", "title": f"Composition and coordination across {face}",
                "x_label": "position (Å)", "y_label": "share of lithium; host neighbours of a host atom",
                "caption": "Four host neighbours are those of the crystal.",
                "curves": [
                    {"label": "share of lithium", "x": profile["position_A"], "y": profile["lithium_share"]},
                    {"label": "host neighbours", "x": profile["position_A"], "y": profile["host_neighbours"]},
                ],
            }
        )  # fmt: skip
    return plots
