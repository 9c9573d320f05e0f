"""Commands that stop molecular dynamics once it leaves the range of a fitted model (``fix halt``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .script import Command, Compute, Fix, Group

if TYPE_CHECKING:
    from ...potentials.guard import Guard
    from ...structures.element_map import ElementMap

DISTANCE_FIX, ENERGY_FIX = "guard_distance", "guard_energy"


@dataclass(frozen=True)
class EqualVariable(Command):
    """``variable NAME equal FORMULA``; the formula has no spaces."""

    keyword = "variable"
    name: str
    style: str
    formula: str


def guard_commands(guard: Guard, types: ElementMap) -> list[Command]:
    """Return the commands that look every `Guard.every` steps and end the run with an error.

    Parameters
    ----------
    guard
        The range.
    types
        Order of the elements.

    Returns
    -------
    list of Command
        For distances the number of neighbours within the shortest one, for energies the lowest and highest energy of
        one atom of each element; LAMMPS computes them only at the steps of the look.
    """
    commands: list[Command] = [Group(f"guard_{kind}", ("type", kind)) for kind in range(1, len(types.elements) + 1)]
    pairs = guard.pairs(types)
    close = []
    for number, (first, second, distance) in enumerate(pairs):
        name = f"guard_near{number}"
        commands.append(Compute(name, f"guard_{first}", "coord/atom", ("cutoff", distance, second)))
        commands.append(Compute(f"{name}_most", f"guard_{first}", "reduce", ("max", f"c_{name}")))
        close.append(f"c_{name}_most")
    if close:
        commands.append(EqualVariable("guard_distance", "equal", "+".join(close)))
        commands.append(Fix(DISTANCE_FIX, "all", "halt", (guard.every, "v_guard_distance", ">", 0, "error", "hard")))
    outside = []
    energies = guard.energies(types)
    if energies:
        commands.append(Compute("guard_energy", "all", "pe/atom", ("pair",)))
    for kind, low, high in energies:
        for word, sign, limit in (("min", "<", low), ("max", ">", high)):
            name = f"guard_{word}{kind}"
            commands.append(Compute(name, f"guard_{kind}", "reduce", (word, "c_guard_energy")))
            outside.append(f"(c_{name}{sign}{limit!r})")
    if outside:
        commands.append(EqualVariable("guard_energy", "equal", "+".join(outside)))
        commands.append(Fix(ENERGY_FIX, "all", "halt", (guard.every, "v_guard_energy", ">", 0, "error", "hard")))
    return commands
