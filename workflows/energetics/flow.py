"""The section ``energetics``: adsorption, solution and segregation energies and sliding, as jobs and as quantities."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jobflow import Flow

from ...engines.levels import find_level
from ...errors import InputError
from ...potentials.cards import card
from ..barrier.flow import describe
from ..flow import job_metadata, sign
from ..screen.cells import build_boundary, build_slab
from .jobs import CellEnergyMaker
from .results import energetics_part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobflow import Job
    from pymatgen.core import Structure

    from ...engines.levels import Level
    from ...potentials.cards import PotentialCard
    from ..campaign import Campaign
    from ..screen.settings import GrainBoundarySettings
    from .settings import AdsorptionSettings, EnergeticsSettings, SlidingSettings, SolutionSettings

__all__ = ["energetics_flow", "energetics_part", "extrapolations", "methods"]

MAX_ATOMS = {"potential": 5000, "DFT": 120}
_SECTION = "energetics"


def asked(campaign: Campaign) -> EnergeticsSettings:
    """Return the section of a campaign that asks for energies; it has to be there."""
    assert campaign.energetics is not None
    return campaign.energetics


def level_name(campaign: Campaign) -> str:
    """Return the level of the section."""
    return asked(campaign).level or campaign.potential


@dataclass
class _Jobs:
    """Collects the jobs of the section, each with what the results need to know of it."""

    level: Level
    made: list[Job] = field(default_factory=list)
    elements: set[str] = field(default_factory=set)

    def check(self, elements: Iterable[str], where: str) -> None:
        """Refuse elements that the level does not describe, and keep them."""
        try:
            self.level.check_elements(set(elements))
        except InputError as error:
            raise InputError(error.what, where=where, remedy=error.remedy) from None
        self.elements |= set(elements)

    def add(self, maker: CellEnergyMaker, structure: Any, natoms: int, **about: Any) -> Job:
        if natoms > MAX_ATOMS[self.level.kind]:
            raise InputError(
                f"{natoms} atoms are too many for {self.level.name}, which takes {MAX_ATOMS[self.level.kind]} at most",
                where=f"energetics: {maker.name}",
                remedy="Take a smaller cell.",
            )
        job: Job = maker.make(structure)
        job.update_metadata(job_metadata(about["system"], natoms, 0) | {"section": _SECTION} | about)
        describe(job, self.level, natoms, 0)
        self.made.append(job)
        return job


def energetics_flow(campaign: Campaign) -> Flow:
    """Return the Flow of the section; what is wrong is found here, before anything runs.

    Raises
    ------
    InputError
        For a level, phase, face, site, element or boundary that is not there.
    EngineError
        If the program of the level is not installed.
    """
    settings = asked(campaign)
    name = level_name(campaign)
    jobs = _Jobs(find_level(name))
    elements: dict[str, None] = {}
    for asked_for in settings.adsorption.values():
        elements[asked_for.species] = None
    for dissolved in settings.solution.values():
        elements |= {dissolved.element: None, dissolved.solute: None}
    for element in elements:
        structure = _phase(settings.references.get(element, element), f"energetics.references.{element}")
        found = {site.specie.symbol for site in structure}
        if found != {element}:
            raise InputError(
                f"the reference of {element} holds {', '.join(sorted(found))}",
                where=f"energetics.references.{element}",
                remedy="Give a phase of the element alone.",
            )
        jobs.check(found, f"energetics.references.{element}")
        maker = CellEnergyMaker(name, "cell", name=f"reference {element}")
        jobs.add(maker, structure, len(structure), system=element, role="reference")
    for label, adsorption in settings.adsorption.items():
        _adsorption(jobs, name, label, adsorption)
    for label, solution in settings.solution.items():
        _solution(jobs, name, label, solution, campaign.seed)
    for label, sliding in settings.sliding.items():
        _sliding(jobs, name, label, sliding, campaign.seed)
    if jobs.level.card is None:  # all energies of one number of plane waves
        for job in jobs.made:
            assert isinstance(job.maker, CellEnergyMaker)
            job.maker.beside = tuple(sorted(jobs.elements))
    return sign(Flow(list(jobs.made), name=_SECTION), campaign, card(campaign.potential))


def _adsorption(jobs: _Jobs, level: str, label: str, settings: AdsorptionSettings) -> None:
    from ...structures.adsorption import adsorb

    where = f"energetics.adsorption.{label}"
    if settings.surface is not None:
        try:
            structure = build_slab(settings.surface)
        except InputError as error:
            raise InputError(
                error.what, where=f"{where}.surface: {error.where}".rstrip(": "), remedy=error.remedy
            ) from None
    else:
        structure = _phase(settings.cell or "", where)
    for key in list(structure.site_properties):
        structure.remove_site_property(key)
    structure.make_supercell((*settings.repeat, 1))
    jobs.check([settings.species, *_elements(structure)], where)
    clean = jobs.add(
        CellEnergyMaker(level, name=f"{label} clean"), structure, len(structure), system=label, role="clean"
    )
    for site, (x, y) in settings.sites.items():
        place = (x / settings.repeat[0], y / settings.repeat[1])
        try:
            adsorb(structure, settings.species, place)
        except InputError as error:
            raise InputError(error.what, where=f"{where}.sites.{site}", remedy=error.remedy) from None
        maker = CellEnergyMaker(level, element=settings.species, place=place, name=f"{label} {site}")
        jobs.add(maker, clean.output["structure"], len(structure) + 1, system=label, role="covered", site=site)


def _solution(jobs: _Jobs, level: str, label: str, settings: SolutionSettings, seed: int) -> None:
    from ...structures.defects import distinct_sites
    from ...structures.grain_boundary import boundary_sites

    where = f"energetics.solution.{label}"
    if settings.grain_boundary is not None:
        made, _, structure = boundary_cell(settings.grain_boundary, seed, f"{where}.grain_boundary")
        supercell = structure.copy()
        near = boundary_sites(made, within_A=structure.lattice.c, element=settings.element)
        sites = [number for number in near if supercell[number].specie.symbol == settings.element][: settings.sites]
        repeats = (1, 1, 1)
        relax: Any = "positions"
    else:
        structure = _phase(settings.crystal or settings.cell or "", where)
        supercell, repeats = structure.copy(), settings.supercell
        supercell.make_supercell(repeats)
        relax = "cell" if settings.crystal else "positions"
        sites = [group[0] for group in distinct_sites(supercell, settings.element)][: settings.sites]
    if not sites:
        raise InputError(f"there is no {settings.element} to replace", where=where, remedy="Name another element.")
    jobs.check([settings.solute, *_elements(structure)], where)
    natoms = len(supercell)
    host = CellEnergyMaker(level, relax, name=f"{label} host")
    relaxed = jobs.add(host, structure, len(structure), system=label, role="host").output["structure"]
    # relaxed as the doped cells are: what the host still gains must not count for the solute
    pure = CellEnergyMaker(level, supercell=repeats, name=f"{label} pure")
    jobs.add(pure, relaxed, natoms, system=label, role="pure")
    for site in sites:
        maker = CellEnergyMaker(
            level, supercell=repeats, replace=site, element=settings.solute, name=f"{label} site {site}"
        )
        jobs.add(maker, relaxed, natoms, system=label, role="doped", site=str(site))


def _sliding(jobs: _Jobs, level: str, label: str, settings: SlidingSettings, seed: int) -> None:
    from ...structures.grain_boundary import boundary_sites

    where = f"energetics.sliding.{label}"
    made, shifts, structure = boundary_cell(settings.grain_boundary, seed, f"{where}.grain_boundary")
    sides = tuple(int(side) for side in structure.site_properties["side"])
    if settings.solute is not None:
        # in one grain, at the contact that slides: a shift by a vector then gives the same boundary again
        near = boundary_sites(made, within_A=structure.lattice.c / 4, contact=0)
        chosen = [number for number in near if sides[number] == 0][: settings.solutes]
        if len(chosen) < settings.solutes:
            raise InputError(
                f"the lower grain has {len(chosen)} atoms near the contact and not {settings.solutes}",
                where=where,
                remedy="Take fewer, a thicker grain or more repeats.",
            )
        for number in chosen:
            structure.replace(number, settings.solute, properties=structure[number].properties)
    jobs.check(_elements(structure), where)
    repeat = settings.grain_boundary.repeat
    for i in range(settings.steps[0]):
        for j in range(settings.steps[1]):
            fractions = (i / settings.steps[0], j / settings.steps[1])
            cell = slid(structure, sides, shifts, fractions, settings.vacuum_A)
            area = float(structure.volume / structure.lattice.matrix[2][2])
            jobs.add(
                CellEnergyMaker(level, settings.relax, name=f"{label} shift {i} {j}"),
                cell,
                len(cell),
                system=label,
                role="shift",
                shift=[i, j],
                area_A2=area,
                repeat=list(repeat),
            )


def boundary_cell(settings: GrainBoundarySettings, seed: int, where: str) -> tuple[Any, Any, Structure]:
    """Return a boundary with repeats of its cell, the cell of its distinct shifts, and the repeated structure.

    Raises
    ------
    InputError
        If it cannot be built.
    """
    try:
        made = build_boundary(settings, seed)
    except InputError as error:
        raise InputError(error.what, where=f"{where}: {error.where}".rstrip(": "), remedy=error.remedy) from None
    structure = made.structure.copy()
    structure.make_supercell([*settings.repeat, 1])
    return replace(made.interface, structure=structure), made.shift_cell, structure.copy()


def slid(
    structure: Structure, sides: tuple[int, ...], shifts: Any, fractions: tuple[float, float], vacuum_A: float
) -> Structure:
    """Return a boundary whose upper grain is shifted, with vacuum at the other contact so that there is one boundary.

    Parameters
    ----------
    structure
        Two grains, third vector along z.
    sides
        Grain of each atom, 0 below and 1 above.
    shifts
        Cell of distinct shifts, rows in Å, shape (2, 2).
    fractions
        The shift, in fractions of it.
    vacuum_A
        Vacuum to open.
    """
    import numpy as np

    from ..screen.jobs import parted

    opened = parted(structure, sides, vacuum_A, 1)
    upper = [number for number, side in enumerate(sides) if side == 1]
    move = np.append(np.array(fractions) @ np.array(shifts), 0.0)
    opened.translate_sites(upper, move, frac_coords=False, to_unit_cell=False)
    return opened


def _phase(name: str, where: str) -> Structure:
    from ...structures.phases import find_structure

    try:
        structure, _ = find_structure(name)
        if not structure.is_ordered:
            raise InputError(f"{name} has partly filled sites", remedy="Order it with `anodeflow build ordered` first.")
    except InputError as error:
        raise InputError(error.what, where=f"{where}: {error.where or name}", remedy=error.remedy) from None
    structure = structure.copy()
    structure.remove_oxidation_states()
    return structure


def _elements(structure: Structure) -> list[str]:
    return sorted({site.specie.symbol for site in structure})


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the level is used beyond what it was made for, a sentence for each cell and each reference."""
    from ...structures.phases import phase_elements

    settings, level = asked(campaign), find_level(level_name(campaign))
    if level.card is None:
        return []
    sets: dict[str, set[str]] = {}
    references: dict[str, set[str]] = {}
    for name, one in settings.adsorption.items():
        sets[name] = phase_elements(one.surface.crystal if one.surface is not None else one.cell or "") | {one.species}
        references[f"the reference of {one.species}"] = {one.species}
    for name, two in settings.solution.items():
        boundary = two.grain_boundary
        crystal = boundary.crystal if boundary is not None else two.crystal or two.cell or ""
        sets[name] = phase_elements(crystal) | {two.solute}
        references |= {f"the reference of {element}": {element} for element in (two.element, two.solute)}
    for name, three in settings.sliding.items():
        sets[name] = phase_elements(three.grain_boundary.crystal) | ({three.solute} if three.solute else set())
    found = []
    for name, elements in (sets | references).items():
        outside = level.card.domain.outside(elements, temperature_K=0.0)
        if outside:
            found.append(f"{level.name} extrapolates for {name}: {'; '.join(outside)}.")
    return found


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on these energies for the paragraph on methods."""
    settings, name = asked(campaign), level_name(campaign)
    said = []
    if settings.adsorption:
        said.append(
            f"Adsorption energies ({name}) are those of one atom dropped on a relaxed face and relaxed with it, less "
            "the face alone and an atom of the element's own phase."
        )
    if settings.solution:
        said.append(
            f"Solution energies ({name}) are those of one atom replaced in a relaxed cell that is kept, with relaxed "
            "atoms, against atoms of both elements' own phases; segregation energies are differences of the lowest."
        )
    if settings.sliding:
        said.append(
            f"Sliding barriers ({name}) come from rigid shifts of one grain on a regular grid, at each of which the "
            "atoms were relaxed along the normal where asked, with vacuum at the other contact of the cell."
        )
    return said
