"""A LAMMPS input as a typed list of commands, rendered once.

Each command is a frozen dataclass whose fields are LAMMPS' own arguments in LAMMPS' own order. A word that could end
the line or start a new command cannot be rendered, so no value from a file can smuggle one in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import ClassVar

from ...errors import InputError

Word = str | int | float
_UNSAFE = re.compile(r"[\s\"'&#$`;]")


def _word(value: Word) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value)
    text = str(value)
    if not text or _UNSAFE.search(text):
        raise InputError(f"'{text}' cannot stand in a LAMMPS input")
    return text


@dataclass(frozen=True)
class Command:
    """One line of a LAMMPS input; tuples are spread out, None is left out."""

    keyword: ClassVar[str]

    def render(self) -> str:
        """Return the line."""
        words = [self.keyword]
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            words += [_word(item) for item in value] if isinstance(value, tuple) else [_word(value)]
        return " ".join(words)


@dataclass(frozen=True)
class Units(Command):
    """``units``."""

    keyword = "units"
    style: str = "metal"


@dataclass(frozen=True)
class AtomStyle(Command):
    """``atom_style``."""

    keyword = "atom_style"
    style: str = "atomic"


@dataclass(frozen=True)
class Boundary(Command):
    """``boundary``, one letter a direction."""

    keyword = "boundary"
    x: str = "p"
    y: str = "p"
    z: str = "p"


@dataclass(frozen=True)
class Box(Command):
    """``box tilt large``: any tilt is allowed."""

    keyword = "box"
    arguments: tuple[Word, ...] = ("tilt", "large")


@dataclass(frozen=True)
class ReadData(Command):
    """``read_data``."""

    keyword = "read_data"
    file: str


@dataclass(frozen=True)
class ReadRestart(Command):
    """``read_restart``."""

    keyword = "read_restart"
    file: str


@dataclass(frozen=True)
class PairStyle(Command):
    """``pair_style``."""

    keyword = "pair_style"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class PairCoeff(Command):
    """``pair_coeff``."""

    keyword = "pair_coeff"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class PairModify(Command):
    """``pair_modify``."""

    keyword = "pair_modify"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class KspaceStyle(Command):
    """``kspace_style``."""

    keyword = "kspace_style"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class BondStyle(Command):
    """``bond_style``."""

    keyword = "bond_style"
    style: str


@dataclass(frozen=True)
class BondCoeff(Command):
    """``bond_coeff``: type, and for ``harmonic`` K in eV/Å² of K r² and the length in Å."""

    keyword = "bond_coeff"
    type: int
    K_eV_A2: float
    length_A: float


@dataclass(frozen=True)
class SpecialBonds(Command):
    """``special_bonds``."""

    keyword = "special_bonds"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class Group(Command):
    """``group``."""

    keyword = "group"
    id: str
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class CommModify(Command):
    """``comm_modify``."""

    keyword = "comm_modify"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class Mass(Command):
    """``mass`` of a type in g/mol."""

    keyword = "mass"
    type: int
    mass: float


@dataclass(frozen=True)
class Neighbor(Command):
    """``neighbor``: skin in Å."""

    keyword = "neighbor"
    skin: float = 1.0
    style: str = "bin"


@dataclass(frozen=True)
class NeighModify(Command):
    """``neigh_modify``: rebuild whenever an atom has moved half the skin."""

    keyword = "neigh_modify"
    arguments: tuple[Word, ...] = ("every", 1, "delay", 0, "check", True)


@dataclass(frozen=True)
class Timestep(Command):
    """``timestep`` in ps."""

    keyword = "timestep"
    ps: float


@dataclass(frozen=True)
class Velocity(Command):
    """``velocity all create``: Maxwell–Boltzmann at a temperature, without total momentum."""

    keyword = "velocity"
    group: str
    style: str
    temperature_K: float
    seed: int
    arguments: tuple[Word, ...] = ("mom", True, "rot", False, "dist", "gaussian")


@dataclass(frozen=True)
class Fix(Command):
    """``fix``."""

    keyword = "fix"
    id: str
    group: str
    style: str
    arguments: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Compute(Command):
    """``compute``."""

    keyword = "compute"
    id: str
    group: str
    style: str
    arguments: tuple[Word, ...] = ()


@dataclass(frozen=True)
class FixModify(Command):
    """``fix_modify``."""

    keyword = "fix_modify"
    id: str
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class Unfix(Command):
    """``unfix``."""

    keyword = "unfix"
    id: str


@dataclass(frozen=True)
class ResetTimestep(Command):
    """``reset_timestep``."""

    keyword = "reset_timestep"
    step: int


@dataclass(frozen=True)
class Thermo(Command):
    """``thermo``: steps between lines of the log."""

    keyword = "thermo"
    every: int


@dataclass(frozen=True)
class ThermoStyle(Command):
    """``thermo_style custom``."""

    keyword = "thermo_style"
    style: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ThermoModify(Command):
    """``thermo_modify``."""

    keyword = "thermo_modify"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class Dump(Command):
    """``dump``."""

    keyword = "dump"
    id: str
    group: str
    style: str
    every: int
    file: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class DumpModify(Command):
    """``dump_modify``."""

    keyword = "dump_modify"
    id: str
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class Timer(Command):
    """``timer timeout``: stop cleanly after a wall time of ``H:MM:SS``."""

    keyword = "timer"
    what: str
    limit: str
    arguments: tuple[Word, ...] = ("every", 10)

    @classmethod
    def after(cls, seconds: float) -> Timer:
        """Return the command that stops after a wall time in s, at least one second."""
        whole = max(1, int(seconds))
        return cls("timeout", f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}")


@dataclass(frozen=True)
class MinStyle(Command):
    """``min_style``."""

    keyword = "min_style"
    style: str


@dataclass(frozen=True)
class Minimize(Command):
    """``minimize``: energy tolerance, force tolerance in eV/Å, and the two limits."""

    keyword = "minimize"
    energy_tolerance: float
    force_tolerance_eV_A: float
    iterations: int
    evaluations: int


@dataclass(frozen=True)
class Run(Command):
    """``run``; with ``upto`` the number is the total, and ``start``, ``stop`` keep a ramp on its way."""

    keyword = "run"
    steps: int
    arguments: tuple[Word, ...] = ()


@dataclass(frozen=True)
class WriteRestart(Command):
    """``write_restart``."""

    keyword = "write_restart"
    file: str


@dataclass(frozen=True)
class WriteData(Command):
    """``write_data``."""

    keyword = "write_data"
    file: str
    arguments: tuple[Word, ...] = ("nocoeff",)


@dataclass(frozen=True)
class Rerun(Command):
    """``rerun``: evaluate every frame of a dump with the cell that is set."""

    keyword = "rerun"
    file: str
    arguments: tuple[Word, ...] = ("dump", "x", "y", "z", "box", False, "wrapped", False)


@dataclass(frozen=True)
class AtomModify(Command):
    """``atom_modify``."""

    keyword = "atom_modify"
    arguments: tuple[Word, ...]


@dataclass(frozen=True)
class MinModify(Command):
    """``min_modify``."""

    keyword = "min_modify"
    arguments: tuple[Word, ...]


REPLICA = "${replica}"
"""Stands in a file's name for the number of the replica, counted from 0, once `Replicas` has been given."""


@dataclass(frozen=True)
class Replicas(Command):
    """``variable replica universe``: numbers the partitions; has to come before `REPLICA` is used."""

    keyword = "variable"
    count: int

    def render(self) -> str:
        """Return the line."""
        return " ".join(["variable", "replica", "universe", *(str(number) for number in range(self.count))])


@dataclass(frozen=True)
class Neb(Command):
    """``neb``: energy and force tolerance, steps before and with a climbing image, steps between lines of the log.

    Each replica reads its positions from the file `each` followed by its number.
    """

    keyword = "neb"
    energy_tolerance: float
    force_tolerance_eV_A: float
    steps: int
    climbing_steps: int
    every: int
    each: str

    def render(self) -> str:
        """Return the line."""
        words = (self.energy_tolerance, self.force_tolerance_eV_A, self.steps, self.climbing_steps, self.every)
        return " ".join([self.keyword, *(_word(value) for value in words), "each", _word(self.each) + REPLICA])


@dataclass(frozen=True)
class ReplicaDump(Dump):
    """``dump`` of each replica into the file `file` followed by its number."""

    def render(self) -> str:
        """Return the line."""
        words = (self.keyword, self.id, self.group, self.style, self.every)
        return " ".join([*(_word(value) for value in words), _word(self.file) + REPLICA, *map(_word, self.columns)])


def render(commands: Iterable[Command]) -> str:
    """Return the text of an input file."""
    return "".join(command.render() + "\n" for command in commands)
