"""The section ``screen`` as a Flow: every cell without and with each dopant, and the references of the elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from jobflow import Flow

from ...engines.lammps.md import MDSettings
from ...errors import InputError
from ...potentials.cards import PotentialCard, card
from ..campaign import Campaign
from ..flow import job_metadata, refuse_extrapolation, sign
from ..jobs import EquilibrateMaker, RelaxMaker
from ..own_files import named
from ..seeds import derive_seed
from .cells import Cell, build_cell, cell_elements
from .jobs import AdsorptionMaker, SoluteMaker
from .settings import ScreenSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobflow import Job
    from pymatgen.core import Structure

PURE = "undoped"


def asked(campaign: Campaign) -> ScreenSettings:
    """Return the section of a campaign that asks for a screen; it has to be there."""
    assert campaign.screen is not None
    return campaign.screen


def screen_flow(campaign: Campaign) -> Flow:
    """Return the Flow of the screen; what is wrong with it is found here, before anything runs.

    Raises
    ------
    InputError
        For a cell that cannot be built, a dopant that is none or that the potential does not describe, a cell without
        a face to adsorb on.
    """
    screen, potential = asked(campaign), card(campaign.potential)
    wanted = {element for element in (screen.element, screen.adsorbate, *screen.dopants) if element}
    try:
        potential.check_elements(wanted)
    except InputError as error:
        raise InputError(error.what, where="screen.dopants, potential", remedy=error.remedy) from None
    cells = {name: build_cell(name, screen, campaign.seed) for name in screen.cells}
    flows: list[Flow | Job] = []
    for name, cell in cells.items():
        try:
            potential.check_elements({site.specie.symbol for site in cell.structure})
        except InputError as error:
            raise InputError(error.what, where=f"screen.cells.{name}, potential", remedy=error.remedy) from None
        if screen.adsorbate and not cell.free_face:
            raise InputError(
                f"{screen.adsorbate} cannot be put on {name}: it has no free face",
                where=f"screen.cells.{name}",
                remedy="Leave out 'adsorbate', or give a surface or a sheet with vacuum.",
            )
        flows.append(_cell_flow(campaign, name, cell, potential))
    refuse_extrapolation(campaign, extrapolations(campaign, potential))
    references: list[Flow | Job] = []
    for element in sorted(wanted):
        structure = reference(element, screen)
        if structure is not None:
            job = RelaxMaker(potential, name=f"reference {element}", cell="tri").make(structure)
            about = {"section": "screen", "cell": "", "place": "reference"}
            job.update_metadata(job_metadata(element, len(structure), 0) | about)
            references.append(job)
    if references and (screen.dopants or screen.adsorbate):
        flows.append(Flow(references, name="references"))
    return sign(Flow(flows, name="screen"), campaign, potential)


def _cell_flow(campaign: Campaign, name: str, cell: Cell, potential: PotentialCard) -> Flow:
    """Return the jobs of one cell."""
    screen, settings = asked(campaign), asked(campaign).cells[name]
    natoms = len(cell.structure)
    jobs: list[Flow | Job] = []

    def add(job: Any, system: str, natoms: int = natoms, steps: int = 0, **about: Any) -> Any:
        job.update_metadata(job_metadata(system, natoms, steps) | {"section": "screen", "cell": name} | about)
        jobs.append(job)
        return job.output["structure"]

    start: Any = cell.structure.copy()
    for key in list(start.site_properties):
        start.remove_site_property(key)
    # a slab of few planes gets thinner, not wider: only its atoms move
    freedom: Literal["fixed", "aniso"] = "fixed" if settings.kind == "surface" else "aniso"
    if settings.anneal is not None:
        anneal = settings.anneal
        first = RelaxMaker(potential, name=f"{name} packing", cell="fixed")
        start = add(first.make(start), PURE, place="start")
        steps = max(1, round(anneal.length_ps * 1000 / anneal.timestep_fs))
        stage = MDSettings(
            "npt",
            steps,
            anneal.temperature_K,
            derive_seed(campaign.seed, "screen", name),
            timestep_fs=anneal.timestep_fs,
            pressure_GPa=screen.pressure_GPa,
            dump_every=0,
        )
        made = EquilibrateMaker(potential, stage, name=f"{name} anneal").make(start)
        start = add(made, PURE, steps=steps, place="start")
    host = RelaxMaker(potential, name=f"{name} relax", cell=freedom, pressure_GPa=screen.pressure_GPa)
    rest = add(host.make(start), PURE, place="start")
    pure = SoluteMaker(potential, "", 0, cell.sides, screen.vacuum_A, (0, 1), name=f"{name} {PURE}")
    bare = add(pure.make(rest), PURE, place=cell.place)
    top = cell.near[0] if cell.near else _topmost(cell.structure)
    if screen.adsorbate:
        maker = AdsorptionMaker(
            potential, screen.adsorbate, top, screen.adsorption_sites, name=f"{name} {PURE} {screen.adsorbate}"
        )
        add(maker.make(bare), PURE, natoms + 1, place="adsorption")
    for dopant in screen.dopants:
        for place, sites in ((cell.place, cell.near), ("interior", cell.far)):
            for site in sites:
                solute = SoluteMaker(
                    potential, dopant, site, cell.sides, screen.vacuum_A, name=f"{name} {dopant} {place} {site}"
                )
                doped = add(solute.make(rest), dopant, place=place)
                if screen.adsorbate and site == top:
                    maker = AdsorptionMaker(
                        potential,
                        screen.adsorbate,
                        top,
                        screen.adsorption_sites,
                        name=f"{name} {dopant} {screen.adsorbate}",
                    )
                    add(maker.make(doped), dopant, natoms + 1, place="adsorption")
    return Flow(jobs, name=name)


def _topmost(structure: Structure) -> int:
    from .cells import on_top

    return int(on_top(structure)[:, 2].argmax())


def reference(element: str, screen: ScreenSettings) -> Structure | None:
    """Return the phase that an atom of an element comes from, or None where neither the library nor ASE knows one.

    Raises
    ------
    InputError
        If the phase that the file names is not known or holds something else.
    """
    from ...structures.phases import find_structure

    if element in screen.references:
        name = screen.references[element]
        where = f"screen.references.{element}"
        try:
            structure, _ = find_structure(name)
        except InputError as error:
            raise InputError(error.what, where=where, remedy=error.remedy) from None
        if {site.specie.symbol for site in structure} != {element}:
            raise InputError(f"{name} is not pure {element}", where=where, remedy="Name a phase of the element.")
        return structure
    try:
        return find_structure(element)[0]
    except InputError:
        return _bulk_of_ase(element)


def _bulk_of_ase(element: str) -> Structure | None:
    from ase.build import bulk
    from pymatgen.io.ase import AseAtomsAdaptor

    try:
        return AseAtomsAdaptor.get_structure(bulk(element))
    except (ValueError, RuntimeError, NotImplementedError, KeyError):
        return None


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the screen goes beyond what its model was made for, a sentence for each cell and what is put in.

    A dopant or adsorbate is named where it brings something that the cell alone does not.
    """
    screen = asked(campaign)
    found: dict[str, list[str]] = {}

    def add(label: str, symbols: set[str], temperature_K: float = 0.0, known: Sequence[str] = ()) -> list[str]:
        pressure = screen.pressure_GPa
        outside = potential.domain.outside(symbols, temperature_K=temperature_K, pressure_GPa=pressure)
        if new := [text for text in outside if text not in known]:
            found[label] = new
        return outside

    adsorbed = {screen.adsorbate} if screen.adsorbate else set()
    for name, settings in screen.cells.items():
        host = cell_elements(settings)
        alone = add(name, host, settings.anneal.temperature_K if settings.anneal is not None else 0.0)
        for extra in (*screen.dopants, *adsorbed):
            add(f"{extra} in {name}", host | {extra} | adsorbed, known=alone)
    if screen.dopants or screen.adsorbate:
        for element in sorted({one for one in (screen.element, *screen.dopants, *adsorbed) if one}):
            add(f"the reference of {element}", {element})
    return [f"{potential.name} extrapolates for {label}: {'; '.join(outside)}." for label, outside in found.items()]


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on the screen for the paragraph on methods."""
    screen = named(asked(campaign))
    sentences = [
        f"Each cell ({', '.join(f'{name}: {_words(cell)}' for name, cell in screen.cells.items())}) was relaxed at "
        f"{screen.pressure_GPa:g} GPa, a slab with its lattice fixed."
    ]
    if screen.dopants:
        sentences.append(
            f"Each of {', '.join(screen.dopants)} then replaced one {screen.element} at a time on up to "
            f"{screen.boundary_sites} sites nearest to the contact or the face (or distinct by symmetry) and on "
            f"{screen.interior_sites} sites farthest from any, with relaxed atoms in that cell. The substitution "
            "energy counts the atoms from and to their elements, relaxed by the same model. The segregation energy "
            "is the lowest energy at the contact less the mean of those inside; its error is the spread of the "
            "latter, which in a large enough cell would be equal."
        )
    if any(cell.kind in ("grain_boundary", "interface") for cell in screen.cells.values()):
        sentences.append(
            "The work of separation is that of parting the two sides rigidly at the contact, as the mean over the "
            "sites with the error of their spread."
        )
    if screen.adsorbate:
        sentences.append(
            f"The adsorption energy is that of one {screen.adsorbate} from its element, the lowest of the place on top "
            f"of the site and of {screen.adsorption_sites} hollows nearest to it."
        )
    return sentences


def _words(cell: Any) -> str:
    """Return a cell in words."""
    if cell.grain_boundary is not None:
        options = cell.grain_boundary
        plane = "".join(map(str, options.plane))
        return f"Σ{options.sigma}({plane}) boundary of {options.crystal}, grains of {options.thickness_A:g} Å at least"
    if cell.interface is not None:
        return f"{cell.interface.lower} | {cell.interface.upper}"
    if cell.surface is not None:
        return f"{cell.surface.crystal}({''.join(map(str, cell.surface.plane))}), {cell.surface.thickness_A:g} Å"
    return str(cell.crystal)
