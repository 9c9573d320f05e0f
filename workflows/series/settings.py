"""The section ``series`` of a campaign file: an alloy from no lithium to its end phase."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from ..own_files import StructureName
from ..settings import Conditions, Finite, MeltQuenchSettings, Positive, PositiveInt, Settings

LEAST_STRAIN_STEPS = 200
"""A test of fewer steps is one blow, whose stress is that of a shock."""


class SeriesDiffusion(Settings):
    """The runs that give D(x).

    Attributes
    ----------
    temperatures_K
        One or more.
    equilibration_ps, production_ps
        Length of the NPT run and of the NVT run that is analysed.
    frame_interval_fs
        Time between frames.
    """

    temperatures_K: Annotated[tuple[Positive, ...], Field(min_length=1)] = (900.0,)
    equilibration_ps: Positive = 2.0
    production_ps: Positive = 20.0
    frame_interval_fs: Positive = 50.0


class StrainSettings(Settings):
    """The tensile and the biaxial test.

    Attributes
    ----------
    rate_1_ps
        Strain rate; 0.01 is 10¹⁰ 1/s.
    largest
        Largest strain.
    elastic_to
        Strain up to which the modulus is fitted.
    offset
        Plastic strain that defines the yield stress.
    flow_from
        Strain from which on the mean stress is the flow stress.
    """

    rate_1_ps: Positive = 0.01
    largest: Annotated[float, Field(gt=0, le=0.5)] = 0.12
    elastic_to: Positive = 0.03
    offset: Positive = 0.01
    flow_from: Positive = 0.06

    @model_validator(mode="after")
    def _ordered(self) -> StrainSettings:
        if not self.elastic_to < self.flow_from < self.largest:
            raise ValueError("elastic_to, flow_from and largest have to ascend")
        return self


class SeriesSettings(Conditions):
    """A lithiation series, crystalline and amorphous.

    Attributes
    ----------
    host
        Element that takes up lithium.
    x
        Lithium per host atom of the glasses, ascending.
    crystals
        Phases of the library; by default the ordered crystals of the host up to
        `largest_crystal` atoms whose coordinates are known from literature.
    largest_crystal
        Atoms of the largest cell that the default takes.
    atoms
        Atoms of a glass, rounded to whole formula units; crystals are repeated until they have about as many.
    replicas
        Glasses for each x; their spread is the error.
    melt_quench
        How glasses are made.
    equilibration_ps
        Length of the run at `temperature_K` that gives the volume.
    diffusion
        Runs for D(x).
    strain
        Uniaxial tension and biaxial compression at `temperature_K`.
    """

    host: str
    x: Annotated[tuple[Annotated[Finite, Field(ge=0)], ...], Field(min_length=2)]
    crystals: tuple[StructureName, ...] | None = None
    largest_crystal: PositiveInt = 160
    atoms: PositiveInt = 128
    replicas: PositiveInt = 3
    melt_quench: MeltQuenchSettings = MeltQuenchSettings()
    equilibration_ps: Positive = 5.0
    diffusion: SeriesDiffusion = SeriesDiffusion()
    strain: StrainSettings = StrainSettings()

    @field_validator("x")
    @classmethod
    def _ascends(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(b <= a for a, b in pairwise(value)):
            raise ValueError("x has to ascend")
        return value

    @model_validator(mode="after")
    def _slow_enough(self) -> SeriesSettings:
        steps = self.steps(self.strain.largest / self.strain.rate_1_ps)
        if steps < LEAST_STRAIN_STEPS:
            raise ValueError(
                f"strain.rate_1_ps of {self.strain.rate_1_ps:g} reaches strain.largest in {steps} steps "
                f"of timestep_fs, and a test takes {LEAST_STRAIN_STEPS} at least"
            )
        return self
