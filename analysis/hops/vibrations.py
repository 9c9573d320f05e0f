"""Normal modes from finite differences: is a saddle a saddle, and how often is it tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ...units import BOLTZMANN_EV_K, SQRT_EV_A2_U_TO_THZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ZERO_THZ = 0.2
"""A frequency below this in size, real or imaginary, is a translation of the crystal or numerical noise."""


@dataclass(frozen=True)
class Modes:
    """Normal modes of some atoms, the others held still.

    Attributes
    ----------
    frequencies_THz
        Ascending, shape (3 M,); an imaginary one is negative.
    vectors
        Mass-weighted eigenvectors as columns, shape (3 M, 3 M).
    atoms
        The M atoms that move.
    whole
        Whether these are all atoms of the cell, so that three modes are translations.
    asymmetry
        Largest difference between mixed derivatives, over the largest derivative; the error of the differences.
    """

    frequencies_THz: Array
    vectors: Array
    atoms: tuple[int, ...]
    whole: bool
    asymmetry: float

    @property
    def imaginary(self) -> int:
        """Number of imaginary modes beyond `ZERO_THZ`."""
        return int((self.frequencies_THz < -ZERO_THZ).sum())

    @property
    def real_THz(self) -> Array:
        """Frequencies of the real vibrations, the three translations of a whole cell left out."""
        order = np.sort(self.frequencies_THz)
        if self.whole:
            smallest = np.argsort(np.abs(order))[:3]
            order = np.delete(order, smallest)
        return order[order > 0]


def displaced(positions: Array, atoms: Sequence[int], *, displacement_A: float = 0.01) -> Array:
    """Return the configurations that `normal_modes` needs the forces of.

    Parameters
    ----------
    positions
        Stationary configuration, shape (N, 3), in Å.
    atoms
        The M atoms to move.
    displacement_A
        To either side along each axis, in Å.

    Returns
    -------
    ndarray, shape (6 M, N, 3)
        For each atom and axis the displacement forth and back.
    """
    found = np.repeat(np.asarray(positions, dtype=float)[None], 6 * len(atoms), axis=0)
    for row, atom in enumerate(atoms):
        for axis in range(3):
            found[6 * row + 2 * axis, atom, axis] += displacement_A
            found[6 * row + 2 * axis + 1, atom, axis] -= displacement_A
    return found


def normal_modes(
    forces_eV_A: Array, atoms: Sequence[int], masses_u: Sequence[float], *, displacement_A: float = 0.01
) -> Modes:
    """Return the normal modes from central differences of forces.

    Parameters
    ----------
    forces_eV_A
        Forces of the configurations of `displaced`, shape (6 M, N, 3).
    atoms
        As given to `displaced`.
    masses_u
        Mass of each of all N atoms in g/mol.
    displacement_A
        As given to `displaced`.

    Raises
    ------
    InputError
        If the shapes do not belong together.
    """
    atoms = tuple(int(atom) for atom in atoms)
    forces = np.asarray(forces_eV_A, dtype=float)
    if forces.shape != (6 * len(atoms), len(masses_u), 3):
        raise InputError(f"forces of shape {forces.shape} are not those of {len(atoms)} displaced atoms")
    pairs = forces.reshape(3 * len(atoms), 2, len(masses_u), 3)[:, :, list(atoms)]
    hessian = -(pairs[:, 0] - pairs[:, 1]).reshape(3 * len(atoms), -1) / (2 * displacement_A)
    asymmetry = float(np.abs(hessian - hessian.T).max() / max(np.abs(hessian).max(), 1e-300))
    weight = np.repeat(np.sqrt([masses_u[atom] for atom in atoms]), 3)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2 / np.outer(weight, weight))
    frequencies = np.sign(values) * np.sqrt(np.abs(values)) * SQRT_EV_A2_U_TO_THZ
    return Modes(frequencies, vectors, atoms, len(atoms) == len(masses_u), asymmetry)


def attempt_frequency(start: Modes, saddle: Modes, *, source: str = "") -> Quantity:
    """Return the attempt frequency of a hop in the harmonic approximation.

    The product of the frequencies at the start over that of the real ones at the saddle: G. H. Vineyard, J. Phys.
    Chem. Solids 3 (1957) 121, equation 23.

    Parameters
    ----------
    start, saddle
        Modes of the same atoms.
    source
        Job or file.

    Returns
    -------
    Quantity
        In THz. It has no value where the saddle has not exactly one imaginary mode or the start has any.
    """
    method = f"Vineyard, finite differences on {len(start.atoms)} atoms"
    if start.atoms != saddle.atoms:
        raise InputError("the modes of start and saddle belong to different atoms")

    def none(why: str) -> Quantity:
        return Quantity(
            "attempt_frequency", None, "THz", method=method, converged=False, warnings=(why,), source=source
        )

    if start.imaginary:
        return none(f"The start has {start.imaginary} imaginary modes and is no minimum.")
    if saddle.imaginary != 1:
        return none(f"The saddle has {saddle.imaginary} imaginary modes where there has to be exactly one.")
    minimum, top = start.real_THz, saddle.real_THz
    if len(minimum) != len(top) + 1:
        return none("A soft mode of start or saddle cannot be told from a translation.")
    value = math.exp(float(np.log(minimum).sum() - np.log(top).sum()))
    warnings: tuple[str, ...] = ()
    if not start.whole:
        warnings = ("All other atoms were held still; the attempt frequency is that of a stiffer crystal.",)
    return Quantity("attempt_frequency", value, "THz", method=method, warnings=warnings, source=source)


def hop_rate_Hz(attempt_frequency_THz: float, barrier_eV: float, temperature_K: float) -> float:
    """Return the rate of a hop, in 1/s, by harmonic transition-state theory: ν exp(−E / k T)."""
    if not temperature_K > 0:
        raise InputError(f"a temperature of {temperature_K} K is not positive")
    return attempt_frequency_THz * 1e12 * math.exp(-barrier_eV / (BOLTZMANN_EV_K * temperature_K))
