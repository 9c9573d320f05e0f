"""Ladders of the jumps that a trajectory shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobflow import Flow, job

from ...engines.levels import find_level
from ...errors import InputError
from .jobs import SeenBandMaker
from .settings import LadderSettings, SeenSettings

if TYPE_CHECKING:
    from jobflow import Job

    from ...analysis.hops.seen_jumps import SeenJump


def read_seen_jumps(seen: SeenSettings, species: str) -> list[SeenJump]:
    """Return the end points of the jumps in a trajectory, the most frequent pair of sites first.

    Raises
    ------
    InputError
        If the files cannot be read, or no ion jumps.
    """
    from ...analysis.hops.density_map import density_map, density_peaks, smooth
    from ...analysis.hops.jumps import find_jumps
    from ...analysis.hops.seen_jumps import seen_jumps
    from ...analysis.reading.trajectory import read_trajectory

    data = Path(seen.data) if seen.data else None
    trajectory = read_trajectory(Path(seen.trajectory), data=data, timestep_fs=seen.timestep_fs)
    if species not in trajectory.species:
        raise InputError(
            f"there is no {species} in the trajectory",
            where=seen.trajectory,
            remedy=f"It holds {', '.join(sorted(set(trajectory.species)))}.",
        )
    if seen.sites:
        from ...structures.io import read_structure

        structure, _ = read_structure(seen.sites)
        places = structure.frac_coords[[site.specie.symbol == species for site in structure]]
    else:
        places = density_peaks(smooth(density_map(trajectory, species, spacing_A=0.4), 0.4), separation_A=1.5)
    return seen_jumps(trajectory, find_jumps(trajectory, species, places), most=seen.most)


def seen_elements(seen: SeenSettings) -> set[str]:
    """Return the elements of a trajectory, from its first frame."""
    from ...analysis.reading.trajectory import read_trajectory

    data = Path(seen.data) if seen.data else None
    return set(read_trajectory(Path(seen.trajectory), data=data, timestep_fs=seen.timestep_fs, stop=1).species)


def seen_flow(campaign: LadderSettings, name: str) -> Flow:
    """Return the flow of a ladder whose hops come from a trajectory.

    Parameters
    ----------
    campaign
        With `seen`.
    name
        Of the flow.

    Raises
    ------
    InputError
        For what cannot be read, no jump, or an element that a level does not describe.
    EngineError
        If the program of a level is not installed.
    """
    from .flow import describe

    assert campaign.seen is not None
    jumps = read_seen_jumps(campaign.seen, campaign.species)
    labels = [f"jump-{number}-atom{jump.ion}-{jump.time_ps:.1f}ps" for number, jump in enumerate(jumps, start=1)]
    jobs: list[Flow | Job] = []
    below: dict[str, Any] = {}
    rungs: list[list[Any]] = []
    for settings in campaign.levels:
        level = find_level(settings.name)
        level.check_elements(jumps[0].ends.symbols)
        rung = []
        for label, jump in zip(labels, jumps, strict=True):
            maker = SeenBandMaker(settings, label, campaign.workers, name=f"{label} {settings.name}")
            ends = {
                "symbols": list(jump.ends.symbols),
                "cell": jump.ends.cell.tolist(),
                "positions": jump.ends.positions.tolist(),
            }
            one = maker.make(ends, below.get(label))
            workers = campaign.workers if level.expensive else 1
            describe(one, level, len(jump.ends.symbols), 50 * settings.images, workers)
            jobs.append(one)
            rung.append(one.output)
        below = dict(zip(labels, rung, strict=True))
        rungs.append(rung)
    last = seen_ladder(labels, rungs, campaign.disagreement_eV)
    last.name = "ladder"
    return Flow([*jobs, last], name=name)


@job
def seen_ladder(labels: list[str], rungs: list[list[dict[str, Any]]], disagreement_eV: float) -> dict[str, Any]:
    """Compare the levels; there is no crystal whose symmetry would turn a few jumps into a network.

    Parameters
    ----------
    labels
        Names of the jumps.
    rungs
        For each level the documents of `SeenBandMaker`, in the order of `labels`.
    disagreement_eV
        Difference between two levels that is flagged.
    """
    from .results import compare_levels

    rows, warnings = compare_levels(labels, rungs, disagreement_eV)
    return {"kind": "barrier_ladder", "levels": rows, "variants": [], "quantities": [], "warnings": warnings}
