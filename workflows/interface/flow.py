"""The section ``interface``: every interlayer's candidates, ranked, relaxed, parted, run and parted again."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jobflow import Flow

from ...engines.lammps.md import MDSettings
from ...errors import InputError
from ...potentials.cards import PotentialCard, card
from ...structures.candidates import Candidate, interface_candidates, strained_bulk
from ...structures.side import read_side, side_name
from ..campaign import Campaign
from ..flow import job_metadata, refuse_extrapolation, sign
from ..own_files import named
from ..seeds import derive_seed
from .jobs import InterfaceMaker, RankMaker, SeparateMaker
from .separation import GAPS_A, INTERFACES
from .settings import NONE, CandidateSettings, InterfaceSettings

if TYPE_CHECKING:
    from jobflow import Job
    from pymatgen.core import Structure

_RELAX_CALLS = 400
"""Force calls of one relaxation of an interface, for the plan; 300 to 900 were counted with MEAM and Pedone's."""
_PLANES = 10
_LONGEST_RUN_OF_RESTARTS = 1000


def asked(campaign: Campaign) -> InterfaceSettings:
    """Return the section of a campaign that asks for interfaces; it has to be there."""
    assert campaign.interface is not None
    return campaign.interface


def candidates_of(campaign: Campaign, interlayer: str) -> tuple[list[Candidate], list[str]]:
    """Return the candidates of one entry of ``interlayers``, and why others were left out.

    Raises
    ------
    InputError
        If a side cannot be read, or nothing meets the limits.
    """
    wanted = asked(campaign)
    seed = derive_seed(campaign.seed, "interface", side_name(interlayer), "build")
    try:
        return _built(wanted.lower, wanted.upper, _between(interlayer), wanted.candidates, seed)
    except InputError as error:
        where = f"interface, interlayer {interlayer}" + (f": {error.where}" if error.where else "")
        raise InputError(error.what, where=where, remedy=error.remedy) from None


def _between(interlayer: str) -> tuple[str, ...]:
    return () if interlayer == NONE else (interlayer,)


@lru_cache(maxsize=16)
def _built(
    lower: tuple[str, ...], upper: tuple[str, ...], between: tuple[str, ...], options: CandidateSettings, seed: int
) -> tuple[list[Candidate], list[str]]:
    return interface_candidates(
        lower,
        upper,
        interlayer=between,
        thickness_A=options.thickness_A,
        max_strain=options.max_strain,
        max_area_A2=options.max_area_A2,
        max_atoms=options.max_atoms,
        terminations=options.terminations,
        cells=options.cells,
        shifts=options.shifts,
        most=options.most,
        seed=seed,
    )


def bulks_of(candidate: Candidate) -> list[Structure | None]:
    """Return the strained bulk of each layer of a candidate; None for a glass."""
    common = candidate.interface.common
    return [None if fit is None else strained_bulk(fit, common.plane) for fit in common.fits]


def interface_flow(campaign: Campaign) -> Flow:
    """Return the Flow of the interfaces; what is wrong with them is found here, before anything runs.

    Raises
    ------
    InputError
        For sides that cannot be built or joined, or elements that the potential does not describe.
    """
    wanted, potential = asked(campaign), card(campaign.potential)
    for interlayer in wanted.interlayers:
        try:
            potential.check_elements(sorted(_elements(campaign, interlayer)))
        except InputError as error:
            where = f"interface, interlayer {interlayer}, potential"
            raise InputError(error.what, where=where, remedy=error.remedy) from None
    refuse_extrapolation(campaign, extrapolations(campaign, potential))
    flows: list[Flow | Job] = []
    for interlayer in wanted.interlayers:
        found, left_out = candidates_of(campaign, interlayer)
        flows.append(_variant_flow(campaign, interlayer, found, left_out, potential))
    return sign(Flow(flows, name="interface"), campaign, potential)


def _elements(campaign: Campaign, interlayer: str) -> set[str]:
    """Return the elements of an entry of ``interlayers`` with both sides, without building it."""
    wanted = asked(campaign)
    found: set[str] = set()
    for text in (*wanted.lower, *_between(interlayer), *wanted.upper):
        try:
            side = read_side(text, thickness_A=1.0, seed=campaign.seed)
        except InputError as error:
            raise InputError(error.what, where=f"interface: {text}", remedy=error.remedy) from None
        found |= {element.symbol for element in side.composition}
    return found


def _variant_flow(
    campaign: Campaign, interlayer: str, found: list[Candidate], left_out: list[str], potential: PotentialCard
) -> Flow:
    wanted = asked(campaign)
    parting = wanted.separation
    called = side_name(interlayer)
    short = called.split(":")[0]
    about = {"section": "interface", "interlayer": called}
    jobs: list[Flow | Job] = []
    natoms = max(len(one.interface.structure) for one in found)
    keep = min(wanted.candidates.keep, len(found))
    pressure_GPa = wanted.stack_pressure_MPa / 1000

    def add(job: Any, steps: int, calls: int, **more: Any) -> Any:
        own = job_metadata(called, natoms, steps, wanted.temperature_K if steps else None)
        job.update_metadata(own | about | {"calls": calls} | more)
        jobs.append(job)
        return job.output

    rank = RankMaker(potential, keep, parting.vacuum_A, name=f"{short} rank")
    structures = [_stripped(one) for one in found]
    labels = [one.label for one in found]
    misfits = [one.misfit for one in found]
    ranked = rank.make(structures, labels, misfits, [bulks_of(one) for one in found])
    table = add(ranked, 0, len(found) * (len(GAPS_A) + 2), left_out=left_out, candidates=labels)
    contacts = INTERFACES * (1 if interlayer == NONE else 2)
    calls = _RELAX_CALLS + contacts * _PLANES + (INTERFACES * _RELAX_CALLS if parting.relaxed else 0)
    for number in range(keep):
        best = table["best"][number]
        name = short if keep == 1 else f"{short} {number + 1}"
        separate = SeparateMaker(
            potential, pressure_GPa, parting.scan_A, parting.vacuum_A, parting.relaxed, name=f"{name} separate"
        )
        built = add(separate.make(best["structure"], best["bulks"]), 0, calls, number=number)
        for replica in range(1, wanted.replicas + 1):
            run = f"{name} run {replica}"
            equilibration, production = runs_of(campaign, run)
            maker = InterfaceMaker(
                potential,
                equilibration,
                production,
                wanted.layer_A,
                wanted.sample_every,
                wanted.steps(wanted.window_ps),
                parting.scan_A,
                parting.vacuum_A,
                parting.relaxed,
                name=run,
            )
            steps = equilibration.steps + production.steps
            add(maker.make(built["structure"], best["bulks"]), steps, calls, number=number, replica=replica)
    return Flow(jobs, name=short)


def _stripped(candidate: Candidate) -> Structure:
    """Return the structure with nothing but its sides."""
    structure = candidate.interface.structure.copy()
    for key in list(structure.site_properties):
        if key != "side":
            structure.remove_site_property(key)
    return structure


def runs_of(campaign: Campaign, name: str) -> tuple[MDSettings, MDSettings]:
    """Return the equilibration and the production of one run, both under the conditions of the section.

    Parameters
    ----------
    campaign
        Its conditions.
    name
        For the seed of the velocities.
    """
    wanted = asked(campaign)
    window = wanted.steps(wanted.window_ps)
    frames = max(1, round(wanted.frame_interval_fs / wanted.timestep_fs))

    def stage(length_ps: float, seed: int | None, whole: int, restart: int) -> MDSettings:
        return MDSettings(
            "npt",
            -(-wanted.steps(length_ps) // whole) * whole,
            wanted.temperature_K,
            seed,
            pressure_GPa=wanted.stack_pressure_MPa / 1000,
            cell="normal" if wanted.in_plane == "clamped" else "stack",
            timestep_fs=wanted.timestep_fs,
            dump_every=frames,
            thermo_every=wanted.sample_every,
            restart_every=restart,
        )

    seed = derive_seed(campaign.seed, "interface", name, "velocities")
    restart = window * max(1, _LONGEST_RUN_OF_RESTARTS // window)
    first = stage(wanted.equilibration_ps, seed, frames, _LONGEST_RUN_OF_RESTARTS)
    return first, stage(wanted.production_ps, None, window, restart)


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the interfaces go beyond what the model was made for, a sentence for each interlayer."""
    wanted = asked(campaign)
    found = []
    for interlayer in wanted.interlayers:
        outside = potential.domain.outside(
            _elements(campaign, interlayer),
            temperature_K=wanted.temperature_K,
            pressure_GPa=wanted.stack_pressure_MPa / 1000,
        )
        if outside:
            between = "" if interlayer == NONE else f" with {side_name(interlayer)}"
            found.append(f"{potential.name} extrapolates for the interface{between}: {'; '.join(outside)}.")
    return found


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on the interfaces for the paragraph on methods."""
    wanted = named(asked(campaign))
    options, parting = wanted.candidates, wanted.separation
    between = [layer for layer in wanted.interlayers if layer != NONE]
    with_layers = f", with {', '.join(between)} between them at both contacts" if between else ""
    relaxed = " and, at the weakest plane of each interface, with both halves relaxed" if parting.relaxed else ""
    return [
        f"Interfaces of {', '.join(wanted.lower)} and {', '.join(wanted.upper)}{with_layers} were built as sandwiches "
        f"without vacuum, sides at least {options.thickness_A:g} Å thick unless said otherwise, with a misfit of at "
        f"most {100 * options.max_strain:g} % in a plane of at most {options.max_area_A2:g} Å² and at most "
        f"{options.max_atoms} atoms: {options.terminations} terminations a plane, {options.cells} common cells and "
        f"{options.shifts} in-plane shifts at most. Each was ranked by its unrelaxed adhesion at the best of "
        f"{len(GAPS_A)} distances, and the best {options.keep} went on.",
        "The chosen interface was relaxed at 0 K along its normal, its plane kept, and parted as it was at planes "
        f"within {parting.scan_A:g} Å of each contact{relaxed}; a gap of {parting.vacuum_A:g} Å makes two surfaces. "
        "The interface energy is the excess over the bulk of each side, strained in the plane as in the interface and "
        "relaxed along the normal.",
        f"From there {wanted.equilibration_ps:g} ps of equilibration and {wanted.production_ps:g} ps of production ran "
        f"at {wanted.temperature_K:g} K under a stack pressure of {wanted.stack_pressure_MPa:g} MPa "
        f"({wanted.in_plane} in the plane), {wanted.replicas} times with velocities of their own; the last structure "
        "was relaxed and parted again in the same way. Errors of what the runs give are those of the spread of the "
        "runs, and where there is one run its own.",
        "A bond is there from where it is within 1.25 times the sum of the covalent radii until it is 1.5 times as "
        "long, so that a vibration neither breaks nor makes one; bonds of lithium are not counted. PS4 units are those "
        "that these bonds hold together. An anion is like that of a lithium salt when only lithium surrounds it, as "
        "many as in the crystal of the salt give or take one. All counts are means over the production. The interphase "
        "is the zone in which the share of one side falls from 90 to 10 %; an element that both sides hold counts for "
        "each as much as its share there, so its atoms changing places are no interphase. Stress was "
        f"sampled in flight from the per-atom virial with its kinetic term, every "
        f"{wanted.sample_every} steps in layers of about {wanted.layer_A:g} Å.",
    ]
