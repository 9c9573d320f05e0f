"""What makes a run that was interrupted equal, to the last bit, to one that was not.

A run is cut into pieces, and every piece starts from what its restart file can hold exactly. LAMMPS sets up anew at
each piece: it sorts the atoms, builds the neighbour list, and sets the masses of the barostat. A continuation does so
at its restart; only when the uninterrupted run does it at the same steps do both add up forces in the same order.

One thing a restart file does not keep to the last bit: positions pass through fractions of the cell when they are
written and read, which moves them by a few units in the last place, and molecular dynamics makes that large within
picoseconds. So at the end of each piece, and again after reading, every position is rounded to a grid of 2⁻³⁰ Å (1e-9
Å, a hundred thousand times coarser than that error and far below anything physical).
"""

from __future__ import annotations

from dataclasses import dataclass

from .script import Command, Run, WriteRestart

NEWEST, BEFORE = "restart.a", "restart.b"
"""Restart files of the last piece and of the one before."""

_PER_A = 2**30


@dataclass(frozen=True)
class GridVariables(Command):
    """``variable`` of each atom and axis: its coordinate on the grid."""

    keyword = "variable"

    def render(self) -> str:
        """Return three lines."""
        return "\n".join(f'variable grid_{axis} atom "round({axis}*{_PER_A}.0)/{_PER_A}.0"' for axis in "xyz")


@dataclass(frozen=True)
class OnGrid(Command):
    """``set``: put every atom on the grid."""

    keyword = "set"
    arguments: tuple[str, ...] = ("group", "all", "x", "v_grid_x", "y", "v_grid_y", "z", "v_grid_z")


@dataclass(frozen=True)
class Wrap(Command):
    """``displace_atoms`` by nothing: every atom goes back into the cell, as it does in a restart file."""

    keyword = "displace_atoms"
    arguments: tuple[str | int, ...] = ("all", "move", 0, 0, 0, "units", "box")


@dataclass(frozen=True)
class Move(Command):
    """``shell mv``: rename a file at once; nothing happens where there is none."""

    keyword = "shell"
    old: str
    new: str

    def render(self) -> str:
        """Return the line."""
        return f"shell mv {self.old} {self.new}"


@dataclass(frozen=True)
class RunInPieces(Command):
    """``run`` with ``every``: commands after each piece.

    Attributes
    ----------
    run
        The whole run.
    every
        Steps of a piece.
    between
        Commands after each.
    """

    keyword = "run"
    run: Run
    every: int
    between: tuple[Command, ...]

    def render(self) -> str:
        """Return the line."""
        return " ".join([self.run.render(), "every", str(self.every), *(f'"{c.render()}"' for c in self.between)])


def end_of_piece(file: str = NEWEST) -> tuple[Command, ...]:
    """Return the commands that end a piece: a restart file, and atoms where that file has them.

    Parameters
    ----------
    file
        Name of the restart file. It appears whole or not at all; `NEWEST` first becomes `BEFORE`.
    """
    keep = (Move(NEWEST, BEFORE),) if file == NEWEST else ()
    return (Wrap(), OnGrid(), WriteRestart("restart.new"), *keep, Move("restart.new", file), OnGrid())


def run_in_pieces(total: int, every: int, start: int = 0) -> list[Command]:
    """Return the commands that run to the step `total` with a restart file after every piece.

    Parameters
    ----------
    total
        Total number of steps, also the end of every ramp.
    every
        Steps of a piece. Pieces end at its multiples, wherever the run starts.
    start
        Step to go on from.
    """
    on_the_way: tuple[str | int, ...] = ("upto", "start", 0, "stop", total)
    commands: list[Command] = []
    boundary = (start // every + 1) * every
    if start % every and boundary < total:
        commands += [Run(boundary, on_the_way), *end_of_piece()]
    commands.append(RunInPieces(Run(total, on_the_way), every, end_of_piece()))
    return commands
