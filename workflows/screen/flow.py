"""The section ``screen``: dopants at a grain boundary, as a Flow and as a ranked part of the results."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jobflow import Flow

from ...errors import InputError
from ...potentials.cards import PotentialCard, card
from ...quantity import Quantity
from ..campaign import Campaign
from ..flow import job_metadata, refuse_extrapolation, sign
from ..jobs import RelaxMaker
from .jobs import SoluteMaker
from .settings import ScreenSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobflow import Job

    from ...structures.interface import Interface

PURE = "undoped"


def asked(campaign: Campaign) -> ScreenSettings:
    """Return the section of a campaign that asks for a screen; it has to be there."""
    assert campaign.screen is not None
    return campaign.screen


def boundary(campaign: Campaign) -> tuple[Interface, list[int], list[int]]:
    """Return the boundary's cell, its sites nearest to the contact between the grains, and those farthest from any.

    Raises
    ------
    InputError
        If it cannot be built or holds too few of the wanted atoms.
    """
    from ...structures.grain_boundary import boundary_sites, grain_boundary

    screen = asked(campaign)
    options = screen.grain_boundary
    try:
        made = grain_boundary(
            options.crystal,
            plane=options.plane,
            axis=options.axis,
            sigma=options.sigma,
            thickness_A=options.thickness_A,
            seed=campaign.seed,
        ).interface
    except InputError as error:
        raise InputError(error.what, where=f"screen.grain_boundary: {error.where}", remedy=error.remedy) from None
    structure = made.structure.copy()
    structure.make_supercell([*options.repeat, 1])
    made = replace(made, structure=structure)
    every = boundary_sites(made, within_A=structure.lattice.c, element=screen.element)
    heights = structure.cart_coords[:, 2]
    middle = 0.5 * (heights[made.atoms_of(0)].max() + heights[made.atoms_of(1)].min())
    own = [k for k in every if abs(heights[k] - middle) < structure.lattice.c / 4]
    if len(own) < screen.boundary_sites or len(every) < screen.boundary_sites + screen.interior_sites:
        raise InputError(
            f"the boundary holds {len(own)} atoms of {screen.element} near its contact and {len(every)} in all",
            where="screen.element",
            remedy="Ask for fewer sites, another element or thicker grains.",
        )
    return made, own[: screen.boundary_sites], every[-screen.interior_sites :]


def screen_flow(campaign: Campaign) -> Flow:
    """Return the Flow of the screen; what is wrong with it is found here, before anything runs.

    Raises
    ------
    InputError
        For a boundary that cannot be built, a dopant that is none or that the potential does not describe.
    """
    screen, potential = asked(campaign), card(campaign.potential)
    try:
        potential.check_elements({screen.element, *screen.dopants})
    except InputError as error:
        raise InputError(error.what, where="screen.dopants, potential", remedy=error.remedy) from None
    if screen.element in screen.dopants:
        raise InputError(f"{screen.element} cannot dope itself", where="screen.dopants", remedy="Leave it out.")
    refuse_extrapolation(campaign, extrapolations(campaign, potential))
    made, near, far = boundary(campaign)
    natoms = len(made.structure)
    jobs: list[Flow | Job] = []

    def add(job: Any, label: str, **about: Any) -> Any:
        job.update_metadata(job_metadata(label, natoms, 0) | {"section": "screen"} | about)
        jobs.append(job)
        return job.output["structure"]

    host = RelaxMaker(potential, name="boundary relax", cell="aniso", pressure_GPa=screen.pressure_GPa)
    rest = add(host.make(made.structure), PURE)
    sides = tuple(int(side) for side in made.structure.site_properties["side"])
    pure = SoluteMaker(potential, "", 0, sides, screen.vacuum_A, (0, 1), name=PURE)
    add(pure.make(rest), PURE, place="boundary")
    for dopant in screen.dopants:
        for place, sites in (("boundary", near), ("interior", far)):
            for site in sites:
                name = f"{dopant} {place} {site}"
                solute = SoluteMaker(potential, dopant, site, sides, screen.vacuum_A, name=name)
                add(solute.make(rest), dopant, place=place)
    return sign(Flow(jobs, name="screen"), campaign, potential)


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the screen goes beyond what its model was made for, a sentence for each dopant."""
    screen = asked(campaign)
    found = []
    for dopant in screen.dopants:
        outside = potential.domain.outside(
            {screen.element, dopant}, temperature_K=0.0, pressure_GPa=screen.pressure_GPa
        )
        if outside:
            found.append(f"{potential.name} extrapolates for {dopant} in {screen.element}: {'; '.join(outside)}.")
    return found


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on the screen for the paragraph on methods."""
    screen = asked(campaign)
    options = screen.grain_boundary
    plane = "".join(map(str, options.plane))
    return [
        f"A Σ{options.sigma}({plane}) boundary of {options.crystal} with grains of at least {options.thickness_A:g} Å "
        f"was relaxed at {screen.pressure_GPa:g} GPa. Each of {', '.join(screen.dopants)} then replaced one "
        f"{screen.element} at a time on the {screen.boundary_sites} sites nearest to the contact and on "
        f"{screen.interior_sites} sites farthest from any, with relaxed atoms in that cell. The segregation energy is "
        "the lowest energy at the contact less the mean of those inside; its error is the spread of the latter, which "
        "in a large enough cell would be equal. The work of separation is that of parting the grains rigidly at the "
        "contact, as the mean over the sites with the error of their spread.",
    ]


def screen_part(
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
    screen = asked(campaign)
    found: dict[str, dict[str, list[dict[str, Quantity]]]] = {}
    for row, document in zip(rows, documents, strict=True):
        about = row["metadata"]
        if about.get("section") != "screen" or document is None or document["output"]["kind"] != "solute":
            continue
        place = found.setdefault(about["system"], {}).setdefault(about["place"], [])
        quantities = [Quantity.from_dict(quantity) for quantity in document["output"]["quantities"]]
        energy = {"energy": quantities[0]}
        place += [energy | {"work": work} for work in quantities[1:]] if len(quantities) > 1 else [energy]
    pure = _works(found.get(PURE, {}).get("boundary", []))
    groups = []
    for dopant in screen.dopants:
        places = found.get(dopant)
        if places:
            work = _works(places.get("boundary", []))
            segregation = _segregation(places.get("boundary", []), places.get("interior", []), dopant)
            quantities = [segregation, work, *_strengthening(work, pure)]
            groups.append({"label": dopant, "quantities": [quantity.to_dict() for quantity in quantities]})
    groups.sort(key=_rank)
    for group in groups:
        group["headline"] = ["segregation_energy", "strengthening"]
    if PURE in found:
        groups.append({"label": PURE, "quantities": [pure.to_dict()], "headline": ["work_of_separation"]})
    options = screen.grain_boundary
    return {
        "key": "screen",
        "title": f"Dopants at a boundary of {options.crystal}",
        "asked": (
            f"Which of {', '.join(screen.dopants)} goes to a Σ{options.sigma} boundary of {options.crystal}, and does "
            "it hold the grains together better than none?"
        ),
        "warnings": _order_doubt(groups),
        "overview": ["segregation_energy", "work_of_separation", "strengthening"],
        "groups": groups,
        "plots": [],
    }


def _rank(group: Mapping[str, Any]) -> float:
    value = group["quantities"][0]["value"]
    return float("inf") if value is None else float(value)


def _order_doubt(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which neighbours in the ranking are closer than their errors."""
    ranked = [group for group in groups if group["label"] != PURE and group["quantities"][0]["value"] is not None]
    said = []
    for one, other in pairwise(ranked):
        first, second = one["quantities"][0], other["quantities"][0]
        error = ((first["uncertainty"] or 0.0) ** 2 + (second["uncertainty"] or 0.0) ** 2) ** 0.5
        if second["value"] - first["value"] <= 1.96 * error:
            said.append(
                f"The order of {one['label']} and {other['label']} is not known: they differ by less than their errors."
            )
    return said


def _segregation(
    near: Sequence[Mapping[str, Quantity]], far: Sequence[Mapping[str, Quantity]], dopant: str
) -> Quantity:
    import numpy as np

    method = "lowest energy at the contact less the mean inside; error from the spread inside"
    inside = np.array([one["energy"].value for one in far], dtype=float)
    if not near or len(inside) < 2:
        why = ("too few sites have finished",)
        return Quantity("segregation_energy", None, "eV", method=method, species=dopant, converged=False, warnings=why)
    lowest = min(float(one["energy"].value or 0.0) for one in near)
    error = float(inside.std(ddof=1))
    value = lowest - float(inside.mean())
    half = 1.96 * error
    return Quantity(
        "segregation_energy", value, "eV", uncertainty=error, interval95=(value - half, value + half), method=method,
        species=dopant, n_effective=float(len(near) + len(inside)),
    )  # fmt: skip


def _works(sites: Sequence[Mapping[str, Quantity]]) -> Quantity:
    from ...analysis.replicas import replica_mean

    works = [one["work"] for one in sites if "work" in one]
    if not works:
        why = ("no site has finished",)
        return Quantity("work_of_separation", None, "J/m^2", converged=False, warnings=why)
    return replica_mean(works)


def _strengthening(work: Quantity, pure: Quantity) -> list[Quantity]:
    """Return by how much a dopant raises the work of separation of the undoped boundary."""
    if work.value is None or pure.value is None:
        return []
    known = work.uncertainty is not None and pure.uncertainty is not None
    error = ((work.uncertainty or 0.0) ** 2 + (pure.uncertainty or 0.0) ** 2) ** 0.5
    return [
        Quantity(
            "strengthening", work.value - pure.value, "J/m^2", uncertainty=error if known else None,
            method="work of separation with the dopant less that of the undoped boundary",
        )
    ]  # fmt: skip
