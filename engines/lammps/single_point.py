"""Energy, forces and stress of a structure as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...files import write_text
from ...units import BAR_TO_GPA
from .launch import run_lammps
from .log import read_logs
from .script import Command, Dump, DumpModify, Fix, Minimize, MinStyle, Run, Unfix, render
from .setup import System

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..resources import Resources

_FORCES = "forces.dump"


@dataclass(frozen=True)
class SinglePoint:
    """What a model says about one structure.

    Attributes
    ----------
    energy_eV
        Potential energy of the cell.
    forces_eV_A
        Shape ``(N, 3)``, in LAMMPS' frame.
    stress_GPa
        Pressure tensor xx, yy, zz, xy, xz, yz, positive under compression, without a kinetic part.
    """

    energy_eV: float
    forces_eV_A: NDArray[np.float64]
    stress_GPa: tuple[float, ...]


def single_point(system: System, directory: Path, resources: Resources) -> SinglePoint:
    """Evaluate a structure once; shells are relaxed, atoms stay where they are.

    Parameters
    ----------
    system
        Structure and model; velocities are left out.
    directory
        Folder of this calculation alone.
    resources
        Processors.

    Raises
    ------
    LammpsError
        A named failure; see `failures`.
    """
    directory = Path(directory)
    system = system.at_rest()
    system.write_files(directory)
    commands: list[Command] = system.commands(thermo_every=1)
    if system.model.shells is not None:
        hold = Fix("hold", system.atoms_group, "setforce", (0.0, 0.0, 0.0))
        commands += [hold, MinStyle("cg"), Minimize(0.0, 1e-8, 2000, 20000), Unfix("hold")]
    commands.append(Dump("forces", system.atoms_group, "custom", 1, _FORCES, ("id", "fx", "fy", "fz")))
    commands += [DumpModify("forces", ("sort", "id", "format", "float", "%.15g")), Run(0)]
    write_text(directory / "in.single.lammps", render(commands))
    run_lammps(directory, "in.single.lammps", "log.single.lammps", resources)
    thermo = read_logs([directory / "log.single.lammps"])
    lines = (directory / _FORCES).read_text().splitlines()
    last = len(lines) - len(system.structure)
    forces = np.array([[float(word) for word in line.split()[1:]] for line in lines[last:]])
    stress = [float(thermo[name][-1]) * BAR_TO_GPA for name in ("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")]
    return SinglePoint(energy_eV=float(thermo["pe"][-1]), forces_eV_A=forces, stress_GPa=tuple(stress))
