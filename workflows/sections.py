"""The sections of a campaign file, and the one Flow that all of them make.

A section is a key of the campaign file, a file in this folder that builds its jobs, and a part of the results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobflow import Flow

from ..potentials.cards import PotentialCard, card
from .barrier import section as barrier
from .diffusion import flow as diffusion
from .electronic import flow as electronic
from .energetics import flow as energetics
from .flow import refuse_extrapolation, sign
from .front import flow as front
from .front.results import front_part
from .interface import flow as interface
from .interface.results import interface_part
from .screen import flow as screen
from .screen.results import screen_part
from .series import flow as series
from .series.results import series_part
from .stability import flow as stability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobflow import Job

    from .campaign import Campaign


@dataclass(frozen=True)
class Section:
    """What belongs to one section.

    Attributes
    ----------
    flow
        Builds its jobs; everything that can be wrong is found there, before anything runs.
    extrapolations
        In what it goes beyond what the model was made for, a sentence each.
    methods
        Its sentences in the paragraph on methods.
    part
        Its part of the results, from the table of jobs and their documents: see
        `anodeflow.analysis.report.document.Part`. None where the results hold it as systems.
    """

    flow: Callable[[Campaign], Flow]
    extrapolations: Callable[[Campaign, PotentialCard], list[str]]
    methods: Callable[[Campaign], list[str]]
    part: Callable[[Campaign, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any] | None]], dict[str, Any]] | None


SECTIONS: dict[str, Section] = {
    "diffusion": Section(diffusion.diffusion_flow, diffusion.extrapolations, diffusion.methods, None),
    "series": Section(series.series_flow, series.extrapolations, series.methods, series_part),
    "lithiation_front": Section(front.front_flow, front.extrapolations, front.methods, front_part),
    "interface": Section(interface.interface_flow, interface.extrapolations, interface.methods, interface_part),
    "screen": Section(screen.screen_flow, screen.extrapolations, screen.methods, screen_part),
    "stability": Section(
        stability.stability_flow, stability.extrapolations, stability.methods, stability.stability_part
    ),
    "barrier": Section(barrier.barrier_flow, barrier.extrapolations, barrier.methods, barrier.part),
    "electronic": Section(
        electronic.electronic_flow, electronic.extrapolations, electronic.methods, electronic.electronic_part
    ),
    "energetics": Section(
        energetics.energetics_flow, energetics.extrapolations, energetics.methods, energetics.energetics_part
    ),
}
"""By key of the campaign file, as `campaign.SECTION_KEYS`."""


def campaign_flow(campaign: Campaign) -> Flow:
    """Return the Flow of a campaign with all its sections.

    Parameters
    ----------
    campaign
        As read by `read_campaign`.

    Raises
    ------
    InputError
        For anything that cannot be built or run, before anything runs.
    """
    potential = card(campaign.potential)
    flows: list[Flow | Job] = [SECTIONS[name].flow(campaign) for name in campaign.sections]
    refuse_extrapolation(campaign, campaign_extrapolations(campaign, potential))
    return sign(Flow(flows, name=campaign.name), campaign, potential)


def campaign_extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what a campaign goes beyond what its model was made for, a sentence each."""
    found = [text for name in campaign.sections for text in SECTIONS[name].extrapolations(campaign, potential)]
    return list(dict.fromkeys(found))
