"""The section ``stability``: the window of electrolytes in lithium potential, and what they become where they touch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jobflow import Flow

from ...analysis.stability import interface_reaction, plateau_text, stability_window
from ...errors import InputError
from ...potentials.cards import PotentialCard, card
from ...potentials.uf3 import Uf3
from ...quantity import Quantity, Reference
from ..flow import job_metadata, refuse_extrapolation, sign
from ..jobs import RelaxMaker
from .settings import StabilitySettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobflow import Job
    from pymatgen.core import Structure

    from ..campaign import Campaign

LITHIUM = "Li"
_REVIEW = "Review of alloy anodes in solid-state cells (2026)"


def asked(campaign: Campaign) -> StabilitySettings:
    """Return the section of a campaign that asks for stability; it has to be there."""
    assert campaign.stability is not None
    return campaign.stability


def structures(campaign: Campaign) -> dict[str, Structure]:
    """Return the ordered structure of each phase by its reduced formula.

    Raises
    ------
    InputError
        If one is not known or cannot be ordered, or two are of one formula.
    """
    from ...structures.ordering import order
    from ...structures.phases import find_structure

    settings = asked(campaign)
    found: dict[str, Structure] = {}
    for name in settings.phases:
        try:
            structure, source = find_structure(name)
            if not structure.is_ordered:
                structure = order(structure, source=source, count=1, seed=campaign.seed)[0].structure
        except InputError as error:
            raise InputError(error.what, where=f"stability.phases: {name}", remedy=error.remedy) from None
        structure = structure.copy()
        structure.remove_oxidation_states()
        _add(found, structure, "stability.phases")
    for formula, structure in molecules(campaign).items():
        _add(found, structure, f"stability.molecules: {formula}")
    return found


def molecules(campaign: Campaign) -> dict[str, Structure]:
    """Return each molecule in its box by its reduced formula.

    Raises
    ------
    InputError
        If one is not known or does not fit into the box.
    """
    from ...structures.molecules import molecule_in_box

    settings = asked(campaign)
    found: dict[str, Structure] = {}
    for name in settings.molecules:
        try:
            structure = molecule_in_box(name, box_A=settings.box_A)
        except InputError as error:
            raise InputError(error.what, where=f"stability.molecules: {name}", remedy=error.remedy) from None
        _add(found, structure, f"stability.molecules: {name}")
    return found


def _add(found: dict[str, Structure], structure: Structure, where: str) -> None:
    formula = structure.composition.reduced_formula
    if formula in found:
        raise InputError(f"two phases are {formula}", where=where, remedy="Keep the stabler one.")
    found[formula] = structure


def stability_flow(campaign: Campaign) -> Flow:
    """Return the Flow that relaxes every phase; what is wrong is found here, before anything runs.

    Raises
    ------
    InputError
        For a phase that cannot be built or that the potential does not describe, an electrolyte without an energy, an
        element without one.
    """
    from pymatgen.core import Composition

    settings, potential = asked(campaign), card(campaign.potential)
    for key in ("energies_eV_atom", "electrolytes", "against"):
        for formula in getattr(settings, key):
            _check_formula(formula, f"stability.{key}")
    built = structures(campaign)
    known = {Composition(formula).reduced_formula for formula in [*built, *settings.energies_eV_atom]}
    for formula in (*settings.electrolytes, *settings.against):
        if Composition(formula).reduced_formula not in known:
            raise InputError(f"{formula} is not among the phases", where="stability", remedy="Add it to 'phases'.")
    elements = {element.symbol for formula in known for element in Composition(formula)}
    pure = {next(iter(Composition(formula))).symbol for formula in known if len(Composition(formula)) == 1}
    if missing := sorted(elements - pure):
        raise InputError(
            f"there is no phase of the element {', '.join(missing)}",
            where="stability.phases",
            remedy="Add one, a molecule to 'molecules', or its energy at the same level to 'energies_eV_atom'.",
        )
    try:
        potential.check_elements({site.specie.symbol for structure in built.values() for site in structure})
    except InputError as error:
        raise InputError(error.what, where="stability.phases, potential", remedy=error.remedy) from None
    refuse_extrapolation(campaign, extrapolations(campaign, potential))
    jobs: list[Flow | Job] = []
    alone = molecules(campaign)
    for formula, structure in built.items():
        cell: Literal["fixed", "tri"] = "fixed" if formula in alone else "tri"
        job = RelaxMaker(potential, name=f"{formula} relax", cell=cell).make(structure)
        job.update_metadata(job_metadata(formula, len(structure), 0) | {"section": "stability"})
        jobs.append(job)
    return sign(Flow(jobs, name="stability"), campaign, potential)


def _check_formula(formula: str, where: str) -> None:
    """Raise if a formula is none."""
    from ...structures.density import parse_composition

    try:
        parse_composition(formula)
    except InputError as error:
        raise InputError(f"'{formula}': {error.what}", where=where, remedy=error.remedy) from None


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the phases go beyond what the model was made for, a sentence each."""
    found = []
    for name, structure in structures(campaign).items():
        outside = potential.domain.outside({site.specie.symbol for site in structure}, temperature_K=0.0)
        if outside:
            found.append(f"{potential.name} extrapolates for {name}: {'; '.join(outside)}.")
    return found


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on stability for the paragraph on methods."""
    settings = asked(campaign)
    brought = ", ".join(settings.energies_eV_atom)
    return [
        f"Energies at 0 K of {', '.join(Path(name).stem for name in settings.phases)} were relaxed at one level"
        + (f"; {', '.join(settings.molecules)} alone in cubes of {settings.box_A:g} Å" if settings.molecules else "")
        + (f"; those of {brought} were brought by the user" if brought else "")
        + ". Windows are ranges of lithium potential in which the phases of the lowest grand potential exchange no "
        "lithium; reactions between phases are those of the largest energy over all mixing ratios (pymatgen). Entropy, "
        "kinetics and passivation are not in it."
    ]


def stability_part(
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
    from pymatgen.core import Composition

    settings, model = asked(campaign), card(campaign.potential).model
    # splines leave out energies of the elements, which those that the user brings hold
    left_out = model.reference_eV if isinstance(model, Uf3) else {}
    energies: dict[str, float] = dict(settings.energies_eV_atom)
    warnings: list[str] = []
    loose: list[str] = []
    for row, document in zip(rows, documents, strict=True):
        if row["metadata"].get("section") != "stability" or document is None:
            continue
        relaxed = next(q for q in document["output"]["quantities"] if q["name"] == "energy_per_atom")
        formula = row["metadata"]["system"]
        shares = Composition(formula).fractional_composition.get_el_amt_dict()
        energies[formula] = float(relaxed["value"]) + sum(left_out.get(el, 0.0) * x for el, x in shares.items())
        if not relaxed["converged"]:
            loose.append(formula)
            warnings.append(f"{formula} did not relax fully, so its energy is too high.")
    if settings.molecules:
        warnings.append(
            f"{' and '.join(settings.molecules)} stand for their elements as molecules alone: what binds them in the "
            f"solid is missing, and {campaign.potential} has to be trusted for molecules, which raises or lowers every "
            "potential at which they form."
        )
    groups, curves = [], []
    for formula in settings.electrolytes:
        try:
            window = stability_window(energies, formula)
        except InputError as error:
            warnings.append(f"There is no window of {formula}: {error.what}.")
            continue
        quantities = [_beside(q, formula) for q in (window.reduction, window.oxidation)] + [window.above_hull]
        above = window.above_hull.value or 0.0
        if above > 1e-4:
            warnings.append(
                f"{formula} lies {1000 * above:.0f} meV/atom above the hull of these phases: its window is that of "
                "what it would decompose into."
            )
        notes = plateau_text(window.plateaus)
        for plateau, text in zip(window.plateaus, notes, strict=True):
            method = f"decomposition at this level: {text}"
            quantities.append(
                Quantity("decomposition_from", plateau.low_V, "V", method=method, species=" + ".join(plateau.products))
            )
        quantities = [_resting(quantity, _among(loose, formula)) for quantity in quantities]
        for other in settings.against:
            reaction = interface_reaction(energies, formula, other)
            method = f"{reaction.energy.method}: {reaction.reaction}"
            energy = replace(reaction.energy, species=f"{formula} | {other}", method=method)
            quantities.append(_resting(energy, _among(loose, formula, other)))
        headline = ["reduction_limit", "oxidation_limit", "reaction_energy"]
        groups.append({"label": formula, "quantities": [q.to_dict() for q in quantities], "headline": headline})
        volts = [plateau.low_V for plateau in window.plateaus]
        curves.append({"label": formula, "x": volts, "y": [p.lithium for p in window.plateaus], "style": "steps"})
    plot = {
        "key": "uptake", "title": "Lithium taken up", "x_label": "potential against Li (V)",
        "y_label": "Li per formula unit", "curves": curves,
        "caption": "Zero is the window. What each step gives stands with its potential in the table.",
    }  # fmt: skip
    return {
        "key": "stability",
        "title": "Thermodynamic stability",
        "asked": (
            f"Between which potentials does {', '.join(settings.electrolytes)} keep its lithium, what does it become "
            f"beyond, and how does it react with {', '.join(settings.against)}?"
        ),
        "warnings": warnings,
        "overview": ["reduction_limit", "oxidation_limit", "energy_above_hull", "reaction_energy"],
        "groups": groups,
        "plots": [plot] if curves else [],
    }


def _among(loose: Sequence[str], *formulas: str) -> list[str]:
    """Return the phases without other elements than those of some formulas and lithium: their hull rests on them."""
    from pymatgen.core import Composition

    present = {"Li"}.union(*(Composition(formula).get_el_amt_dict() for formula in formulas))
    return [phase for phase in loose if present >= set(Composition(phase).get_el_amt_dict())]


def _resting(quantity: Quantity, loose: Sequence[str]) -> Quantity:
    return quantity.doubted(*([f"{', '.join(loose)} did not relax fully"] if loose else []))


def _beside(limit: Quantity, formula: str) -> Quantity:
    """Put the review's window of sulfides beside the limit of one."""
    from pymatgen.core import Composition

    if "S" not in Composition(formula):
        return limit
    value = {"reduction_limit": 1.7, "oxidation_limit": 2.1}[limit.name]
    return replace(limit, reference=Reference(value, "V", f"{_REVIEW}, its reference 363", "window of sulfides"))
