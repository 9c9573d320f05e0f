"""The campaign file: what a person writes, checked line by line, and with every default filled in.

See ``examples/lithium_silicon.yaml`` for one that runs, and ``docs/campaign.md`` for every key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from ..errors import InputError, validation_sentence
from ..potentials.cards import DISTIL_PREFIX
from .barrier.settings import LadderSettings
from .electronic.settings import ElectronicSettings
from .energetics.settings import EnergeticsSettings
from .front.settings import FrontSettings
from .interface.settings import InterfaceSettings
from .own_files import CardName, StructureName, beside
from .screen.settings import ScreenSettings
from .series.settings import SeriesSettings
from .settings import Finite, MeltQuenchSettings, Positive, PositiveInt, Settings, Timestep, plain_name
from .stability.settings import StabilitySettings

_Model = TypeVar("_Model", bound=BaseModel)
SECTION_KEYS = (
    "diffusion",
    "series",
    "lithiation_front",
    "interface",
    "screen",
    "stability",
    "barrier",
    "electronic",
    "energetics",
)
"""Keys of a campaign file that ask for something to be done; each has its file in this folder."""


class AmorphousSettings(Settings):
    """A glass, packed at random; the same arguments as ``anodeflow build amorphous``.

    Attributes
    ----------
    composition
        Formula, such as ``Li15Si4``.
    atoms
        Wanted number of atoms, rounded to whole formula units.
    density_g_cm3
        Density of the packing; the quench then finds its own. Default: from additive volumes.
    network
        Bond every atom of SiO2, GeS2 or SiCO (`structures.network`) instead of packing them unbonded.
    """

    composition: str
    atoms: PositiveInt
    density_g_cm3: Positive | None = None
    network: bool = False


class SystemSettings(Settings):
    """One structure of the campaign: exactly one of `phase` and `amorphous`.

    Attributes
    ----------
    phase
        Name in the phase library, or a structure file of the user's (relative to the campaign file).
    supercell
        Repeats of the crystal's cell along its three vectors.
    amorphous
        A glass to pack.
    melt_quench
        How the glass is made from the packing.
    """

    phase: StructureName | None = None
    supercell: tuple[PositiveInt, PositiveInt, PositiveInt] = (1, 1, 1)
    amorphous: AmorphousSettings | None = None
    melt_quench: MeltQuenchSettings | None = None

    @model_validator(mode="after")
    def _one_source(self) -> SystemSettings:
        if (self.phase is None) == (self.amorphous is None):
            raise ValueError("give exactly one of 'phase' and 'amorphous'")
        if self.melt_quench is not None and self.amorphous is None:
            raise ValueError("'melt_quench' goes with 'amorphous'")
        if self.amorphous is not None and self.supercell != (1, 1, 1):
            raise ValueError("'supercell' goes with 'phase'; give 'atoms' for a glass")
        return self


class DiffusionSettings(Settings):
    """Molecular dynamics at several temperatures, and what is taken from it.

    Attributes
    ----------
    temperatures_K
        At least two, each once.
    species
        Elements whose tracer diffusivity is wanted; all by default.
    pressure_GPa
        Pressure of the equilibration.
    timestep_fs
        MD timestep.
    equilibration_ps
        Length of the NPT run; the cell is averaged over its second half.
    production_ps
        Length of the NVT run that is analysed.
    frame_interval_fs
        Time between frames of the trajectory.
    charges
        Ionic charge of the species that carry current, in e; for the Nernst–Einstein conductivity.
    """

    temperatures_K: tuple[Positive, ...]
    species: tuple[str, ...] | None = None
    pressure_GPa: Finite = 0.0
    timestep_fs: Timestep = 1.0
    equilibration_ps: Positive = 5.0
    production_ps: Positive = 25.0
    frame_interval_fs: Positive = 50.0
    charges: dict[str, Finite] = Field(default_factory=lambda: {"Li": 1.0})

    @field_validator("temperatures_K")
    @classmethod
    def _distinct(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) < 2 or len(set(value)) != len(value):
            raise ValueError("give at least two different temperatures")
        return tuple(sorted(value))

    @model_validator(mode="after")
    def _frames(self) -> DiffusionSettings:
        if self.frame_interval_fs < self.timestep_fs:
            raise ValueError("frame_interval_fs has to be at least timestep_fs")
        if self.production_ps * 1000 / self.frame_interval_fs < 20:
            raise ValueError("production_ps holds fewer than 20 frames of frame_interval_fs")
        return self


class JobResources(Settings):
    """Processors of each job.

    Attributes
    ----------
    mpi_ranks, threads
        MPI processes, and OpenMP threads of each.
    gpus
        Graphics processors to ask a queue for.
    """

    mpi_ranks: PositiveInt = 1
    threads: PositiveInt = 1
    gpus: Annotated[int, Field(ge=0)] = 0


class Campaign(Settings):
    """A whole campaign file: what holds for all of it, and at least one section that says what is done.

    Attributes
    ----------
    name
        Name of the campaign and of its folder under ``runs/``.
    seed
        The one random seed.
    potential
        Name of a potential card, the path of a card file of the user's (relative to the campaign file), or
        ``{distil: TEACHER}`` for a model that is distilled first; see ``docs/distil.md``.
    accept_extrapolation
        Run although the card says that the model was not made for this; the report then says so first.
    systems
        Structures by name, for the sections that take them.
    diffusion
        Section: diffusivities and activation energies of each system.
    series
        Section: an alloy from no lithium to its end phase.
    lithiation_front
        Section: host faces against a lithium-rich alloy.
    interface
        Section: two solids in contact, with and without layers between them.
    screen
        Section: cells and dopants, ranked.
    stability
        Section: windows of electrolytes, and what they become.
    barrier
        Section: migration barriers of one crystal, level by level; see ``docs/barriers.md``.
    electronic
        Section: densities of states, gaps and charges of cells; see ``docs/electronic.md``.
    energetics
        Section: adsorption, solution and segregation energies, sliding; see ``docs/energetics.md``.
    resources
        Processors of each job.
    """

    name: str
    seed: Annotated[int, Field(ge=0)]
    potential: CardName
    accept_extrapolation: bool = False
    systems: dict[str, SystemSettings] = Field(default_factory=dict)
    diffusion: DiffusionSettings | None = None
    series: SeriesSettings | None = None
    lithiation_front: FrontSettings | None = None
    interface: InterfaceSettings | None = None
    screen: ScreenSettings | None = None
    stability: StabilitySettings | None = None
    barrier: LadderSettings | None = None
    electronic: ElectronicSettings | None = None
    energetics: EnergeticsSettings | None = None
    resources: JobResources = JobResources()

    @field_validator("potential", mode="before")
    @classmethod
    def _distilled(cls, value: Any) -> Any:
        """Take ``{distil: TEACHER}`` as one word, so that a potential is always a name."""
        if isinstance(value, dict) and set(value) == {"distil"} and isinstance(value["distil"], str):
            return DISTIL_PREFIX + value["distil"]
        return value

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        return plain_name(value)

    @field_validator("systems")
    @classmethod
    def _plain_systems(cls, value: dict[str, SystemSettings]) -> dict[str, SystemSettings]:
        for name in value:
            plain_name(name)
        return value

    @model_validator(mode="after")
    def _has_a_section(self) -> Campaign:
        if not self.sections:
            raise ValueError(f"the file asks for nothing: give at least one of {', '.join(map(repr, SECTION_KEYS))}")
        if self.systems and self.diffusion is None:
            raise ValueError("'systems' goes with 'diffusion'")
        if self.diffusion is not None and not self.systems:
            raise ValueError("'diffusion' needs at least one structure in 'systems'")
        return self

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections that the file holds, in the order in which they are run and reported."""
        return tuple(key for key in SECTION_KEYS if getattr(self, key) is not None)

    def resolved(self) -> dict[str, Any]:
        """Return the campaign as plain JSON types with every default written out."""
        document = self.model_dump(mode="json")
        return {key: value for key, value in document.items() if key not in SECTION_KEYS or value is not None}


def read_campaign(path: str | Path) -> Campaign:
    """Read and check a campaign file.

    Parameters
    ----------
    path
        YAML file. Structure files, cards and data that it names are looked for beside it.

    Raises
    ------
    InputError
        With the line and the field of the first fault.
    """
    path = Path(path)
    return beside(read_settings(path, Campaign), path)


def read_settings(path: Path, kind: type[_Model]) -> _Model:
    """Read a YAML file into a pydantic model.

    Parameters
    ----------
    path
        File.
    kind
        Model that its content has to fit.

    Raises
    ------
    InputError
        With the line and the field of the first fault.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise InputError("there is no such campaign file", where=str(path), remedy="Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the campaign file cannot be read: {error}", where=str(path)) from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_doubles(tree, path)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"not valid YAML: {getattr(error, 'problem', None) or error}", where=where) from None
    except ValueError as error:  # such as the month 13 of a date
        raise InputError(f"a value cannot be read: {error}", where=str(path)) from None
    except RecursionError:
        raise InputError("lists or mappings are nested too deeply", where=str(path)) from None
    if not isinstance(content, dict):
        raise InputError("the file holds no campaign: its top level has to be keys and values", where=str(path))
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _input_error(error, tree, path, kind) from None


def _refuse_doubles(tree: yaml.Node | None, path: Path) -> None:
    """Raise if a key stands twice in a mapping or is no plain word, or a value is inside itself.

    YAML itself would silently take the last of two keys.
    """
    above: set[int] = set()
    looked_at: set[int] = set()

    def look(node: yaml.Node | None) -> None:
        where = f"{path}:{node.start_mark.line + 1}" if node is not None else str(path)
        if id(node) in above:
            raise InputError("a value holds itself", where=where, remedy="Write out what its '*' stands for.")
        if node is None or isinstance(node, yaml.ScalarNode) or id(node) in looked_at:
            return
        above.add(id(node))
        seen: set[str] = set()
        for key, value in node.value if isinstance(node, yaml.MappingNode) else [(None, item) for item in node.value]:
            if key is not None:
                where = f"{path}:{key.start_mark.line + 1}"
                if not isinstance(key, yaml.ScalarNode):
                    raise InputError("a key is a list or a mapping", where=where, remedy="Write a word.")
                if key.value in seen:
                    raise InputError(f"the key '{key.value}' stands twice", where=where, remedy="Keep one of them.")
                seen.add(key.value)
            look(value)
        above.remove(id(node))
        looked_at.add(id(node))

    look(tree)


def _input_error(error: ValidationError, tree: yaml.Node | None, path: Path, model: type[BaseModel]) -> InputError:
    """Turn pydantic's first complaint into one sentence with its line and field."""
    faults = error.errors()
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    location = [part for part in first["loc"] if part != "[key]"]
    field = ".".join(str(part) for part in location)
    where = f"{path}:{_line(tree, location)}: {field}" if field else str(path)
    kind = first["type"]
    if kind == "extra_forbidden":
        return InputError(
            f"'{location[-1]}' is not a key here",
            where=where,
            remedy=_known_keys(model, location[:-1], str(location[-1])),
        )
    if kind == "missing" and isinstance(location[-1], int):
        return InputError(f"entry {location[-1] + 1} of the list is missing", where=where, remedy="Add it.")
    if kind == "missing":
        return InputError(f"the key '{location[-1]}' is missing", where=where, remedy="Add it.")
    message = validation_sentence(first["msg"])
    given = first.get("input")
    shown = f", and it is {given!r}" if isinstance(given, str | int | float | bool) else ""
    return InputError(f"{message}{shown}", where=where)


def _line(node: yaml.Node | None, location: list[Any]) -> int:
    """Return the line, from 1, of the deepest part of `location` that the file holds."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _known_keys(kind: type[BaseModel], location: list[Any], key: str) -> str:
    """Return what to write instead of an unknown key."""
    import difflib

    model: Any = kind
    for part in location:
        annotation = model.model_fields[part].annotation if part in getattr(model, "model_fields", {}) else None
        model = next((m for m in _models(annotation)), model) if annotation is not None else model
    keys = list(model.model_fields)
    near = difflib.get_close_matches(key, keys, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    return f"{hint}Keys here are: {', '.join(keys)}."


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic models inside an annotation."""
    from typing import get_args

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
