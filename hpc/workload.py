"""What a file asks for, whichever command runs it: a campaign, a ladder of barriers, or a distillation.

Plan, submission and report treat the three alike; what differs stands here.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..files import sha256
from . import barriers, campaigns, distil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobflow import Flow

COMMANDS = {campaigns.CAMPAIGN_FILE: "run", barriers.CAMPAIGN_FILE: "barrier", distil.DISTIL_FILE: "distil"}
"""The command that runs each kind, by the name that its file has in the folder of a run."""

_OF_A_DISTILLATION = {"teacher", "basis", "accuracy", "loop", "test", "temperature_K"}


@dataclass(frozen=True)
class Workload:
    """The content of a file, checked.

    Attributes
    ----------
    name
        Of the campaign; its folder under ``runs/`` is named so.
    file_name
        Name of its file in that folder, one of `COMMANDS`.
    flow
        Its jobs.
    prepare
        Writes the folder as ``run`` would: the resolved file and the record of the command line.
    """

    name: str
    file_name: str
    flow: Flow
    prepare: Callable[[Path, Sequence[str]], None]

    @property
    def command(self) -> str:
        """The command that runs it here."""
        return COMMANDS[self.file_name]


def read_workload(file: Path) -> Workload:
    """Return what a file asks for; whatever can be wrong with it is found here.

    Parameters
    ----------
    file
        Of a campaign, a ladder or a distillation.

    Raises
    ------
    InputError
        With line and field of the first fault.
    """
    file = Path(file)
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        content = None  # the reader below says what is wrong
    keys = set(content) if isinstance(content, dict) else set()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some jobs are not connected")
        if "levels" in keys and keys & {"crystal", "seen"}:
            return _ladder(file)
        if "potential" not in keys and keys & _OF_A_DISTILLATION:
            return _distillation(file)
        return _campaign(file)


def _campaign(file: Path) -> Workload:
    from ..workflows.sections import campaign_flow

    campaign = campaigns.read_campaign(file)

    def prepare(root: Path, command: Sequence[str]) -> None:
        campaigns.prepare_folder(campaign, root, file, command)

    return Workload(campaign.name, campaigns.CAMPAIGN_FILE, campaign_flow(campaign), prepare)


def _ladder(file: Path) -> Workload:
    from ..workflows.barrier.campaign import read_barrier_campaign
    from ..workflows.barrier.flow import barrier_flow

    campaign = read_barrier_campaign(file)

    def prepare(root: Path, command: Sequence[str]) -> None:
        barriers.prepare_folder(campaign, root, command, {str(file): sha256(file)})

    return Workload(campaign.name, barriers.CAMPAIGN_FILE, barrier_flow(campaign)[0], prepare)


def _distillation(file: Path) -> Workload:
    from ..workflows.distil.campaign import read_distil_campaign
    from ..workflows.distil.flow import DistilMaker

    campaign = read_distil_campaign(file)

    def prepare(root: Path, command: Sequence[str]) -> None:
        distil.prepare_folder(campaign, root, command, {str(file): sha256(file)})

    return Workload(campaign.name, distil.DISTIL_FILE, DistilMaker(campaign).make(), prepare)


def write_results(root: Path) -> Path:
    """Write the results of whatever ran in a folder from what is there; return the file to look at.

    Raises
    ------
    InputError
        If the folder holds no run.
    """
    if (root / barriers.CAMPAIGN_FILE).exists():
        barriers.write_results(root)
        return root / campaigns.REPORT_FILE
    if (root / distil.DISTIL_FILE).exists():
        distil.write_results(root)
        return root / distil.RESULTS_FILE
    return campaigns.report_campaign(root)
