"""Elastic constants at 0 K: strain a relaxed cell both ways in all six directions and relax the atoms each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...structures.elasticity import VOIGT, ElasticConstants, elastic_constants, strained

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymatgen.core import Structure

    from .relax import Relaxation

CELLS = 13
"""Cells that are relaxed: the given one, and two of each strain."""


def strained_constants(
    structure: Structure, relaxed: Callable[[Structure, int], Relaxation], *, strain: float = 0.005, source: str = ""
) -> ElasticConstants:
    """Return the elastic constants of a relaxed crystal along the axes that it is given in.

    Parameters
    ----------
    structure
        Crystal at rest.
    relaxed
        Relaxes the atoms of a strained cell with this number, in the cell as it is.
    strain
        Size of the strains (engineering shear for the last three).
    source
        For the quantities.
    """
    cases = np.array([np.zeros(6)] + [sign * strain * row for row in np.eye(6) for sign in (1.0, -1.0)])
    stresses = []
    for number, case in enumerate(cases):
        cell = strained(structure, case)
        result = relaxed(cell, number)
        xx, yy, zz, xy, xz, yz = result.stress_GPa
        pressure = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        # LAMMPS turned the cell; the stress is turned back
        turn = np.linalg.solve(np.asarray(cell.lattice.matrix), np.asarray(result.structure.lattice.matrix))
        tension = -turn @ pressure @ turn.T
        stresses.append([tension[place] for place in VOIGT])
    return elastic_constants(cases, np.array(stresses), source=source)
