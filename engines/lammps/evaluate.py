"""Energies and forces of many configurations of one cell, in a single run of LAMMPS (``rerun``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import EngineError, InputError
from ...files import write_text
from .launch import run_lammps
from .log import read_logs
from .script import Command, Dump, DumpModify, Rerun, render
from .setup import System

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..resources import Resources

    Array = NDArray[np.float64]

_INPUT, _OUTPUT = "configurations.dump", "forces.dump"


@dataclass(frozen=True)
class Evaluation:
    """What a model gives for M configurations.

    Attributes
    ----------
    energies_eV
        Shape (M,).
    forces_eV_A
        Shape (M, N, 3).
    """

    energies_eV: Array
    forces_eV_A: Array


def write_configurations(path: Path, cell: Array, positions: Array) -> None:
    """Write configurations as a text dump that ``rerun`` and ``read_dump`` read.

    Parameters
    ----------
    path
        File.
    cell
        Lower triangular, rows are vectors, in Å.
    positions
        Shape (M, N, 3), in Å; they need not be inside the cell.
    """
    xy, xz, yz = float(cell[1, 0]), float(cell[2, 0]), float(cell[2, 1])
    low = [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    high = [cell[0, 0] + max(0.0, xy, xz, xy + xz), cell[1, 1] + max(0.0, yz), cell[2, 2]]
    box = [f"{a:.17g} {b:.17g} {tilt:.17g}" for a, b, tilt in zip(low, high, (xy, xz, yz), strict=True)]
    lines: list[str] = []
    for step, frame in enumerate(positions):
        lines += ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(frame))]
        lines += ["ITEM: BOX BOUNDS xy xz yz pp pp pp", *box, "ITEM: ATOMS id xu yu zu"]
        lines += [f"{atom} {x:.17g} {y:.17g} {z:.17g}" for atom, (x, y, z) in enumerate(frame, start=1)]
    write_text(path, "\n".join(lines) + "\n")


def read_columns(path: Path, natoms: int) -> tuple[list[int], Array]:
    """Return steps and the last three columns of every whole frame of a text dump sorted by id.

    Parameters
    ----------
    path
        Dump; a last frame that was cut off is left out.
    natoms
        Atoms a frame.

    Returns
    -------
    steps
        Step of each frame.
    values : ndarray, shape (frames, N, 3)
        The last three columns.
    """
    steps: list[int] = []
    frames: list[Array] = []
    if not path.exists():
        return steps, np.zeros((0, natoms, 3))
    lines = path.read_text().split("\n")[:-1]  # what follows the last line break is not a whole line
    for begin in range(0, len(lines) - natoms - 8, natoms + 9):
        block = lines[begin : begin + natoms + 9]
        if block[0] != "ITEM: TIMESTEP":
            break
        steps.append(int(block[1]))
        frames.append(np.array([line.split()[-3:] for line in block[9:]], dtype=float))
    return steps, np.array(frames).reshape(-1, natoms, 3)


def refuse_shells(system: System) -> None:
    """Raise InputError for a model with shells, whose positions would have to be relaxed for each configuration."""
    if system.model.shells is not None:
        raise InputError(
            f"bands and finite differences with the shells of {system.card.name} are not possible",
            where="potential",
            remedy="Take a potential without shells.",
        )


def evaluate(system: System, positions: Array, directory: Path, resources: Resources) -> Evaluation:
    """Evaluate configurations of one system.

    Parameters
    ----------
    system
        Cell, elements and model; its own positions do not count.
    positions
        Shape (M, N, 3), in Å, in LAMMPS' frame.
    directory
        Folder of this evaluation alone.
    resources
        Processors.

    Raises
    ------
    LammpsError
        A named failure; see `failures`.
    """
    positions = np.asarray(positions, dtype=float)
    natoms = len(system.structure)
    if positions.ndim != 3 or positions.shape[1:] != (natoms, 3):
        raise InputError(f"positions of shape {positions.shape} do not belong to {natoms} atoms")
    refuse_shells(system)
    directory = Path(directory)
    system.write_files(directory)
    write_configurations(directory / _INPUT, np.asarray(system.structure.lattice.matrix), positions)
    commands: list[Command] = system.commands(thermo_every=1)
    commands.append(Dump("forces", "all", "custom", 1, _OUTPUT, ("id", "fx", "fy", "fz")))
    commands += [DumpModify("forces", ("sort", "id", "format", "float", "%.17g")), Rerun(_INPUT)]
    write_text(directory / "in.evaluate.lammps", render(commands))
    run_lammps(directory, "in.evaluate.lammps", "log.evaluate.lammps", resources)
    energies = read_logs([directory / "log.evaluate.lammps"])["pe"]
    _, forces = read_columns(directory / _OUTPUT, natoms)
    if not len(energies) == len(forces) == len(positions):
        raise EngineError(f"{len(positions)} configurations went in and {len(forces)} came out", where=directory.name)
    (directory / _INPUT).unlink()
    (directory / _OUTPUT).unlink()
    return Evaluation(np.asarray(energies), forces)
