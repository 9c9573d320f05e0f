"""Potential cards: an energy model as data, with what it covers, where it comes from and what it gets wrong.

One YAML file a model stands in ``potentials/data``. `card` reads one, `card_names` lists them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import InputError
from . import meam

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..structures.element_map import ElementMap

_DATA = Path(__file__).parent / "data"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Citation(_Strict):
    """Where a model or a number was published."""

    text: str
    doi: str = ""


class ReferenceCheck(_Strict):
    """A number that the model gives, beside the one it should give.

    Attributes
    ----------
    property
        What was computed, in field terms.
    model
        What this model gives, in `unit`.
    reference
        What experiment or DFT gives, in `unit`; None where `published` alone is known.
    source
        Where the reference comes from.
    """

    property: str
    system: str
    unit: str
    model: float
    reference: float | None = None
    source: str = ""


class PotentialCard(_Strict):
    """An energy model and what is known about it.

    Attributes
    ----------
    name
        Name that campaigns use.
    kind
        How the model came about.
    elements
        Chemical symbols that it describes together.
    systems
        What it was made for, in words.
    validity
        How far it can be trusted, in words.
    known_faults
        What it is known to get wrong, each a whole sentence.
    style
        LAMMPS pair style.
    parameters
        The published numbers, in the form that the style's renderer reads.
    reference_table
        Measured checks.
    """

    name: str
    kind: Literal["classical", "reactive", "machine-learned", "distilled", "DFT level"]
    elements: tuple[str, ...]
    systems: str
    validity: str
    known_faults: tuple[str, ...] = ()
    citation: Citation
    licence: str
    style: Literal["meam"]
    parameters: dict[str, Any]
    reference_table: tuple[ReferenceCheck, ...] = Field(default=())

    @property
    def fingerprint(self) -> str:
        """SHA-256 over style and parameters: two cards with the same numbers have the same fingerprint."""
        content = json.dumps([self.style, self.parameters], sort_keys=True, allow_nan=False)
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
        files, arguments = meam.lammps_files(self.parameters, element_map.elements)
        return LammpsPotential(files=files, pair_style=("meam",), pair_coeff=(("*", "*", *arguments),))


@dataclass(frozen=True)
class LammpsPotential:
    """A model as LAMMPS reads it.

    Attributes
    ----------
    files
        Content of each file that has to stand in the run's folder, by name.
    pair_style, pair_coeff
        Arguments of the two commands.
    """

    files: dict[str, str]
    pair_style: tuple[str, ...]
    pair_coeff: tuple[tuple[str, ...], ...]


def card_names() -> list[str]:
    """Return the names of the cards that the package ships, sorted."""
    return sorted(path.stem for path in _DATA.glob("*.yaml"))


@cache
def card(name: str) -> PotentialCard:
    """Return a card by its name.

    Raises
    ------
    InputError
        If there is no such card; the message lists those there are.
    """
    if name not in card_names():
        raise InputError(
            f"no potential is called '{name}'", where="potential", remedy=f"There are: {', '.join(card_names())}."
        )
    path = _DATA / f"{name}.yaml"
    try:
        return PotentialCard.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(first["msg"], where=f"{path.name}: {field}") from None
