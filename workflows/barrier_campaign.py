"""The file of a barrier ladder: crystal, hops, levels; checked line by line like any other campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..structures.hop_ends import CrystalHop
from .campaign import Positive, PositiveInt, plain_name, read_settings

Point = tuple[float, float, float]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CrystalSettings(_Section):
    """The perfect crystal that the hops are in.

    Attributes
    ----------
    phase
        Name in the phase library, or a structure file of the user's (relative to this file).
    relax
        What each level may change: the whole ``cell`` (its volume with DFT), the first two vectors of a layer with
        vacuum along the third (``plane``, DFT only), or nothing (``none``).
    """

    phase: str
    relax: Literal["cell", "plane", "none"] = "cell"


class HopSettings(_Section):
    """One hop, in fractional coordinates of the crystal's own cell; see `anodeflow.structures.hop_ends.CrystalHop`.

    Attributes
    ----------
    kind
        ``vacancy``, ``interstitial`` or ``kick-out``.
    path
        Its points: start and end, for a kick-out with the lattice site between them.
    """

    kind: Literal["vacancy", "interstitial", "kick-out"]
    path: Annotated[tuple[Point, ...], Field(min_length=2, max_length=3)]


class SearchSettings(_Section):
    """All symmetry-distinct hops up to a length.

    Attributes
    ----------
    kind
        ``vacancy``, ``interstitial`` or ``kick-out``.
    cutoff_A
        Longest hop, in Å.
    """

    kind: Literal["vacancy", "interstitial", "kick-out"] = "vacancy"
    cutoff_A: Positive = 4.0


class LevelSettings(_Section):
    """One rung of the ladder.

    Attributes
    ----------
    name
        A potential card or a DFT level (``gpaw-fast``, ``gpaw-moderate``, ``gpaw-precise``).
    image_distance_A
        Least distance between opposite faces of the supercell.
    images
        Images of the band, both ends included.
    force_tolerance_eV_A
        For the end points and for the force of the band.
    steps
        At most so many steps of the band.
    vibrations
        Atoms whose vibrations give the attempt frequency and confirm the saddle: ``all``, only the ``moving`` one, or
        ``none``.
    """

    name: str
    image_distance_A: Positive = 10.0
    images: Annotated[int, Field(ge=3)] = 5
    force_tolerance_eV_A: Positive = 0.03
    steps: PositiveInt = 200
    vibrations: Literal["all", "moving", "none"] = "all"


class BarrierCampaign(_Section):
    """A whole file of ``anodeflow barrier``: exactly one of `hops` and `find`.

    Attributes
    ----------
    name
        Name of the ladder and of its folder under ``runs/``.
    crystal
        The perfect crystal.
    species
        Element that hops.
    hops
        Hops by name.
    find
        Look for all of them instead.
    levels
        From the cheapest to the best.
    temperatures_K
        For rates and diffusivities.
    disagreement_eV
        Two levels whose barriers differ by more than this are flagged.
    workers
        Processes for the images of an expensive level.
    """

    name: str
    crystal: CrystalSettings
    species: str
    hops: dict[str, HopSettings] | None = None
    find: SearchSettings | None = None
    levels: Annotated[tuple[LevelSettings, ...], Field(min_length=1)]
    temperatures_K: tuple[Positive, ...] = (300.0,)
    disagreement_eV: Positive = 0.1
    workers: PositiveInt = 2

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        return plain_name(value)

    @model_validator(mode="after")
    def _one_source(self) -> BarrierCampaign:
        if (self.hops is None) == (self.find is None):
            raise ValueError("give exactly one of 'hops' and 'find'")
        for name in self.hops or {}:
            plain_name(name)
        names = [level.name for level in self.levels]
        if len(set(names)) != len(names):
            raise ValueError("a level stands twice in 'levels'")
        return self

    def crystal_hops(self) -> dict[str, CrystalHop]:
        """Return the hops that the file lists."""
        return {name: CrystalHop(hop.kind, self.species, hop.path) for name, hop in (self.hops or {}).items()}

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
    campaign = read_settings(path, BarrierCampaign)
    beside = path.parent / campaign.crystal.phase
    if beside.is_file():
        crystal = campaign.crystal.model_copy(update={"phase": str(beside.resolve())})
        campaign = campaign.model_copy(update={"crystal": crystal})
    return campaign
