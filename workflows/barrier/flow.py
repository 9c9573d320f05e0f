"""Ladders of levels as plain jobflow: every hop at each level, from the band of the level below.

Examples
--------
>>> from anodeflow.structures.hop_ends import CrystalHop
>>> from anodeflow.structures.phases import phase
>>> from anodeflow.workflows.barrier.flow import BarrierMaker
>>> from anodeflow.workflows.barrier.campaign import LevelSettings
>>> hop = CrystalHop("interstitial", "Li", ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75)))
>>> ladder = BarrierMaker(levels=[LevelSettings(name="LiSi-MEAM-Cui2012")])
>>> flow = ladder.make(phase("Si").structure, {"T-H-T": hop})
>>> [job.name for job, _ in flow.iterflow()]
['crystal LiSi-MEAM-Cui2012', 'T-H-T LiSi-MEAM-Cui2012', 'ladder']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Maker, job

from ...engines.levels import Level, find_level, is_dft_level
from ...errors import InputError
from ...potentials.cards import card
from ...structures.hop_ends import CrystalHop, hop_ends
from ...structures.paths import repeats_for
from ..flow import refuse_extrapolation
from .campaign import BarrierCampaign
from .jobs import BandMaker, CrystalMaker
from .settings import LadderSettings, LevelSettings, StrainSettings

if TYPE_CHECKING:
    from jobflow import Job
    from pymatgen.core import Structure

MAX_ATOMS = {"potential": 5000, "DFT": 250}


@dataclass
class BarrierMaker(Maker):
    """The ladder of a crystal: bands of its hops at each level, then rates and diffusivity at the best.

    Attributes
    ----------
    levels
        From the cheapest to the best.
    temperatures_K
        For rates and diffusivities.
    disagreement_eV
        Two levels whose barriers differ by more than this are flagged.
    workers
        Processes for the images of an expensive level.
    relax
        What each level may change of the crystal; see `anodeflow.workflows.barrier.settings.CrystalSettings`.
    strain, pressure_GPa
        States in which the hops are computed again at the last level, from their bands without strain.
    name
        Name of the flow.
    """

    levels: Sequence[LevelSettings]
    temperatures_K: tuple[float, ...] = (300.0,)
    disagreement_eV: float = 0.1
    workers: int = 2
    relax: str = "cell"
    strain: tuple[StrainSettings, ...] = ()
    pressure_GPa: tuple[float, ...] = ()
    name: str = "barrier"

    def make(self, structure: Structure, hops: Mapping[str, CrystalHop]) -> Flow:
        """Return the flow; what can be wrong with a hop or a level is found here.

        Parameters
        ----------
        structure
            Cell of the perfect crystal.
        hops
            By name.

        Raises
        ------
        InputError
            For a hop that is none in this crystal, an element that a level does not describe, too many atoms.
        EngineError
            If the program of a level is not installed.
        """
        if not hops:
            raise InputError("there is no hop to compute", where="hops", remedy="Give one, or allow longer ones.")
        levels = [find_level(settings.name) for settings in self.levels]
        if self.relax == "plane" and any(level.card is not None for level in levels):
            raise InputError(
                "a potential cannot scale the plane alone", where="crystal.relax", remedy="Give 'none' or 'cell'."
            )
        for settings, level in zip(self.levels, levels, strict=True):
            _check(structure, hops, settings, level)
        jobs: list[Flow | Job] = []
        below: dict[str, Any] = {}
        rungs: list[list[Any]] = []
        variants: list[dict[str, Any]] = []
        relaxed: Any = structure

        def crystal_at(settings: LevelSettings, level: Level, pressure_GPa: float = 0.0) -> Any:
            mark = f" {pressure_GPa:+g}GPa" if pressure_GPa else ""
            made = CrystalMaker(settings.name, self.relax, pressure_GPa, name=f"crystal {settings.name}{mark}")
            one = made.make(structure)
            describe(one, level, len(structure), 10)
            jobs.append(one)
            return one.output["structure"]

        def band(
            settings: LevelSettings, level: Level, label: str, crystal: Any, mark: str, strain: tuple[float, ...] = ()
        ) -> Any:
            name = f"{label} {settings.name}{mark}"
            maker = BandMaker(settings, hops[label], label, self.workers, strain, mark.strip(), name=name)
            one = maker.make(crystal, below.get(label), structure)
            repeats = repeats_for(structure.lattice.matrix, settings.image_distance_A)
            natoms = len(structure) * repeats[0] * repeats[1] * repeats[2]
            describe(one, level, natoms, 50 * settings.images, self.workers if level.expensive else 1)
            jobs.append(one)
            return one.output

        for settings, level in zip(self.levels, levels, strict=True):
            relaxed = crystal_at(settings, level)
            rung = [band(settings, level, label, relaxed, "") for label in hops]
            below = dict(zip(hops, rung, strict=True))
            rungs.append(rung)
            for distance in settings.finite_size_A:
                larger = settings.model_copy(update={"image_distance_A": distance, "finite_size_A": ()})
                _check(structure, hops, larger, level)
                for label in hops:
                    output = band(larger, level, label, relaxed, f" {distance:g}A")
                    variants.append({"kind": "size", "value": distance, "hop": label, "document": output})
        plain = self.levels[-1].model_copy(update={"finite_size_A": ()})
        for state in self.strain:
            for label in hops:
                output = band(plain, levels[-1], label, relaxed, f" {state.label}", state.components)
                about = {"kind": "strain", "value": state.label, "components": list(state.components)}
                variants.append(about | {"hop": label, "document": output})
        for pressure in self.pressure_GPa:
            squeezed = crystal_at(plain, levels[-1], pressure)
            for label in hops:
                output = band(plain, levels[-1], label, squeezed, f" {pressure:+g}GPa")
                variants.append({"kind": "pressure", "value": pressure, "hop": label, "document": output})
        last = ladder(list(hops), rungs, structure, relaxed, list(self.temperatures_K), self.disagreement_eV, variants)
        last.name = "ladder"
        jobs.append(last)
        return Flow(jobs, name=self.name)


@job
def ladder(
    labels: list[str],
    rungs: list[list[dict[str, Any]]],
    crystal: Structure,
    relaxed: Structure,
    temperatures_K: list[float],
    disagreement_eV: float,
    variants: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Compare the levels, and turn the best one's barriers into rates and diffusivities.

    Parameters
    ----------
    labels
        Names of the hops.
    rungs
        For each level the documents of `BandMaker`, in the order of `labels`.
    crystal
        As it was given; its symmetry says which hops are equal.
    relaxed
        At the best level.
    temperatures_K
        Where rates and diffusivities are wanted.
    disagreement_eV
        Difference between two levels that is flagged.
    variants
        The same hops in larger cells, under strain and under pressure: ``kind``, ``value``, ``hop``, ``document``.
    """
    from pymatgen.core import Structure

    from .results import compare_levels, diffusion_of_hops, percolation_quantities
    from .variants import compare_variants

    rows, warnings = compare_levels(labels, rungs, disagreement_eV)
    ideal = Structure(relaxed.lattice, crystal.species, crystal.frac_coords)
    quantities, more = diffusion_of_hops(rungs[-1], ideal, temperatures_K)
    varied, found, noted = compare_variants(labels, rungs, variants or [])
    return {
        "kind": "barrier_ladder",
        "levels": rows,
        "variants": varied,
        "quantities": [
            quantity.to_dict() for quantity in (*quantities, *percolation_quantities(rungs[-1], ideal), *found)
        ],
        "warnings": [*warnings, *more, *noted],
    }


def barrier_flow(campaign: BarrierCampaign) -> tuple[Flow, Structure | None]:
    """Return the flow of a ladder's file and its crystal; see `ladder_flow`.

    Raises
    ------
    InputError
        Also for a potential outside its card, unless the file accepts that.
    """
    made = ladder_flow(campaign, campaign.name)
    refuse_extrapolation(campaign, ladder_extrapolations(campaign), where="levels")
    return made


def ladder_extrapolations(asked: LadderSettings) -> list[str]:
    """Return in what a ladder's potentials are used beyond what they were made for, a sentence for each level."""
    from ...structures.phases import phase_elements
    from .seen import seen_elements

    elements = {asked.species}
    if asked.crystal is not None:
        elements |= phase_elements(asked.crystal.phase)
    if asked.seen is not None:
        elements |= seen_elements(asked.seen)
    found = []
    for level in asked.levels:
        if is_dft_level(level.name):
            continue
        for pressure in (0.0, *asked.pressure_GPa):
            outside = card(level.name).domain.outside(elements, temperature_K=0.0, pressure_GPa=pressure)
            if outside:
                found.append(f"{level.name} extrapolates for the barriers: {'; '.join(outside)}.")
                break
    return found


def ladder_flow(campaign: LadderSettings, name: str) -> tuple[Flow, Structure | None]:
    """Return the flow of a ladder and its crystal, None where its hops come from a trajectory.

    Raises
    ------
    InputError
        For anything in the file that cannot be built.
    """
    from ...structures.phases import find_structure
    from .seen import seen_flow

    if campaign.seen is not None:
        return seen_flow(campaign, name), None
    assert campaign.crystal is not None
    structure, _ = find_structure(campaign.crystal.phase)
    if not structure.is_ordered:
        raise InputError(f"{campaign.crystal.phase} has partial occupancies", where="crystal", remedy="Order it first.")
    hops = campaign.crystal_hops() or find_hops(structure, campaign)
    maker = BarrierMaker(
        campaign.levels,
        campaign.temperatures_K,
        campaign.disagreement_eV,
        campaign.workers,
        campaign.crystal.relax,
        campaign.strain,
        campaign.pressure_GPa,
        name=name,
    )
    return maker.make(structure, hops), structure


def find_hops(structure: Structure, campaign: LadderSettings) -> dict[str, CrystalHop]:
    """Return the symmetry-distinct hops that the campaign asks to look for, by name, the shortest first."""
    from ...structures.hops import hops

    assert campaign.find is not None
    found = hops(structure, campaign.species, cutoff_A=campaign.find.cutoff_A, kind=campaign.find.kind)
    if not found:
        raise InputError(
            f"{structure.composition.reduced_formula} has no {campaign.find.kind} hop of {campaign.species} up to "
            f"{campaign.find.cutoff_A:g} Å",
            where="find.cutoff_A",
            remedy="Allow longer ones.",
        )
    return {
        f"{campaign.find.kind}-{number}-{hop.distance_A:.2f}A": CrystalHop(hop.kind, hop.species, hop.path)
        for number, hop in enumerate(found, start=1)
    }


def _check(structure: Structure, hops: Mapping[str, CrystalHop], settings: LevelSettings, level: Level) -> None:
    repeats = repeats_for(structure.lattice.matrix, settings.image_distance_A)
    natoms = len(structure) * repeats[0] * repeats[1] * repeats[2]
    if natoms > MAX_ATOMS[level.kind]:
        raise InputError(
            f"a supercell of {natoms} atoms is too large for {level.name}, which takes {MAX_ATOMS[level.kind]} at most",
            where=f"levels.{level.name}.image_distance_A",
            remedy="Take a smaller image distance.",
        )
    for label, hop in hops.items():
        level.check_elements([hop.species, *(site.specie.symbol for site in structure)])
        try:
            hop_ends(structure, hop, repeats)
        except InputError as error:
            raise InputError(error.what, where=f"hops.{label}, {level.name}", remedy=error.remedy) from None


def describe(one: Job, level: Level, natoms: int, steps: int, ranks: int = 1) -> None:
    """Tell the runner what a job needs and what its result depends on."""
    one.update_metadata(
        {
            "fingerprint": {level.program: level.version, level.name: level.fingerprint},
            "resources": {"mpi_ranks": ranks},
            "natoms": natoms,
            "steps": steps,
        }
    )
