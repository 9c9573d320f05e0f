"""What every Flow of a campaign carries, and what no campaign may do unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engines.lammps.launch import find_program
from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobflow import Flow

    from ..potentials.cards import PotentialCard
    from .barrier.campaign import BarrierCampaign
    from .campaign import Campaign
    from .distil.campaign import DistilCampaign


def sign(flow: Flow, campaign: Campaign, potential: PotentialCard) -> Flow:
    """Write into the metadata of every job what its hash has to cover, and the processors that it gets.

    What a job's own section wrote there stays: a level of a ladder need not be the campaign's potential.
    """
    own = {"LAMMPS": find_program().version, potential.name: potential.fingerprint}
    for job, _ in flow.iterflow():
        shared = {"fingerprint": own, "resources": campaign.resources.model_dump(), "seed": campaign.seed}
        job.metadata = shared | job.metadata
    return flow


def job_metadata(system: str, natoms: int, steps: int, temperature_K: float | None = None) -> dict[str, Any]:
    """Return what the runner, the plan and the report want to know of a job."""
    return {"system": system, "natoms": natoms, "steps": steps, "temperature_K": temperature_K}


def refuse_extrapolation(
    campaign: Campaign | BarrierCampaign | DistilCampaign, outside: Sequence[str], where: str = "potential"
) -> None:
    """Raise `InputError` if a campaign goes beyond its model and does not say that it means to."""
    if outside and not campaign.accept_extrapolation:
        raise InputError(
            outside[0].rstrip("."),
            where=where,
            remedy="Take another model, or set 'accept_extrapolation: true', and the report will say so.",
        )
