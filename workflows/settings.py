"""What the sections of a campaign file are made of: strict, frozen models, and the keys that several of them share."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveInt = Annotated[int, Field(gt=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
LONGEST_TIMESTEP_FS = 10.0
"""Atoms of these solids vibrate in 30 to 300 fs, of which a step may be a small part."""


def _followable(value: float) -> float:
    """Return a timestep that can follow the vibrations of atoms, or raise ValueError."""
    if value > LONGEST_TIMESTEP_FS:
        raise ValueError(f"a timestep above {LONGEST_TIMESTEP_FS:g} fs cannot follow the vibrations of atoms")
    return value


Timestep = Annotated[Positive, AfterValidator(_followable)]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


def plain_name(value: str) -> str:
    """Return a name that may stand in a path, or raise ValueError."""
    if not _NAME.fullmatch(value):
        raise ValueError(f"'{value}' is not a plain name: letters, digits and _ . + - only, since it names a folder")
    return value


class Settings(BaseModel):
    """A part of a campaign file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MeltQuenchSettings(Settings):
    """How a packing becomes a glass.

    Attributes
    ----------
    melt_temperature_K, melt_ps
        The melt, at constant pressure.
    quench_rate_K_ps
        Cooling rate down to `final_temperature_K`, at constant pressure.
    final_temperature_K, anneal_ps
        The glass, at zero pressure.
    """

    melt_temperature_K: Positive = 1800.0
    melt_ps: Positive = 6.0
    quench_rate_K_ps: Positive = 150.0
    final_temperature_K: Positive = 300.0
    anneal_ps: Positive = 2.0

    @model_validator(mode="after")
    def _cools(self) -> MeltQuenchSettings:
        if self.final_temperature_K >= self.melt_temperature_K:
            raise ValueError("final_temperature_K has to lie below melt_temperature_K")
        return self


class Conditions(Settings):
    """What a battery cell does to the material: keys of every section about anodes.

    Attributes
    ----------
    temperature_K
        Of the molecular dynamics.
    stack_pressure_MPa
        Pressure along z, the normal of interfaces.
    in_plane
        ``free`` lets the cell relax to zero stress along x and y, ``clamped`` keeps it as it was built.
    timestep_fs
        MD timestep.
    """

    temperature_K: Positive = 300.0
    stack_pressure_MPa: Finite = 0.0
    in_plane: Literal["free", "clamped"] = "free"
    timestep_fs: Timestep = 1.0

    def steps(self, length_ps: float) -> int:
        """Return how many timesteps a time in ps takes, one at least."""
        return max(1, round(length_ps * 1000 / self.timestep_fs))
