"""The section ``lithiation_front`` of a campaign file: host faces against a lithium-rich alloy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ..own_files import SideName
from ..settings import Conditions, MeltQuenchSettings, Positive, PositiveInt


class FrontSettings(Conditions):
    """Fronts between a host and a lithium-rich alloy.

    Attributes
    ----------
    faces
        Sides as in ``anodeflow build interface``: ``Si(100)`` for a crystal, ``a-Si`` for a glass.
    alloy
        Formula of the lithium-rich side, packed at random and molten or annealed by the run itself.
    host_thickness_A, alloy_thickness_A
        Heights of the two sides; there are two fronts in each cell.
    area_A2
        Least area of a front.
    melt_quench
        How a glass of the host is made.
    production_ps
        Length of the run.
    equilibration_ps
        Part of it at the beginning that is left out of the mean profiles.
    layer_A
        Thickness of a layer of the profiles, at the start.
    sample_every
        Steps between samples of stress and composition.
    window_ps
        Time that one mean covers.
    coordination_A
        Distance up to which two host atoms are neighbours.
    """

    faces: Annotated[tuple[SideName, ...], Field(min_length=1)]
    alloy: str
    host_thickness_A: Positive = 22.0
    alloy_thickness_A: Positive = 28.0
    area_A2: Positive = 200.0
    melt_quench: MeltQuenchSettings = MeltQuenchSettings()
    temperature_K: Positive = 1200.0
    equilibration_ps: Positive = 5.0
    production_ps: Positive = 30.0
    layer_A: Positive = 3.0
    sample_every: PositiveInt = 20
    window_ps: Positive = 1.0
    coordination_A: Positive = 2.8

    @model_validator(mode="after")
    def _windows(self) -> FrontSettings:
        if self.steps(self.window_ps) % self.sample_every:
            raise ValueError("window_ps has to hold a whole number of samples of sample_every steps")
        if self.production_ps < self.equilibration_ps + 8 * self.window_ps:
            raise ValueError("production_ps has to hold equilibration_ps and eight windows of window_ps at least")
        if len(set(self.faces)) != len(self.faces):
            raise ValueError("a face stands twice")
        return self
