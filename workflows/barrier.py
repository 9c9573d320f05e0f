"""Ladders of levels as plain jobflow: every hop at each level, from the band of the level below.

Examples
--------
>>> from anodeflow.structures.hop_ends import CrystalHop
>>> from anodeflow.structures.phases import phase
>>> from anodeflow.workflows.barrier import BarrierMaker
>>> from anodeflow.workflows.barrier_campaign import LevelSettings
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

from ..engines.levels import Level, find_level
from ..errors import InputError
from ..structures.hop_ends import CrystalHop, hop_ends
from ..structures.paths import repeats_for
from .barrier_campaign import BarrierCampaign, LevelSettings
from .barrier_jobs import BandMaker, CrystalMaker

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
        What each level may change of the crystal; see `anodeflow.workflows.barrier_campaign.CrystalSettings`.
    name
        Name of the flow.
    """

    levels: Sequence[LevelSettings]
    temperatures_K: tuple[float, ...] = (300.0,)
    disagreement_eV: float = 0.1
    workers: int = 2
    relax: str = "cell"
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
        relaxed: Any = structure
        for settings, level in zip(self.levels, levels, strict=True):
            crystal = CrystalMaker(settings.name, self.relax, name=f"crystal {settings.name}").make(structure)
            _describe(crystal, level, len(structure), 10)
            jobs.append(crystal)
            relaxed = crystal.output["structure"]
            rung = []
            for label, hop in hops.items():
                maker = BandMaker(settings, hop, label, self.workers, name=f"{label} {settings.name}")
                band = maker.make(relaxed, below.get(label))
                repeats = repeats_for(structure.lattice.matrix, settings.image_distance_A)
                natoms = len(structure) * repeats[0] * repeats[1] * repeats[2]
                _describe(band, level, natoms, 50 * settings.images, self.workers if level.expensive else 1)
                jobs.append(band)
                below[label] = band.output
                rung.append(band.output)
            rungs.append(rung)
        last = ladder(list(hops), rungs, structure, relaxed, list(self.temperatures_K), self.disagreement_eV)
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
    """
    from pymatgen.core import Structure

    from .barrier_results import compare_levels, diffusion_of_hops

    rows, warnings = compare_levels(labels, rungs, disagreement_eV)
    ideal = Structure(relaxed.lattice, crystal.species, crystal.frac_coords)
    quantities, more = diffusion_of_hops(rungs[-1], ideal, temperatures_K)
    return {
        "kind": "barrier_ladder",
        "levels": rows,
        "quantities": [quantity.to_dict() for quantity in quantities],
        "warnings": [*warnings, *more],
    }


def barrier_flow(campaign: BarrierCampaign) -> tuple[Flow, Structure]:
    """Return the flow of a campaign and its crystal.

    Raises
    ------
    InputError
        For anything in the file that cannot be built.
    """
    from ..structures.phases import find_structure

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
        name=campaign.name,
    )
    return maker.make(structure, hops), structure


def find_hops(structure: Structure, campaign: BarrierCampaign) -> dict[str, CrystalHop]:
    """Return the symmetry-distinct hops that the campaign asks to look for, by name, the shortest first."""
    from ..structures.hops import hops

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


def _describe(one: Job, level: Level, natoms: int, steps: int, ranks: int = 1) -> None:
    """Tell the runner what a job needs and what its result depends on."""
    one.update_metadata(
        {
            "fingerprint": {level.program: level.version, level.name: level.fingerprint},
            "resources": {"mpi_ranks": ranks},
            "natoms": natoms,
            "steps": steps,
        }
    )
