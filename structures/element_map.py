"""The one order of elements: LAMMPS types, masses, dump labels and documents all come from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import InputError


@dataclass(frozen=True)
class ElementMap:
    """Elements in the order of their LAMMPS types; type 1 is the first.

    Made once per system and handed on. Nothing else orders elements, so data file, masses, ``pair_coeff``, dump
    labels and documents cannot disagree.

    Attributes
    ----------
    elements
        Chemical symbols, each once.

    Examples
    --------
    >>> types = ElementMap.of(["Sn", "Li", "Sn", "P"])
    >>> types.elements
    ('Li', 'P', 'Sn')
    >>> types.type_of("Sn")
    3
    """

    elements: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.elements:
            raise InputError("a system without atoms has no elements")
        if len(set(self.elements)) != len(self.elements):
            raise InputError(f"an element is listed twice in {' '.join(self.elements)}")
        from pymatgen.core import Element

        for symbol in self.elements:
            if not Element.is_valid_symbol(symbol):
                raise InputError(f"'{symbol}' is not a chemical element")

    @classmethod
    def of(cls, symbols: Iterable[str]) -> ElementMap:
        """Return the map of all elements that occur in `symbols`, alphabetically."""
        return cls(tuple(sorted(set(symbols))))

    def type_of(self, symbol: str) -> int:
        """Return the LAMMPS type of an element, counted from 1."""
        try:
            return self.elements.index(symbol) + 1
        except ValueError:
            raise InputError(f"{symbol} is not among the elements {' '.join(self.elements)}") from None

    def types_of(self, symbols: Sequence[str]) -> list[int]:
        """Return the LAMMPS type of each atom."""
        table = {symbol: index + 1 for index, symbol in enumerate(self.elements)}
        missing = set(symbols) - set(table)
        if missing:
            raise InputError(f"{', '.join(sorted(missing))} not among the elements {' '.join(self.elements)}")
        return [table[symbol] for symbol in symbols]

    def masses(self) -> tuple[float, ...]:
        """Return the standard atomic weight of each type in g/mol."""
        from pymatgen.core import Element

        return tuple(float(Element(symbol).atomic_mass) for symbol in self.elements)
