"""The file of a distillation: which teacher, for which systems, how good, and at what expense.

See ``examples/distil_lisi.yaml`` for one that runs in seconds, and ``docs/distil.md``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from ...errors import InputError
from ...potentials.cards import card_names, is_card_file
from ...potentials.pod import PodBasis
from ...potentials.uf3 import Uf3Basis
from ..campaign import plain_name, read_settings
from ..own_files import CardName, SideName, StructureName, beside
from ..settings import Positive, PositiveInt, Settings, Timestep

Count = Annotated[int, Field(ge=0)]


def _style(basis: Any) -> str:
    """Return the style of a basis, splines where it does not say."""
    return str(basis.get("style", "uf3") if isinstance(basis, dict) else getattr(basis, "style", "uf3"))


Basis = Annotated[Annotated[Uf3Basis, Tag("uf3")] | Annotated[PodBasis, Tag("pod")], Discriminator(_style)]
"""Splines, or with ``style: pod`` proper orthogonal descriptors."""


class InterfaceSettings(Settings):
    """An interface to build; the arguments of ``anodeflow build interface``.

    Attributes
    ----------
    lower, upper
        Such as ``Si(100):8``.
    max_strain, max_area_A2, max_atoms
        Limits of the common cell.
    """

    lower: SideName
    upper: SideName
    max_strain: Positive = 0.08
    max_area_A2: Positive = 250.0
    max_atoms: PositiveInt = 400


class LearntSystem(Settings):
    """What is learnt: exactly one of `phase` and `interface`.

    Attributes
    ----------
    phase
        Name in the phase library, or a structure file of the user's; partial occupancies are ordered.
    supercell
        Repeats of its cell.
    orderings
        Arrangements of a disordered phase.
    interface
        An interface.
    strained, defective, amorphous
        Configurations of each kind to begin with, made without the teacher.
    hot_steps
        Molecular dynamics of the teacher to begin with, from each arrangement at the highest temperature; every tenth
        step is learnt from. 0 leaves it out.
    learn
        Whether student molecular dynamics looks for more here.
    """

    phase: StructureName | None = None
    supercell: tuple[PositiveInt, PositiveInt, PositiveInt] = (1, 1, 1)
    orderings: PositiveInt = 2
    interface: InterfaceSettings | None = None
    strained: Count = 60
    defective: Count = 16
    amorphous: Count = 8
    hot_steps: Count = 200
    learn: bool = True

    @model_validator(mode="after")
    def _one_source(self) -> LearntSystem:
        if (self.phase is None) == (self.interface is None):
            raise ValueError("give exactly one of 'phase' and 'interface'")
        return self


class LoopSettings(Settings):
    """The search for what the model does not know yet.

    Attributes
    ----------
    rounds
        At most so many searches, each followed by a new fit.
    steps
        Steps of student molecular dynamics of each run.
    temperatures
        Of the runs, in parts of `temperature_K`.
    per_round
        Most configurations that are labelled in a round.
    threshold_percent
        A configuration is worth a label where the committee disagrees about the force on an atom by more than this part
        of the spread of the forces.
    """

    rounds: Count = 3
    steps: PositiveInt = 1500
    temperatures: tuple[Positive, ...] = (0.4, 0.7, 1.0)
    per_round: PositiveInt = 60
    threshold_percent: Positive = 10.0


class TestSettings(Settings):
    """Molecular dynamics of the teacher that the model never sees.

    Attributes
    ----------
    systems
        Which systems; by default all.
    temperatures_K
        Of the runs.
    steps
        Length of each.
    diffusion_temperature_K, diffusion_steps
        A longer run for diffusion coefficients; 0 steps leave it out.
    species
        Element whose diffusion is compared.
    density_temperature_K, density_steps
        Of the comparison of densities; 0 steps leave it out.
    student_steps
        Length of the student's runs that are compared with the teacher's.
    """

    __test__ = False
    systems: tuple[str, ...] = ()
    temperatures_K: tuple[Positive, ...] = (300.0, 600.0, 900.0)
    steps: PositiveInt = 200
    diffusion_temperature_K: Positive = 900.0
    diffusion_steps: Count = 0
    species: str = "Li"
    density_temperature_K: Positive = 300.0
    density_steps: Count = 10_000
    student_steps: PositiveInt = 20_000


class AccuracySettings(Settings):
    """Errors that weigh the same in the fit; see `anodeflow.engines.pod.fit.Accuracy`."""

    energy_eV_atom: Positive = 0.002
    force_eV_A: Positive = 0.05
    stress_GPa: Positive = 0.1


class DistilCampaign(Settings):
    """A whole file.

    Attributes
    ----------
    name
        Of the campaign, its folder under ``runs/``, and the card.
    seed
        The one random seed.
    teacher
        Card that gives the labels, or the path of a card file.
    accept_extrapolation
        Learn although the teacher's card says that it was not made for this; the results then say so first.
    systems
        What is learnt, by name.
    temperature_K
        Highest temperature that the model is made for.
    timestep_fs
        Of all molecular dynamics.
    basis
        Descriptors.
    accuracy
        Weights of the fit.
    loop
        Search for more configurations.
    test
        Independent test.
    force_target_percent
        Error of the forces aimed at, of the spread of the teacher's.
    """

    name: str
    seed: Annotated[int, Field(ge=0)]
    teacher: CardName = "chgnet"
    accept_extrapolation: bool = False
    systems: Annotated[dict[str, LearntSystem], Field(min_length=1)]
    temperature_K: Positive = 1000.0
    timestep_fs: Timestep = 2.0
    basis: Basis = Uf3Basis()
    accuracy: AccuracySettings = AccuracySettings()
    loop: LoopSettings = LoopSettings()
    test: TestSettings = TestSettings()
    force_target_percent: Positive = 10.0

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        return plain_name(value)

    @model_validator(mode="after")
    def _known_systems(self) -> DistilCampaign:
        for name in self.systems:
            plain_name(name)
        unknown = [name for name in self.test.systems if name not in self.systems]
        if unknown:
            raise ValueError(f"test.systems names {unknown[0]}, which is not among the systems")
        return self

    def resolved(self) -> dict[str, Any]:
        """Return the file as plain JSON types with every default written out."""
        return self.model_dump(mode="json")


def teacher_name(name: str) -> str:
    """Return the name of the card that is meant: itself, or the only one that is spelt so apart from capitals."""
    if is_card_file(name):
        return name
    same = [known for known in card_names() if known.lower() == name.lower()]
    if len(same) != 1:
        raise InputError(f"no teacher is called '{name}'", where="teacher", remedy="See 'anodeflow potentials'.")
    return same[0]


def read_distil_campaign(path: str | Path) -> DistilCampaign:
    """Read and check the file of a distillation.

    Raises
    ------
    InputError
        With the line and the field of the first fault.
    """
    path = Path(path)
    return beside(read_settings(path, DistilCampaign), path)
