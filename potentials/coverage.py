"""Which models there are for a chemical system, how good they are there, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..structures.phases import phase, phase_names
from .cards import PotentialCard, card, card_names
from .checks import COST, deviation_percent


@dataclass(frozen=True)
class Coverage:
    """What a card is worth for a chemical system.

    Attributes
    ----------
    card
        Its name.
    outside
        In what the system lies outside what the model was made for; empty where it does not.
    checked
        Phases of just this system that stand in the card's reference table with a volume to hold it against.
    volume_deviation_percent
        The largest of theirs, without its sign; None where there are none.
    formation_deviation_eV_atom
        Largest deviation of a formation energy, likewise.
    cost_us
        Processor time per atom and step on one core in µs; None where it was not measured.
    cost_system
        What it was measured on.
    parts_checked
        Checked phases of some of the system's elements, which say something where nothing was checked in the whole.
    """

    card: str
    outside: tuple[str, ...]
    checked: tuple[str, ...]
    volume_deviation_percent: float | None
    formation_deviation_eV_atom: float | None
    cost_us: float | None
    cost_system: str
    parts_checked: int = 0


@cache
def _system_of(name: str) -> frozenset[str]:
    return frozenset(element.symbol for element in phase(name).composition.elements)


def chemical_systems() -> dict[frozenset[str], tuple[str, ...]]:
    """Return every chemical system of the phase library with the names of its phases."""
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for name in phase_names():
        system = _system_of(name)
        found[system] = (*found.get(system, ()), name)
    return found


def coverage(system: frozenset[str]) -> list[Coverage]:
    """Return what each model that knows the elements is worth for a system, the best first.

    Models inside their range come before those outside, then those that were checked with more phases of the system,
    then those whose volumes are better; where none was checked, those that were with more phases of its parts.

    Parameters
    ----------
    system
        Elements.
    """
    cards = [card(name) for name in card_names()]
    found = [_coverage(model, system) for model in cards if system <= set(model.elements)]
    return sorted(found, key=_rank)


def _rank(entry: Coverage) -> tuple[bool, int, float, int]:
    deviation = entry.volume_deviation_percent
    worst = float("inf") if deviation is None else deviation
    return bool(entry.outside), -len(entry.checked), worst, -entry.parts_checked


def _coverage(model: PotentialCard, system: frozenset[str]) -> Coverage:
    names = set(phase_names())
    rows = [row for row in model.reference_table if row.system in names and _system_of(row.system) == system]
    held = [row for row in rows if row.reference is not None]
    volumes = [row for row in held if row.property == "volume per atom"]
    formation = [row for row in held if row.property == "formation energy per atom"]
    cost = next((row for row in model.reference_table if row.property == COST), None)
    return Coverage(
        card=model.name,
        outside=tuple(model.domain.outside(system)),
        checked=tuple(row.system for row in volumes),
        volume_deviation_percent=max((abs(deviation_percent(row) or 0.0) for row in volumes), default=None),
        formation_deviation_eV_atom=max((abs(row.model - (row.reference or 0.0)) for row in formation), default=None),
        cost_us=cost.model if cost else None,
        cost_system=cost.system if cost else "",
        parts_checked=sum(
            row.property == "volume per atom" and row.system in names and _system_of(row.system) < system
            for row in model.reference_table
        ),
    )
