"""Relaxation of positions and cell to a given pressure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...files import write_text
from ...structures.lammps_data import read_lammps_data
from ...units import BAR_TO_GPA, GPA_TO_BAR
from .launch import run_lammps
from .log import read_logs
from .script import Command, Fix, Minimize, MinStyle, Unfix, WriteData, render
from .setup import System

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ..resources import Resources

_ROUNDS = 5  # the strain of fix box/relax is measured from where a round starts
_LEAST_FORCE = 1e-6
_STALLED_FORCE = 1e-4
_FORCE_TOLERANCE_EV_A = 1e-3
_PRESSURE_TOLERANCE_GPA = 0.01


@dataclass(frozen=True)
class Relaxation:
    """A relaxed structure.

    Attributes
    ----------
    structure
        In LAMMPS' frame.
    energy_eV
        Potential energy of the cell.
    max_force_eV_A
        Largest component of a force.
    stress_GPa
        Pressure tensor xx, yy, zz, xy, xz, yz, positive under compression.
    converged
        Forces below 1 meV/Å and the pressures that were let go within 0.01 GPa of what was asked.
    """

    structure: Structure
    energy_eV: float
    max_force_eV_A: float
    stress_GPa: tuple[float, ...]
    converged: bool

    @property
    def energy_eV_atom(self) -> float:
        """Potential energy per atom."""
        return self.energy_eV / len(self.structure)


def relax(
    system: System,
    directory: Path,
    resources: Resources,
    *,
    cell: Literal["fixed", "iso", "aniso", "tri"] = "aniso",
    pressure_GPa: float = 0.0,
) -> Relaxation:
    """Relax positions, and the cell as far as `cell` lets it, by conjugate gradients.

    Parameters
    ----------
    system
        Structure and model.
    directory
        Folder of this relaxation alone; what it holds from an earlier try is written again.
    resources
        Processors.
    cell
        ``fixed``, ``iso`` (scaled), ``aniso`` (lengths), ``tri`` (lengths and angles).
    pressure_GPa
        Pressure to reach.

    Raises
    ------
    LammpsError
        A named failure; see `failures`.
    """
    directory = Path(directory)
    system = system.at_rest()
    system.write_files(directory)
    commands: list[Command] = [*system.commands(thermo_every=10), MinStyle("cg")]
    # Conjugate gradients first; where their line search stalls, as it does in stiff ionic crystals, damped dynamics.
    atoms: list[Command] = [
        Minimize(0.0, _LEAST_FORCE, 2000, 20000),
        MinStyle("fire"),
        Minimize(0.0, _STALLED_FORCE, 500, 5000),
        MinStyle("cg"),
    ]
    if cell == "fixed":
        commands += atoms
    else:
        free_cell = Fix("cell", "all", "box/relax", (cell, pressure_GPa * GPA_TO_BAR, "vmax", 0.005))
        commands += [free_cell, Minimize(0.0, _LEAST_FORCE, 2000, 20000), Unfix("cell"), *atoms] * _ROUNDS
    commands.append(WriteData("final.data"))
    write_text(directory / "in.relax.lammps", render(commands))
    run_lammps(directory, "in.relax.lammps", "log.relax.lammps", resources)
    thermo = read_logs([directory / "log.relax.lammps"])
    stress = np.array([thermo[name][-1] for name in ("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")]) * BAR_TO_GPA
    free = {
        "fixed": np.zeros(0),
        "iso": stress[:3].mean(keepdims=True) - pressure_GPa,
        "aniso": stress[:3] - pressure_GPa,
        "tri": stress - pressure_GPa * np.array([1, 1, 1, 0, 0, 0]),
    }[cell]
    force = float(thermo["fmax"][-1])
    final = replace(system, structure=read_lammps_data(directory / "final.data", system.element_map))
    return Relaxation(
        structure=final.at_rest().structure,
        energy_eV=float(thermo["pe"][-1]),
        max_force_eV_A=force,
        stress_GPa=tuple(float(value) for value in stress),
        converged=force < _FORCE_TOLERANCE_EV_A and bool((np.abs(free) < _PRESSURE_TOLERANCE_GPA).all()),
    )
