"""Any LAMMPS pair style from files of the user's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from ..errors import InputError
from .model import LammpsPotential, PairModel
from .source_file import SourceFile

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap

_PLACE = re.compile(r"\{([A-Z][a-z]?)\}")


class UserStyle(PairModel):
    """LAMMPS commands as the user would write them, in units ``metal``, with places for the types.

    ``{elements}`` in a `pair_coeff` line stands for the elements in the order of their types, ``{Li}`` for the number
    of one type. A line that names an element which the system does not have is left out.

    Attributes
    ----------
    pair_style
        What follows ``pair_style``.
    pair_coeff
        What follows ``pair_coeff``, a line each.
    files
        Files that the lines name.
    charges_e
        Charge of each element; leave it out for a model without charges.
    kspace_style
        What follows ``kspace_style``.
    pair_modify
        What follows ``pair_modify``.
    charge_fix
        Style and arguments of a fix that equilibrates charges.
    """

    style: Literal["lammps"] = "lammps"
    pair_style: str
    pair_coeff: tuple[str, ...]
    files: tuple[SourceFile, ...] = ()
    charges_e: dict[str, float] | None = None
    kspace_style: str = ""
    pair_modify: str = ""
    charge_fix: str = ""

    @field_validator("pair_coeff")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("a model needs at least one pair_coeff line")
        return value

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the files and the commands with the types filled in."""
        lines = []
        for line in self.pair_coeff:
            if any(symbol not in types.elements for symbol in _PLACE.findall(line)):
                continue
            filled = line.replace("{elements}", " ".join(types.elements))
            words = _PLACE.sub(lambda place: str(types.type_of(place[1])), filled).split()
            if words[0].isdigit() and words[1].isdigit():
                words[:2] = map(str, sorted(map(int, words[:2])))
            lines.append(tuple(words))
        if not lines:
            raise InputError(f"no pair_coeff line is left for {' '.join(types.elements)}", where="model.pair_coeff")
        charges = None
        if self.charges_e is not None:
            missing = [symbol for symbol in types.elements if symbol not in self.charges_e]
            if missing:
                raise InputError(f"there is no charge of {', '.join(missing)}", where="model.charges_e")
            charges = {symbol: self.charges_e[symbol] for symbol in types.elements}
        return LammpsPotential(
            files={file.name: file.text for file in self.files},
            pair_style=tuple(self.pair_style.split()),
            pair_coeff=tuple(lines),
            charges_e=charges,
            fixed_charges=not self.charge_fix,
            kspace_style=tuple(self.kspace_style.split()),
            pair_modify=tuple(self.pair_modify.split()),
            charge_fix=tuple(self.charge_fix.split()),
        )
