"""Relaxation of positions and cell with a model that ASE calls: quasi-Newton steps on both together.

A model in Python costs so much per evaluation that the line searches of LAMMPS' minimiser are not worth having, and its
``box/relax`` measures the enthalpy against a cell that has to be renewed in rounds.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import EngineError
from ..units import EV_A3_TO_GPA

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

Freedom = Literal["fixed", "iso", "aniso", "tri", "normal"]
_MOST_STEPS = 500
_MASKS = {"aniso": [1, 1, 1, 0, 0, 0], "tri": [1, 1, 1, 1, 1, 1], "normal": [0, 0, 1, 0, 0, 0]}


def relax_atoms(
    atoms: Atoms,
    *,
    cell: Freedom,
    pressure_GPa: float,
    force_tolerance_eV_A: float,
    pressure_tolerance_GPa: float,
    progress: Callable[[int, Atoms], None] | None = None,
) -> bool:
    """Relax `atoms`, which carry a calculator, in place.

    Parameters
    ----------
    atoms
        Periodic in three directions.
    cell
        ``fixed``, ``iso`` (scaled), ``aniso`` (lengths), ``tri`` (lengths and angles), ``normal`` (height along z).
    pressure_GPa
        Pressure to reach.
    force_tolerance_eV_A, pressure_tolerance_GPa
        Done when no component of a force, and no stress that was let go, is farther off than this.
    progress
        Called after each step with its number.

    Returns
    -------
    bool
        Whether the tolerances were met within 500 steps.

    Raises
    ------
    EngineError
        If energies or forces stop being numbers.
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import LBFGS

    target = pressure_GPa / EV_A3_TO_GPA
    mobile: Any = atoms
    if cell == "iso":
        mobile = FrechetCellFilter(atoms, hydrostatic_strain=True, scalar_pressure=target)
    elif cell != "fixed":
        mobile = FrechetCellFilter(atoms, mask=_MASKS[cell], scalar_pressure=target)
    # the logarithm of a deformation that is nearly none is as good as it has to be, whatever SciPy warns of
    warnings.filterwarnings("ignore", "logm result may be inaccurate", RuntimeWarning)
    steps = LBFGS(mobile, logfile=os.devnull, maxstep=0.1)
    for number, _ in enumerate(steps.irun(fmax=0.0, steps=_MOST_STEPS)):
        forces = atoms.get_forces()
        if not np.isfinite(forces).all():
            raise EngineError(f"the forces are not numbers after {number} steps of relaxation")
        if progress:
            progress(number, atoms)
        if np.abs(forces).max() < force_tolerance_eV_A and _off_by(atoms, cell, pressure_GPa) < pressure_tolerance_GPa:
            return True
    return False


def _off_by(atoms: Atoms, cell: Freedom, pressure_GPa: float) -> float:
    """Return how far the stresses that were let go are from the pressure, in GPa."""
    if cell == "fixed":
        return 0.0
    pressures = -atoms.get_stress() * EV_A3_TO_GPA
    if cell == "iso":
        return float(abs(pressures[:3].mean() - pressure_GPa))
    if cell == "normal":
        return float(abs(pressures[2] - pressure_GPa))
    if cell == "aniso":
        return float(np.abs(pressures[:3] - pressure_GPa).max())
    tensor = pressures[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]] - pressure_GPa * np.eye(3)
    return float(np.linalg.norm(tensor, 2))  # no component is larger in any frame
