"""The section ``barrier`` of a campaign: a ladder among its jobs, and what it found in the report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from .flow import ladder_extrapolations, ladder_flow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobflow import Flow

    from ...potentials.cards import PotentialCard
    from ..campaign import Campaign
    from .settings import LadderSettings

_KINDS = ("barrier_crystal", "barrier", "barrier_ladder")
_CURVE_POINTS = 60
_MOST_DRAWINGS = 6
"""Paths that a report draws; the label of the last one says how many it leaves out."""
_OF_ONE_HOP = ("activation_volume", "barrier_infinite_cell")


def barrier_flow(campaign: Campaign) -> Flow:
    """Return the flow of the ladder that a campaign asks for."""
    flow, _ = ladder_flow(_asked(campaign), "barrier")
    return flow


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the ladder's potentials are used beyond what they were made for, a sentence each.

    Parameters
    ----------
    campaign
        The campaign.
    potential
        Its model, which the ladder does not use unless it is one of the levels.
    """
    return ladder_extrapolations(_asked(campaign))


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on barriers for the paragraph on methods."""
    return ladder_methods(_asked(campaign))


def ladder_methods(asked: LadderSettings) -> list[str]:
    """Return the same for any ladder."""
    levels = "; ".join(
        f"{level.name} with {level.images} images in cells of at least {level.image_distance_A:g} Å, until no atom "
        f"feels more than {level.force_tolerance_eV_A:g} eV/Å from the force of the band"
        for level in asked.levels
    )
    return [
        f"Migration barriers are those of climbing-image nudged elastic bands with improved tangents: {levels}. Paths "
        "start from the image-dependent pair potential or from the band of the level below; attempt frequencies are "
        "Vineyard's, rates those of harmonic transition-state theory, and the diffusivity of the carrier follows from "
        "the master equation on all equal hops.",
    ]


def part(
    campaign: Campaign, rows: Sequence[Mapping[str, Any]], documents: Sequence[Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Return the ladder's part of the results: quantities by hop and level, bands, and the paths in the crystal.

    Parameters
    ----------
    campaign
        The campaign.
    rows
        The table of jobs.
    documents
        ``result.json`` of each row; None where there is none.
    """
    outputs = [one["output"] for one in documents if one is not None]
    return ladder_part(_asked(campaign), outputs)


def ladder_part(asked: LadderSettings, outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the same for any ladder.

    Parameters
    ----------
    asked
        The ladder.
    outputs
        What its jobs gave; others among them are passed over.
    """
    outputs = [one for one in outputs if one.get("kind") in _KINDS]
    bands = [one for one in outputs if one["kind"] == "barrier"]
    summary = next((one for one in outputs if one["kind"] == "barrier_ladder"), None)
    groups = [
        {
            "label": " ".join(filter(None, [one["hop"], one["level"], one["variant"]])),
            "compared_as": " ".join(filter(None, [one["hop"], one["variant"]])),
            "level": one["level"],
            "headline": ["migration_barrier"],
            "quantities": one["quantities"],
        }
        for one in bands
    ]
    groups += [
        {
            "label": f"crystal {one['level']}",
            "compared_as": "crystal",
            "level": one["level"],
            "headline": [],
            "quantities": one["quantities"],
        }
        for one in outputs
        if one["kind"] == "barrier_crystal"
    ]
    if summary is not None:
        groups += _together(summary["quantities"], bands)
    hops = list(dict.fromkeys(one["hop"] for one in bands))
    shown = [(hop, [one for one in bands if one["hop"] == hop and one["band"]]) for hop in hops]
    drawings = [_drawing(hop, found) for hop, found in [pair for pair in shown if pair[1]][:_MOST_DRAWINGS]]
    undrawn = sum(1 for _, found in shown if found) - len(drawings)
    if undrawn:
        drawings[-1]["label"] += f"; the paths of {undrawn} further hops are not drawn"
    return {
        "key": "barrier",
        "title": f"Migration barriers of {asked.species} in {_name(asked)}",
        "asked": f"Which barriers does {asked.species} have to pass in {_name(asked)}, at each level?",
        "warnings": list(summary["warnings"]) if summary else [],
        "overview": ["migration_barrier", "reverse_barrier", "attempt_frequency"],
        "groups": groups,
        "plots": [_plot(number, hop, found) for number, (hop, found) in enumerate(shown) if found],
        "drawings": drawings,
    }


def _together(quantities: Sequence[Mapping[str, Any]], bands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what all hops give together, a label for each temperature and one for the rest; some are of one hop."""
    of = {f"{one['hop']} {one['level']}": (one["hop"], one["level"]) for one in bands}
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for one in quantities:
        at = re.search(r"\bat ([\d.e+]+ K)\b", one["method"])
        axis = re.match(r"along [abc]\b", one["method"])
        hop, level = of.get(one["source"], ("all hops", one["source"]))
        label = one["source"] if one["name"] in _OF_ONE_HOP else f"all hops, {at[1]}" if at else "all hops"
        compared_as = ", ".join([hop, *([at[1]] if at else []), *([axis[0]] if axis else [])])
        groups.setdefault((label, compared_as, level), []).append(one)
    headline = ["activation_energy", "carrier_diffusivity", *_OF_ONE_HOP]
    return [
        {"label": label, "compared_as": name, "level": level, "headline": headline, "quantities": found}
        for (label, name, level), found in groups.items()
    ]


def _plot(number: int, hop: str, bands: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from ...analysis.hops.band_picture import band_points

    curves = []
    for band in bands:
        label = " ".join(filter(None, [band["level"], band["variant"]])) + ("" if band["converged"] else ", unfinished")
        every = max(1, len(band["curve"]["arc_length_A"]) // _CURVE_POINTS)
        curve = {key: band["curve"][key][::every] for key in ("arc_length_A", "energy_eV")}
        curves.append({"label": label, "x": curve["arc_length_A"], "y": curve["energy_eV"], "style": "line"})
        points = band_points(band)
        curves.append(
            {
                "label": f"{label}, images",
                "x": points.arc_length_A.tolist(),
                "y": points.height_eV.tolist(),
                "slope": points.slope_eV_A.tolist(),
                "style": "points",
                "as_before": True,
            }
        )
    return {
        "key": f"band{number}",
        "title": f"Energy along the path of {hop}",
        "caption": "Points are images of the relaxed band, short tangents the forces along the path, and the line the "
        "interpolation of both.",
        "x_label": "arc length (Å)",
        "y_label": "energy above the start (eV)",
        "curves": curves,
    }


def _drawing(hop: str, bands: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from ...analysis.hops.band_picture import path_structure

    best = [band for band in bands if not band["variant"]][-1:] or [bands[-1]]
    label = f"Path of {hop}, {best[0]['level']}: what moves, at every image"
    return {"label": label, "structure": path_structure(best[0]).as_dict()}


def _name(asked: LadderSettings) -> str:
    from pathlib import Path

    if asked.crystal is None:
        return "a trajectory"
    return Path(asked.crystal.phase).stem if "/" in asked.crystal.phase else asked.crystal.phase


def _asked(campaign: Campaign) -> LadderSettings:
    if campaign.barrier is None:
        raise InputError("the campaign asks for no barriers", where="barrier")
    return campaign.barrier
