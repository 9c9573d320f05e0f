"""The section ``electronic``: densities of states, gaps, charges, charge-density differences, as jobs and figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobflow import Flow

from ...analysis.literature import literature_values
from ...engines.gpaw import gpaw_protocol
from ...engines.levels import find_level
from ...errors import InputError
from ...potentials.cards import card
from ...quantity import Quantity, Reference
from ..barrier.flow import describe
from ..flow import job_metadata, sign
from ..jobs import RelaxMaker
from .jobs import DensityDifferenceMaker, ElectronicMaker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobflow import Job
    from pymatgen.core import Structure

    from ...analysis.literature import LiteratureValue
    from ...potentials.cards import PotentialCard
    from ..campaign import Campaign
    from .settings import CellSettings, ElectronicSettings, PartSettings

MAX_ATOMS = 120
_SECTION = "electronic"


def asked(campaign: Campaign) -> ElectronicSettings:
    """Return the section of a campaign that asks for electronic structure; it has to be there."""
    assert campaign.electronic is not None
    return campaign.electronic


def build_cell(cell: CellSettings, name: str, seed: int) -> Structure:
    """Return the cell that a name stands for.

    Raises
    ------
    InputError
        If it is not known, is disordered, or cannot be doped as asked.
    """
    from ...structures.defects import substitute
    from ...structures.phases import find_structure

    where = f"electronic.structures.{name}"
    try:
        structure, source = find_structure(cell.phase)
        if not structure.is_ordered:
            raise InputError(
                f"{cell.phase} has partly filled sites", remedy="Order it with `anodeflow build ordered` first."
            )
        structure = structure.copy()
        structure.remove_oxidation_states()
        structure.make_supercell(cell.supercell)
        if cell.substitute is not None:
            one = cell.substitute
            structure = substitute(
                structure, one.element, one.dopant, count=one.count, seed=seed, compensate=one.compensate, source=source
            ).structure
    except InputError as error:
        raise InputError(error.what, where=f"{where}: {error.where or cell.phase}", remedy=error.remedy) from None
    if len(structure) > MAX_ATOMS:
        raise InputError(
            f"{len(structure)} atoms are too many for DFT here, which takes {MAX_ATOMS} at most",
            where=where,
            remedy="Take a smaller cell.",
        )
    return structure


def part_atoms(structure: Structure, part: PartSettings, name: str) -> tuple[int, ...]:
    """Return the numbers of the atoms that are taken apart from the rest.

    Raises
    ------
    InputError
        If it is none of them or all.
    """
    import numpy as np

    where = f"electronic.difference.{name}"
    if part.elements:
        chosen = [number for number, site in enumerate(structure) if site.specie.symbol in part.elements]
    elif part.atoms:
        chosen = sorted(set(part.atoms))
        if chosen[-1] >= len(structure):
            raise InputError(
                f"there is no atom {chosen[-1]}", where=where, remedy=f"Count from 0 to {len(structure) - 1}."
            )
    else:
        matrix = structure.lattice.matrix
        normal = np.cross(matrix[0], matrix[1])
        heights = structure.cart_coords @ normal / np.linalg.norm(normal)
        chosen = [int(number) for number in np.flatnonzero(heights > part.above_A)]
    if not chosen or len(chosen) == len(structure):
        raise InputError(
            f"the part holds {len(chosen)} of {len(structure)} atoms", where=where, remedy="Both parts need atoms."
        )
    return tuple(chosen)


def electronic_flow(campaign: Campaign) -> Flow:
    """Return the Flow of the section; what is wrong is found here, before anything runs.

    Raises
    ------
    InputError
        For a level or cell that is not there, a part without atoms, a dopant that the relaxing potential does not know.
    EngineError
        If GPAW is not installed.
    """
    settings, potential = asked(campaign), card(campaign.potential)
    gpaw_protocol(settings.level)
    level = find_level(settings.level)
    jobs: list[Flow | Job] = []
    for name, cell in settings.structures.items():
        structure = build_cell(cell, name, campaign.seed)
        if cell.held_against is not None and cell.held_against not in _published_gaps():
            raise InputError(
                f"no published gap of '{cell.held_against}' is known",
                where=f"electronic.structures.{name}.held_against",
                remedy=f"There are those of {', '.join(_published_gaps())}.",
            )
        natoms, current = len(structure), structure
        part = part_atoms(structure, settings.difference[name], name) if name in settings.difference else ()
        if cell.relax == "positions":
            try:
                potential.check_elements({site.specie.symbol for site in structure})
            except InputError as error:
                raise InputError(error.what, where=f"electronic.structures.{name}.relax", remedy=error.remedy) from None
            first = RelaxMaker(potential, name=f"{name} relax", cell="fixed").make(structure)
            first.update_metadata(job_metadata(name, natoms, 0) | {"section": _SECTION})
            jobs.append(first)
            current = first.output["structure"]
        if settings.compute:
            maker = ElectronicMaker(
                settings.level,
                settings.compute,
                settings.band_k_spacing_per_A,
                settings.window_eV,
                settings.width_eV,
                name=f"{name} electronic",
            )
            jobs.append(_described(maker.make(current), level, name, natoms))
        if part:
            apart = DensityDifferenceMaker(settings.level, part, name=f"{name} density difference")
            jobs.append(_described(apart.make(current), level, name, natoms))
    return sign(Flow(jobs, name=_SECTION), campaign, potential)


def _described(job: Job, level: Any, name: str, natoms: int) -> Job:
    job.update_metadata(job_metadata(name, natoms, 0) | {"section": _SECTION})
    describe(job, level, natoms, 0)
    return job


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the potential that relaxes cells is used beyond what it was made for, a sentence each."""
    found = []
    for name, cell in asked(campaign).structures.items():
        if cell.relax == "none":
            continue
        elements = {site.specie.symbol for site in build_cell(cell, name, campaign.seed)}
        outside = potential.domain.outside(elements, temperature_K=0.0)
        if outside:
            found.append(f"{potential.name} extrapolates for {name}: {'; '.join(outside)}.")
    return found


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on electronic structure for the paragraph on methods."""
    settings = asked(campaign)
    protocol = gpaw_protocol(settings.level)
    relaxed = [name for name, cell in settings.structures.items() if cell.relax == "positions"]
    said = (
        f"Electronic structure is GPAW's at {settings.level} ({protocol.xc}, plane waves, PAW, not spin-polarised). "
        "Bands were converged at the fixed density with a third as many empty as filled ones; densities of states are "
        f"broadened by Gaussians of {settings.width_eV:g} eV, and each state is shared among elements in proportion "
        "to its projections on the bound orbitals of their atoms. Charges are Bader's (weight method on all electrons)."
    )
    return [said + (f" Atoms of {', '.join(relaxed)} were relaxed with {campaign.potential} first." if relaxed else "")]


def electronic_part(
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
    settings = asked(campaign)
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in settings.structures}
    plots, warnings = [], []
    for row, document in zip(rows, documents, strict=True):
        if row["metadata"].get("section") != _SECTION or document is None:
            continue
        name, output = row["metadata"]["system"], document["output"]
        warnings += [f"{name}: {text}" for text in output["warnings"]]
        if output["kind"] == "relaxation":
            continue
        groups[name] += [_beside(q, settings.structures[name].held_against) for q in output["quantities"]]
        if output["kind"] == "electronic" and "density_of_states" in output:
            plots.append(_states_plot(name, output["density_of_states"]))
        if output["kind"] == "density_difference":
            plots.append(_difference_plot(name, output))
    headline = ["band_gap", "charge_transfer"]
    return {
        "key": _SECTION,
        "title": "Electronic structure",
        "asked": f"What are the gap, the states and the charges of {', '.join(settings.structures)}?",
        "warnings": warnings,
        "overview": ["band_gap", "direct_band_gap", "charge_transfer", "displaced_charge"],
        "groups": [{"label": name, "quantities": own, "headline": headline} for name, own in groups.items() if own],
        "plots": plots,
    }


def _beside(document: dict[str, Any], system: str | None) -> dict[str, Any]:
    """Put the published gap of a system beside a computed one."""
    quantity = Quantity.from_dict(document)
    if system is None or quantity.name != "band_gap":
        return document
    known = _published_gaps()[system]
    value = known.low if known.low == known.high else (known.low, known.high)
    note = "; ".join(filter(None, [known.system, known.method]))
    return replace(quantity, reference=Reference(value, known.unit, known.source, note)).to_dict()


def _published_gaps() -> dict[str, LiteratureValue]:
    return {one.system: one for one in literature_values(property="band_gap") if not one.flagged}


def _states_plot(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    curves = [{"label": "total", "x": found["energies_eV"], "y": found["total"], "style": "line"}]
    for element, part in found["by_element"].items():
        curves.append({"label": element, "x": found["energies_eV"], "y": part, "style": "line"})
    return {
        "key": f"states-{name}",
        "title": f"Density of states of {name}",
        "caption": f"Zero is the {found['zero']}. Each state is shared among the elements by its projections.",
        "x_label": f"energy above the {found['zero']} (eV)",
        "y_label": "states (1/eV)",
        "curves": curves,
    }


def _difference_plot(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": f"difference-{name}",
        "title": f"Charge-density difference of {name}",
        "caption": "Electrons gained when the two parts come together, over the whole cross-section, and their sum "
        "from the origin on. The difference in space is a cube file in the job's folder.",
        "x_label": "height (Å)",
        "y_label": "electrons gained (e/Å), and their sum (e)",
        "curves": [
            {"label": "difference", "x": found["height_A"], "y": found["difference_e_A"], "style": "line"},
            {"label": "sum", "x": found["height_A"], "y": found["moved_e"], "style": "line"},
        ],
    }
