"""The file of a barrier ladder, checked line by line like any other campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import field_validator

from ..campaign import read_settings
from ..own_files import beside
from ..settings import plain_name
from .settings import CrystalSettings, HopSettings, LadderSettings, LevelSettings, SearchSettings

__all__ = [
    "BarrierCampaign",
    "CrystalSettings",
    "HopSettings",
    "LevelSettings",
    "SearchSettings",
    "read_barrier_campaign",
]


class BarrierCampaign(LadderSettings):
    """A whole file of ``anodeflow barrier``.

    Attributes
    ----------
    name
        Name of the ladder and of its folder under ``runs/``.
    accept_extrapolation
        Run although the card of a level says that it was not made for this; the results then say so first.
    """

    name: str
    accept_extrapolation: bool = False

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        return plain_name(value)

    def resolved(self) -> dict[str, Any]:
        """Return the campaign as plain JSON types with every default written out."""
        return self.model_dump(mode="json")


def read_barrier_campaign(path: str | Path) -> BarrierCampaign:
    """Read and check the file of a ladder.

    Raises
    ------
    InputError
        With the line and the field of the first fault.
    """
    path = Path(path)
    return beside(read_settings(path, BarrierCampaign), path)
