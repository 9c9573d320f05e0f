"""Coulomb energy of point charges in a periodic cell as a matrix over sites, computed once for any occupation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erfc

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

COULOMB_EV_A = 14.399645478
"""e²/(4 π ε0) in eV Å (CODATA 2018)."""


def ewald_matrix(structure: Structure, *, accuracy: float = 1e-8) -> NDArray[np.float64]:
    """Return the matrix J with E = ½ qᵀ J q for any charges q on the sites of a cell.

    A net charge is compensated by a uniform background. Species and occupancies of `structure` do not matter,
    only its lattice and positions; sites may lie as close together as split sites do, but not on each other.

    Parameters
    ----------
    structure
        N sites in any cell.
    accuracy
        Relative size of the first neglected terms of both sums.

    Returns
    -------
    ndarray, shape (N, N), eV/e²
        Symmetric; the diagonal is a charge's energy with its own images, counted like the rest.

    Notes
    -----
    Ewald's sum as in Toukmaji and Board, Comput. Phys. Commun. 95 (1996) 73, eqs. 2-6.
    """
    count = len(structure)
    volume = structure.volume
    # the width that balances both sums, bounded so that neither list of terms runs away
    cutoff = float(np.clip(2.2 * volume ** (1 / 3) / max(count, 1) ** (1 / 6), 6.0, 14.0))
    reach = float(np.sqrt(-np.log(accuracy)))
    alpha = reach / cutoff

    first, second, _, distances = structure.get_neighbor_list(cutoff)
    matrix = np.zeros((count, count))
    np.add.at(matrix, (first, second), erfc(alpha * distances) / distances)

    vectors = _half_sphere(np.asarray(structure.lattice.reciprocal_lattice.matrix), 2 * alpha * reach)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    # 4 π / V Σ over all G; half of them stand for both signs
    weights = 2 * 4 * np.pi / volume * np.exp(-squares / (4 * alpha**2)) / squares
    phases = np.asarray(structure.cart_coords) @ vectors.T
    for wave in (np.cos(phases), np.sin(phases)):
        matrix += (wave * weights) @ wave.T

    matrix[np.diag_indices(count)] -= 2 * alpha / np.sqrt(np.pi)
    matrix -= np.pi / (volume * alpha**2)
    result: NDArray[np.float64] = COULOMB_EV_A * 0.5 * (matrix + matrix.T)
    return result


def _half_sphere(reciprocal: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return one of each pair ±G of reciprocal vectors within `radius`, without zero."""
    direct_lengths = np.linalg.norm(np.linalg.inv(reciprocal), axis=0)
    limits = np.ceil(radius * direct_lengths).astype(int)
    grid = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in limits], indexing="ij"), axis=-1).reshape(-1, 3)
    positive = (grid[:, 0] > 0) | ((grid[:, 0] == 0) & ((grid[:, 1] > 0) | ((grid[:, 1] == 0) & (grid[:, 2] > 0))))
    vectors = grid[positive] @ reciprocal
    inside: NDArray[np.float64] = vectors[np.einsum("ij,ij->i", vectors, vectors) <= radius**2]
    return inside
