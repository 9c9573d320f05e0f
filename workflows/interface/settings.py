"""The section ``interface`` of a campaign file: two solids, and what may lie between them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from ..own_files import SideName
from ..settings import Conditions, Positive, PositiveInt, Settings

NONE = "none"


class CandidateSettings(Settings):
    """Which interfaces are built, and how many go on.

    Attributes
    ----------
    thickness_A
        Smallest thickness of each side that names none.
    max_strain, max_area_A2, max_atoms
        Limits of the common cell, as for ``anodeflow build interface``.
    terminations
        Terminations of each plane.
    cells
        Common cells of each pair of planes and terminations.
    shifts
        In-plane shifts of each.
    most
        Largest number of candidates; those of the best match are ranked.
    keep
        How many of the ranked ones go on.
    """

    thickness_A: Positive = 10.0
    max_strain: Positive = 0.05
    max_area_A2: Positive = 400.0
    max_atoms: PositiveInt = 600
    terminations: PositiveInt = 2
    cells: PositiveInt = 1
    shifts: PositiveInt = 2
    most: PositiveInt = 12
    keep: PositiveInt = 1


class SeparationSettings(Settings):
    """How an interface is parted.

    Attributes
    ----------
    scan_A
        Planes within this distance of a contact are tried.
    vacuum_A
        Gap that parts the two halves.
    relaxed
        Also relax the parted halves at the weakest plane.
    """

    scan_A: Positive = 4.0
    vacuum_A: Annotated[float, Field(ge=5, allow_inf_nan=False)] = 12.0
    relaxed: bool = True


class InterfaceSettings(Conditions):
    """Two solids in contact.

    Attributes
    ----------
    lower, upper
        Sides as in ``anodeflow build interface``, one or a list of which every pair is tried: ``Si(100)``,
        ``a-Li15Si4``, ``LiPON``; a crystal without a plane stands for all its low-index planes.
    interlayers
        ``none``, or a layer such as ``Li21Si5:8`` between them; each entry is run by itself and all stand side by side.
    candidates
        Which interfaces are built, and how many go on.
    separation
        How they are parted.
    equilibration_ps, production_ps
        Lengths of the two runs, under the same conditions.
    replicas
        Runs of each interface with velocities of their own.
    frame_interval_fs
        Time between frames of the trajectory.
    layer_A
        Thickness of a layer of the stress profile, at the start.
    sample_every
        Steps between samples of the stress.
    window_ps
        Time that one mean of the stress covers.
    """

    lower: Annotated[tuple[SideName, ...], Field(min_length=1)]
    upper: Annotated[tuple[SideName, ...], Field(min_length=1)]
    interlayers: Annotated[tuple[SideName, ...], Field(min_length=1)] = (NONE,)
    candidates: CandidateSettings = CandidateSettings()
    separation: SeparationSettings = SeparationSettings()
    equilibration_ps: Positive = 5.0
    production_ps: Positive = 20.0
    replicas: PositiveInt = 3
    frame_interval_fs: Positive = 50.0
    layer_A: Positive = 3.0
    sample_every: PositiveInt = 20
    window_ps: Positive = 1.0

    @field_validator("lower", "upper", "interlayers", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Take one side as a list of one."""
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> InterfaceSettings:
        if self.steps(self.window_ps) % self.sample_every:
            raise ValueError("window_ps has to hold a whole number of samples of sample_every steps")
        if self.production_ps < 8 * self.window_ps:
            raise ValueError("production_ps has to hold eight windows of window_ps at least")
        if self.frame_interval_fs < self.timestep_fs:
            raise ValueError("frame_interval_fs has to be at least timestep_fs")
        if self.production_ps * 1000 / self.frame_interval_fs < 20:
            raise ValueError("production_ps holds fewer than 20 frames of frame_interval_fs")
        for name in ("lower", "upper", "interlayers"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise ValueError(f"an entry of {name} stands twice")
        return self
