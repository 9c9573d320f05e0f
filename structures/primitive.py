"""The primitive cell of a crystal in the crystal's own orientation, with its symmetry operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

SYMMETRY_TOLERANCE_A = 1e-3
"""How far an atom may be from where a symmetry operation puts it, in Å."""


def primitive_crystal(bulk: Structure) -> tuple[Array, Array, tuple[str, ...], list[tuple[Integers, Array]]]:
    """Reduce an ordered crystal to its primitive cell without turning or idealising it.

    Parameters
    ----------
    bulk
        Ordered crystal in any cell.

    Returns
    -------
    cell : ndarray, shape (3, 3)
        Right-handed primitive vectors as rows, in Å, in the Cartesian frame of ``bulk``.
    fractional : ndarray, shape (N, 3)
        Atoms in that cell, in [0, 1).
    symbols : tuple of str
        Their elements.
    operations : list of (ndarray, ndarray)
        Rotations, shape (3, 3), and translations, shape (3,), in fractional coordinates of ``cell``.
    """
    symbols = [site.specie.symbol for site in bulk]
    matrix, fractional = np.array(bulk.lattice.matrix), np.array(bulk.frac_coords)
    if np.linalg.det(matrix) < 0:
        # the same lattice, right-handed
        matrix, fractional = -matrix, -fractional
    cell, fractional, symbols = _without_centring(matrix, fractional % 1.0, symbols)
    return cell, fractional, tuple(symbols), symmetry_operations(cell, fractional, symbols)


def symmetry_operations(
    cell: Array, fractional: Array, symbols: list[str], *, tolerance_A: float = SYMMETRY_TOLERANCE_A
) -> list[tuple[Integers, Array]]:
    """Find rotations and translations, in fractional coordinates, that map a crystal onto itself.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å.
    fractional
        Shape (N, 3).
    symbols
        Element of each atom.
    tolerance_A
        How far an atom may be from its image, in Å.

    Returns
    -------
    list of (ndarray, ndarray)
        The identity at least.
    """
    import spglib

    names = sorted(set(symbols))
    crystal: Any = (cell, fractional, [names.index(s) + 1 for s in symbols])
    try:
        data = spglib.get_symmetry(crystal, symprec=tolerance_A)
    except spglib.SpglibError:
        data = None
    if data is None:
        return [(np.eye(3, dtype=np.int64), np.zeros(3))]
    return [
        (np.asarray(r, dtype=np.int64), np.asarray(t, dtype=float))
        for r, t in zip(data["rotations"], data["translations"], strict=True)
    ]


def _without_centring(matrix: Array, fractional: Array, symbols: list[str]) -> tuple[Array, Array, list[str]]:
    identity = np.eye(3, dtype=int)
    pure = [t for r, t in symmetry_operations(matrix, fractional, symbols) if (r == identity).all()]
    count = len(pure)
    if count <= 1:
        return matrix, fractional, symbols
    # every pure translation is a multiple of 1/count of the cell vectors
    vectors = np.rint(np.concatenate([np.eye(3) * count, np.array(pure) * count])).astype(np.int64)
    cell = _short(integer_basis(vectors) / count @ matrix)
    if abs(abs(np.linalg.det(cell)) * count / abs(np.linalg.det(matrix)) - 1.0) > 1e-6:
        return matrix, fractional, symbols
    if np.linalg.det(cell) < 0:
        cell = -cell
    new = (fractional @ matrix @ np.linalg.inv(cell)) % 1.0
    kept: list[int] = []
    for k in range(len(new)):
        apart = new[kept] - new[k]
        apart -= np.round(apart)
        if not (np.linalg.norm(apart @ cell, axis=1) < 10 * SYMMETRY_TOLERANCE_A).any():
            kept.append(k)
    if len(kept) * count != len(symbols):
        return matrix, fractional, symbols
    return cell, new[kept], [symbols[k] for k in kept]


def integer_basis(vectors: Integers) -> Integers:
    """Find a basis of the lattice that integer row vectors generate, by row operations.

    Parameters
    ----------
    vectors
        Shape (M, n), M ≥ n, of rank n.

    Returns
    -------
    ndarray of int, shape (n, n)
        Upper triangular (Hermite normal form but for signs and reduction).
    """
    rows = [v.copy() for v in vectors]
    basis = []
    for column in range(vectors.shape[1]):
        while True:
            active = [v for v in rows if v[column] != 0]
            if len(active) <= 1:
                break
            pivot = min(active, key=lambda v: abs(int(v[column])))
            for v in active:
                if v is not pivot:
                    v -= (v[column] // pivot[column]) * pivot
        for k, v in enumerate(rows):
            if v[column] != 0:
                basis.append(rows.pop(k))
                break
    return np.array(basis)


def _short(cell: Array) -> Array:
    """Shorten the vectors of a lattice by Lenstra-Lenstra-Lovász reduction, without turning it."""
    from pymatgen.core import Lattice

    reduced = np.array(Lattice(cell).get_lll_reduced_lattice().matrix)
    return np.asarray(np.rint(reduced @ np.linalg.inv(cell)) @ cell, dtype=float)
