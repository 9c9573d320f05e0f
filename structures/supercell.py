"""Near-cubic supercells, by the distance between periodic images or by the number of atoms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .record import BuildRecord, Source, make_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Supercell:
    """A supercell and how it repeats its crystal.

    Attributes
    ----------
    structure
        The supercell.
    matrix
        Integers, shape (3, 3); rows are the new vectors in terms of the old ones.
    image_distance_A
        Shortest distance between an atom and its own image.
    record
        How it was made.
    """

    structure: Structure
    matrix: NDArray[np.int64]
    image_distance_A: float
    record: BuildRecord


def supercell(
    structure: Structure,
    *,
    image_distance_A: float | None = None,
    atoms: int | None = None,
    sources: Sequence[Source] = (),
) -> Supercell:
    """Repeat a crystal to a near-cubic cell.

    Parameters
    ----------
    structure
        Any crystal; the cell may come out with other axes than multiples of its own.
    image_distance_A
        Least distance between an atom and its own image; the near-cubic cell with the fewest atoms that keeps it is
        taken.
    atoms
        Wanted number of atoms, instead of the distance; among the cells within 10 % of it, the one nearest to
        the number and to a cube is taken.
    sources
        What it is made from, for the record.

    Returns
    -------
    Supercell

    Raises
    ------
    InputError
        Neither or both of distance and number are given, or no cell fits.

    Examples
    --------
    >>> from anodeflow.structures.phases import phase
    >>> len(supercell(phase("Si").structure, image_distance_A=10.0).structure)
    64
    """
    if (image_distance_A is None) == (atoms is None):
        raise InputError("a supercell needs either an image distance or a number of atoms")
    if image_distance_A is not None:
        if not 0 < image_distance_A < 200:
            raise InputError(f"an image distance of {image_distance_A} Å makes no cell")
        matrix = _by_distance(structure, image_distance_A)
    else:
        matrix = _by_atoms(structure, int(atoms or 0))
    cell = structure.copy()
    cell.make_supercell(matrix)
    distance = float(_shortest(matrix @ structure.lattice.matrix)[0])
    inputs = {
        "structure": sources[0].name if sources else structure.composition.reduced_formula,
        "image_distance_A": image_distance_A,
        "atoms": atoms,
        "matrix": matrix.tolist(),
    }
    record = make_record(cell, "supercell", inputs, sources=sources)
    return Supercell(cell, matrix, distance, record)


_MOST_SKEW = 0.6
_PRICE_OF_SKEWNESS = 8.0
_PRICE_OF_OBLIQUE = 1.25
"""Skewness 0.1 costs as much as 80 % more atoms, and an angle that is not right as much as a quarter more."""


def _by_distance(structure: Structure, distance_A: float) -> NDArray[np.int64]:
    cell = np.asarray(structure.lattice.matrix)
    pools = [_candidates(cell, edge) for edge in distance_A * np.linspace(0.98, 1.5, 14)]
    candidates = np.unique(np.concatenate(pools), axis=0)
    skew = _skewness(candidates @ cell)
    score = np.rint(np.abs(np.linalg.det(candidates))) * (1 + _PRICE_OF_SKEWNESS * skew)
    score *= np.where(_is_orthogonal(candidates @ cell), 1.0, _PRICE_OF_OBLIQUE)
    order = np.argsort(np.where(skew <= _MOST_SKEW, score, np.inf), kind="stable")
    order = order[skew[order] <= _MOST_SKEW]
    for start in range(0, len(order), 500):
        part = order[start : start + 500]
        good = part[_shortest(candidates[part] @ cell) >= distance_A - 1e-6]
        if len(good):
            chosen: NDArray[np.int64] = candidates[good[0]]
            return chosen
    raise InputError(f"no near-cubic supercell with an image distance of {distance_A} Å was found")


def _by_atoms(structure: Structure, atoms: int) -> NDArray[np.int64]:
    cell = np.asarray(structure.lattice.matrix)
    per_cell = float(structure.composition.num_atoms)
    repeats = atoms / per_cell
    if repeats < 0.5:
        raise InputError(
            f"{atoms} atoms are fewer than the {per_cell:g} of the cell", remedy="Start from the primitive cell."
        )
    edge = (abs(float(np.linalg.det(cell))) * repeats) ** (1 / 3)
    pools = [_candidates(cell, edge * scale) for scale in (0.92, 0.96, 1.0, 1.04, 1.08)]
    candidates = np.unique(np.concatenate([*pools, np.eye(3, dtype=np.int64)[None]]), axis=0)
    off = np.abs(np.rint(np.abs(np.linalg.det(candidates))) / repeats - 1)
    skew = _skewness(candidates @ cell)
    score = off + skew
    near = off <= max(0.1, float(off.min()) + 1e-9)
    best = np.argsort(np.where(near, score, np.inf), kind="stable")[:200]
    best = best[np.isfinite(score[best]) & near[best]]
    # among equally good ones the largest distance between images
    rank = np.round(score[best], 3) - 1e-3 * _shortest(candidates[best] @ cell) / edge
    chosen: NDArray[np.int64] = candidates[best[int(np.argmin(rank))]]
    return chosen


@cache
def _changes() -> NDArray[np.int64]:
    """Return all 3x3 matrices with at most three entries of -1 or 1 and zeros, shape (835, 3, 3)."""
    grid = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 9, indexing="ij"), axis=-1).reshape(-1, 3, 3)
    few: NDArray[np.int64] = grid[np.abs(grid).sum(axis=(1, 2)) <= 3]
    return few


def _candidates(cell: NDArray[np.float64], edge: float) -> NDArray[np.int64]:
    """Return integer matrices (n, 3, 3), right-handed, whose cells are near a cube of the given edge."""
    inverse = np.linalg.inv(cell)
    # two orientations of the cube: along Cartesian axes, and with one edge along a
    first = cell[0] / np.linalg.norm(cell[0])
    third = np.cross(cell[0], cell[1])
    third /= np.linalg.norm(third)
    frames = (np.eye(3), np.array([first, np.cross(third, first), third]))
    pool = [np.rint(edge * frame @ inverse).astype(np.int64)[None] + _changes() for frame in frames]
    diagonal = np.diag(np.maximum(np.rint(edge / np.linalg.norm(cell, axis=1)), 1)).astype(np.int64)
    extra = diagonal[None] + np.stack([np.diag(step) for step in np.ndindex(2, 2, 2)])
    candidates = np.concatenate([*pool, extra])
    right: NDArray[np.int64] = candidates[np.linalg.det(candidates) > 0.5]
    return right


def _shortest(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shortest lattice vector of cells (..., 3, 3) in Å; exact for cells that are not very skew."""
    cells = cells.reshape(-1, 3, 3)
    combinations = (
        np.array(
            [c for c in np.ndindex(5, 5, 5) if c > (2, 2, 2)]  # half of all, without zero
        )
        - 2
    )
    lengths = np.linalg.norm(np.einsum("ki,nij->nkj", combinations, cells), axis=-1)
    shortest: NDArray[np.float64] = lengths.min(axis=1)
    return shortest


def _is_orthogonal(cells: NDArray[np.float64]) -> NDArray[np.bool_]:
    gram = np.einsum("nik,njk->nij", cells, cells)
    off = np.abs(gram[:, [0, 0, 1], [1, 2, 2]]).max(axis=1)
    right: NDArray[np.bool_] = off < 1e-6 * np.trace(gram, axis1=1, axis2=2)
    return right


def _skewness(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far cells (n, 3, 3) are from cubes of their volume: 0 for a cube."""
    volumes = np.abs(np.linalg.det(cells))
    squares = np.einsum("nij,nij->n", cells, cells) / 3
    skew: NDArray[np.float64] = squares / volumes ** (2 / 3) - 1
    return skew
