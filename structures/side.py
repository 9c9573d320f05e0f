"""One side of an interface: what the user wrote, read into a crystal with its planes or a glass with its density."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .glasses import Glass, glass, is_named_glass
from .oriented import OrientedCell, miller_index, orient
from .record import Source
from .stiffness import bulk_modulus_GPa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymatgen.core import Composition, Structure

LOW_INDICES = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
"""Planes that are tried when the user names none."""

_SPECIFICATION = re.compile(
    r"^(?P<amorphous>a-|amorphous[ -])?(?P<name>.+?)"
    r"(?:\((?P<index>-?\d+(?:[\s,]*-?\d+)*)\))?(?:#(?P<termination>\d+))?(?::(?P<thickness>\d+(?:\.\d*)?))?$"
)


@dataclass(frozen=True)
class Side:
    """A layer that an interface is built from.

    Attributes
    ----------
    label
        What the user wrote, without thickness.
    composition
        Bulk composition.
    thickness_A
        Wanted thickness in Å.
    planes
        Crystal turned along each plane that may be used, best guess first; empty for a glass.
    bulk
        The ordered crystal, or None for a glass.
    termination
        Number of the termination, counted from 1.
    glass
        The glass, or None for a crystal.
    charges
        Formal charge of each element; empty where not known.
    stiffness_GPa
        Bulk modulus and what it is based on.
    source
        Where it is from.
    notes
        What was decided on the way.
    """

    label: str
    composition: Composition
    thickness_A: float
    planes: tuple[OrientedCell, ...]
    bulk: Structure | None
    termination: int
    glass: Glass | None
    charges: Mapping[str, float]
    stiffness_GPa: tuple[float, str]
    source: Source
    notes: tuple[str, ...]

    @property
    def is_crystal(self) -> bool:
        """Whether it has planes to match."""
        return bool(self.planes)


def read_side(
    text: str | Structure | Side,
    *,
    thickness_A: float,
    seed: int,
    density_g_cm3: float | None = None,
    name: str = "",
) -> Side:
    """Read what stands for one layer.

    Parameters
    ----------
    text
        ``"Si(100)"``, ``"Li6PS5Cl(110)#2:14"`` (termination 2, 14 Å), ``"a-Li15Si4"`` for a glass, ``"LiPON"``, a
        file with a plane such as ``"mine.cif(001)"``, a crystal as a pymatgen structure (its plane is then
        chosen), or a side already read. A crystal without a plane gets the low-index plane that fits best.
    thickness_A
        Thickness if ``text`` names none.
    seed
        Seed for ordering partial occupancies.
    density_g_cm3
        Density of a glass; by default that of the list or of additive volumes.
    name
        Label for a structure.

    Returns
    -------
    Side

    Raises
    ------
    InputError
        For a name nobody knows, a plane on a glass, 0 0 0, or a bad thickness.
    """
    if isinstance(text, Side):
        return text
    if not isinstance(text, str):
        source = Source(name or text.composition.reduced_formula, "given structure")
        return _crystal(name or source.name, text, source, None, 1, thickness_A, seed)
    found = _SPECIFICATION.match(text.strip())
    if found is None:
        raise InputError(f"{text!r} is no side of an interface", remedy="Write it as in Si(100) or a-Li3PO4.")
    label, index = found["name"].strip(), found["index"]
    thickness = float(found["thickness"]) if found["thickness"] else thickness_A
    if not thickness > 0:
        raise InputError(f"a thickness of {thickness:g} Å is no layer", where=text, remedy="Give some Å.")
    if found["amorphous"] or (is_named_glass(label) and index is None):
        if index is not None:
            raise InputError("a glass has no planes", where=text, remedy="Leave out either the a- or the index.")
        return _glass(label, thickness, density_g_cm3)
    from .phases import find_structure

    structure, source = find_structure(label)
    number = int(found["termination"] or 1)
    shown = f"{side_name(label)}({index})" if index is not None else side_name(label)
    return _crystal(shown, structure, source, index, number, thickness, seed)


def side_file(text: str) -> str:
    """Return what would be the path of a file in the text of a side: its name, without plane and thickness."""
    found = _SPECIFICATION.match(text.strip())
    return "" if found is None or found["amorphous"] else found["name"].strip()


def side_name(text: str) -> str:
    """Return the text of a side without the folder of its file: what it is called in labels, seeds and results."""
    return text.rsplit("/", 1)[-1]


def side_elements(text: str) -> set[str]:
    """Return the symbols of the elements of a side, without turning or packing it.

    Raises
    ------
    InputError
        As `read_side`, for what cannot be read.
    """
    from .density import parse_composition
    from .phases import phase_elements

    found = _SPECIFICATION.match(text.strip())
    if found is None:
        raise InputError(f"{text!r} is no side of an interface", remedy="Write it as in Si(100) or a-Li3PO4.")
    label = found["name"].strip()
    if found["amorphous"] or (is_named_glass(label) and found["index"] is None):
        return {element.symbol for element in parse_composition(glass(label, None).formula)}
    return phase_elements(label)


def _glass(label: str, thickness: float, density: float | None) -> Side:
    from .density import parse_composition

    made = glass(label, density)
    composition = parse_composition(made.formula)
    return Side(
        label=f"a-{label}",
        composition=composition,
        thickness_A=thickness,
        planes=(),
        bulk=None,
        termination=1,
        glass=made,
        charges=_formal_charges(composition),
        stiffness_GPa=bulk_modulus_GPa(composition),
        source=Source(f"a-{label}", "packed", note=f"density {made.density_g_cm3:.3f} g/cm3: {made.basis}"),
        notes=(f"a-{label}: random packing at {made.density_g_cm3:.3f} g/cm3 ({made.basis})",),
    )


def _crystal(
    label: str,
    structure: Structure,
    source: Source,
    index: str | None,
    termination: int,
    thickness: float,
    seed: int,
) -> Side:
    notes: list[str] = []
    ordered = structure
    if not structure.is_ordered:
        from .ordering import order

        cell = order(structure, source=source, seed=seed)[0]
        ordered = cell.structure
        notes.append(f"{label}: partial occupancies ordered with seed {seed}")
        notes.extend(f"{label}: {warning}" for warning in cell.record.warnings)
    planes = _distinct_planes(ordered) if index is None else (orient(ordered, miller_index(index)),)
    return Side(
        label=label,
        composition=ordered.composition,
        thickness_A=thickness,
        planes=planes,
        bulk=ordered,
        termination=termination,
        glass=None,
        charges=dict(source.oxidation_states),
        stiffness_GPa=bulk_modulus_GPa(ordered.composition),
        source=source,
        notes=tuple(notes),
    )


def _distinct_planes(structure: Structure) -> tuple[OrientedCell, ...]:
    """Low-index planes, those with the same planar lattice and repeat only once."""
    found: dict[tuple[float, ...], OrientedCell] = {}
    for index in LOW_INDICES:
        cell = orient(structure, index)
        metric = cell.plane @ cell.plane.T
        key = (*(round(float(v), 2) for v in (metric[0, 0], metric[1, 1], abs(metric[0, 1]))), round(cell.repeat_A, 2))
        found.setdefault(key, cell)
    return tuple(found.values())


def _formal_charges(composition: Composition) -> dict[str, float]:
    """Formal charges of a glass whose elements have only one, when they add up to nothing."""
    fixed = {"Li": 1.0, "O": -2.0, "S": -2.0, "F": -1.0, "Cl": -1.0, "Br": -1.0, "I": -1.0, "N": -3.0}
    fixed |= {"P": 5.0, "Si": 4.0, "Al": 3.0, "B": 3.0, "Mg": 2.0, "La": 3.0, "Zr": 4.0, "Ti": 4.0}
    symbols = [e.symbol for e in composition]
    if not set(symbols) <= set(fixed) or len(symbols) < 2:
        return {}
    charges = {s: fixed[s] for s in symbols}
    total = sum(charges[e.symbol] * float(n) for e, n in composition.items())
    return charges if abs(total) < 1e-6 else {}
