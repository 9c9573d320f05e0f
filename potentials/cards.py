"""Potential cards: an energy model as data, with what it covers, where it comes from and what it gets wrong.

One YAML file a model stands in ``potentials/data``; what it was measured to give stands beside it in
``data/tables``. `card` reads both, by the model's name or from a file of the user's.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from ..errors import InputError, validation_sentence
from .ase_model import AseModel
from .checks import Checks, ReferenceCheck, read_table, shared_checks
from .domain import Domain
from .ionic import Buckingham, Pedone
from .many_body import Eim, MeamFiles, OneFile, Snap
from .meam import Meam
from .model import LammpsPotential, Strict
from .pod import Pod
from .reaxff import Reaxff
from .uf3 import Uf3
from .user_style import UserStyle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase.calculators.calculator import Calculator

    from ..structures.element_map import ElementMap

__all__ = ["Citation", "LammpsPotential", "PotentialCard", "ReferenceCheck", "card", "card_names"]

_DATA = Path(__file__).parent / "data"
CARD_ENDINGS = (".yaml", ".yml")
DISTIL_PREFIX = "distil:"
"""Before the name of a teacher whose model has yet to be distilled."""

Kind = Literal["classical", "reactive", "machine-learned", "distilled", "DFT level"]
Model = Annotated[
    Meam | MeamFiles | OneFile | Snap | Eim | Pedone | Buckingham | Reaxff | Pod | Uf3 | UserStyle | AseModel,
    Field(discriminator="style"),
]


class Citation(Strict):
    """Where a model or a number was published."""

    text: str
    doi: str = ""


class PotentialCard(Strict):
    """An energy model and what is known about it.

    Attributes
    ----------
    name
        Name that campaigns use.
    kind
        How the model came about.
    elements
        Chemical symbols that it describes together; for a card of the user's all that its parameters know.
    systems
        What it was made for, in words.
    validity
        How far it can be trusted, in words.
    domain
        The same as far as a program can check it.
    known_faults
        What it is known to get wrong, each a whole sentence.
    citation, licence
        Publication, and the terms under which the numbers are given.
    origin
        Where the numbers were read.
    model
        The parameters.
    checks
        What `anodeflow potentials check` computes, and what should come out; the name of checks that cards share,
        such as ``universal``, stands for them.
    reference_table
        What came out.
    """

    name: str
    kind: Kind
    elements: tuple[str, ...]
    systems: str = ""
    validity: str = ""
    domain: Domain = Domain()
    known_faults: tuple[str, ...] = ()
    citation: Citation = Citation(text="not given")
    licence: str = "not given"
    origin: str = ""
    model: Model
    checks: Checks = Checks()
    reference_table: tuple[ReferenceCheck, ...] = Field(default=())

    @field_validator("checks", mode="before")
    @classmethod
    def _shared(cls, value: Any) -> Any:
        return shared_checks(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known(self) -> PotentialCard:
        known = self.model.known_elements()
        unknown = sorted(set(self.elements) - known) if known is not None else []
        if unknown:
            raise ValueError(f"the parameters do not describe {', '.join(unknown)}")
        if not self.elements:
            raise ValueError("a card names at least one element")
        return self

    @property
    def style(self) -> str:
        """Family of the model."""
        return self.model.style

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the parameters, files included: two cards with the same numbers have the same fingerprint."""
        content = json.dumps(self.model.identity(), sort_keys=True, allow_nan=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def check_elements(self, symbols: Iterable[str]) -> None:
        """Raise InputError unless the model describes every one of `symbols`."""
        missing = sorted(set(symbols) - set(self.elements))
        if missing:
            raise InputError(
                f"the potential {self.name} does not describe {', '.join(missing)}",
                where="potential",
                remedy=f"It covers {', '.join(self.elements)}; choose another with 'anodeflow potentials'.",
            )

    def lammps(self, element_map: ElementMap) -> LammpsPotential:
        """Return what LAMMPS needs to evaluate this model for the types of `element_map`."""
        self.check_elements(element_map.elements)
        return self.model.lammps(element_map)

    def for_relaxation(self) -> PotentialCard:
        """Return the card with its model as precise as forces that go to zero need it; most are so anyway."""
        model = self.model.for_relaxation() if isinstance(self.model, AseModel) else self.model
        return self if model is self.model else self.model_copy(update={"model": model})

    def ase_calculator(self, *, energies: bool = False) -> Calculator:
        """Return an ASE calculator that gives the energies, forces and stresses that LAMMPS gives.

        Parameters
        ----------
        energies
            Whether the energies of single atoms are wanted too, of a model that LAMMPS evaluates.
        """
        if isinstance(self.model, AseModel):
            return self.model.make()
        from .calculator import LammpsCalculator

        return LammpsCalculator(self, energies=energies)


def card_names() -> list[str]:
    """Return the names of the cards that the package ships, sorted."""
    return sorted(path.stem for path in _DATA.glob("*.yaml"))


def is_card_file(name: str) -> bool:
    """Return whether `name` is meant as the path of a card rather than as the name of one."""
    return name.endswith(CARD_ENDINGS)


def card(name: str) -> PotentialCard:
    """Return a card by its name, or from a file of the user's.

    Parameters
    ----------
    name
        Name of a card of the package, or the path of a card file that ends in ``.yaml``. The files that it names are
        looked for beside it.

    Raises
    ------
    InputError
        If there is no such card, with those there are; or if it cannot be read, with the field.
    """
    if name.startswith(DISTIL_PREFIX):
        raise InputError(
            f"the model that {name.removeprefix(DISTIL_PREFIX)} is to teach has yet to be distilled",
            where="potential",
            remedy="'anodeflow run' does it first; elsewhere name the card that 'anodeflow distil FILE' writes.",
        )
    if is_card_file(name):
        path = Path(name).expanduser()
        return _read(path, own=True)
    return _packaged(name)


@cache
def _packaged(name: str) -> PotentialCard:
    if name not in card_names():
        raise InputError(
            f"no potential is called '{name}'", where="potential", remedy=f"There are: {', '.join(card_names())}."
        )
    return _read(_DATA / f"{name}.yaml", own=False)


def _read(path: Path, *, own: bool) -> PotentialCard:
    try:
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise InputError("there is no such potential card", where=str(path), remedy="Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the potential card cannot be read: {error}", where=str(path)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise InputError(f"the potential card cannot be read: {problem}", where=where) from None
    if not isinstance(data, dict):
        raise InputError("the file holds no potential card", where=str(path), remedy="See docs/potentials.md.")
    if own:
        data = {"name": path.stem, **data}
        _complete(data, path)
    try:
        found = PotentialCard.model_validate(data, context={"folder": path.parent} if own else None)
    except ValidationError as error:
        raise _input_error(error, path, own=own) from None
    table = read_table(found.name, found.fingerprint)
    return found.model_copy(update={"reference_table": table}) if table else found


def _complete(data: dict[str, Any], path: Path) -> None:
    """Fill in what a card of the user's does not say: its kind, and of a ReaxFF file elements and citation."""
    model = data.get("model")
    style = model.get("style") if isinstance(model, dict) else None
    reactive = style == "reaxff"
    data.setdefault("kind", {"reaxff": "reactive", "ase": "machine-learned"}.get(str(style), "classical"))
    if not isinstance(model, dict) or not reactive or not isinstance(model.get("file"), str):
        return
    try:
        content = Reaxff.model_validate(model, context={"folder": path.parent}).content
    except ValidationError as error:
        raise _input_error(error, path, own=True, prefix="model.") from None
    data.setdefault("elements", list(content.elements))
    if content.known is not None:
        data.setdefault("citation", {"text": content.known.citation, "doi": content.known.doi})
        data.setdefault("validity", content.known.validity)
        data.setdefault("known_faults", list(content.known.faults))


def _input_error(error: ValidationError, path: Path, *, own: bool, prefix: str = "") -> InputError:
    first = error.errors()[0]
    field = prefix + ".".join(str(part) for part in first["loc"] if not str(part).startswith("function-"))
    return InputError(validation_sentence(first["msg"]), where=f"{path if own else path.name}: {field}".rstrip(": "))
