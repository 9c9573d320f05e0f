"""Overlap removal for atoms on bonds: lengths and angles are springs, torsions free, strangers push each other away.

What rigid units cannot do, chains and networks need: they bend while they are packed. An angle is held by the
distance between its two ends. Everything is geometry; the only energy is that of the springs and of the overlaps,
minimised by FIRE (Bitzek et al., Phys. Rev. Lett. 97 (2006) 170201).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .distances import periodic_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

_MARGIN = 1.002  # what is aimed at, so that the distance asked for is held and not approached
_SKIN_A = 0.8
_LONGEST_MOVE_A = 0.12
_PATIENCE = 400
_CODE = 32  # images between -_CODE and _CODE cells away are told apart


@dataclass(frozen=True)
class Springs:
    """Distances that bonds and angles hold.

    Attributes
    ----------
    first, second
        Atoms, shape (S,).
    image
        Cell vectors to add to the second atom, whole numbers, shape (S, 3).
    length_A
        Wanted distance in Å, shape (S,).
    weight
        Stiffness against that of an overlap, shape (S,).
    is_bond
        True for a bond, False for the two ends of an angle, shape (S,).
    """

    first: Indices
    second: Indices
    image: Indices
    length_A: Array
    weight: Array
    is_bond: NDArray[np.bool_]

    def vectors(self, cell: Array, positions: Array) -> Array:
        """Vectors from the first to the second atoms in Å, shape (S, 3)."""
        result: Array = positions[self.second] + self.image @ cell - positions[self.first]
        return result

    def lengths(self, cell: Array, positions: Array) -> Array:
        """Distances between the atoms in Å, shape (S,)."""
        result: Array = np.linalg.norm(self.vectors(cell, positions), axis=1)
        return result


@dataclass(frozen=True)
class Relaxed:
    """Outcome of a bonded overlap removal.

    Attributes
    ----------
    positions
        Cartesian, shape (N, 3), in Å.
    tightest
        Smallest distance over its minimum of two atoms that no spring joins; 1 or more is a success.
    bond_error
        Largest relative deviation of a bond from its length.
    angle_error
        Largest relative deviation of the ends of an angle from their distance.
    energy
        Sum of half the weighted squared deviations, Å².
    """

    positions: Array
    tightest: float
    bond_error: float
    angle_error: float
    energy: float


def angle_span_A(first_A: float, second_A: float, angle_deg: float) -> float:
    """Distance between the ends of an angle.

    Parameters
    ----------
    first_A, second_A
        Lengths of its arms in Å.
    angle_deg
        The angle in degrees.

    Returns
    -------
    float
        By the law of cosines, in Å.
    """
    return float(np.sqrt(first_A**2 + second_A**2 - 2 * first_A * second_A * np.cos(np.radians(angle_deg))))


def relax_bonded(
    cell: Array,
    positions: Array,
    kinds: Indices,
    table: Array,
    springs: Springs,
    *,
    movable: NDArray[np.bool_] | None = None,
    confine: Callable[[Array], Array] | None = None,
    overlap_weight: float = 1.0,
    max_steps: int = 3000,
    bond_tolerance: float = 0.01,
    angle_tolerance: float = 0.04,
) -> Relaxed:
    """Move bonded atoms until strangers keep their minimum distances and bonds and angles their values.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å; any triclinic cell.
    positions
        Start, shape (N, 3), in Å.
    kinds
        Row of ``table`` of each atom, shape (N,).
    table
        Minimum distances in Å of atoms that no spring joins, shape (n, n).
    springs
        Bonds and angles; the pairs they join do not push each other away.
    movable
        Which atoms may move, shape (N,); None lets all.
    confine
        Maps positions, shape (N, 3), to the nearest allowed ones; atoms that may move are pulled there.
    overlap_weight
        Stiffness of an overlap against that of the springs.
    max_steps
        Give up after this many moves.
    bond_tolerance, angle_tolerance
        Largest relative deviation at which the work is done.

    Returns
    -------
    Relaxed
    """
    positions = np.array(positions, dtype=float)
    n = len(positions)
    free = np.ones(n, dtype=bool) if movable is None else np.asarray(movable, dtype=bool)
    goal = table * _MARGIN
    cutoff = float(goal.max()) + _SKIN_A
    joined = np.unique(_codes(n, springs.first, springs.second, springs.image))
    inverse = np.asarray(np.linalg.inv(cell), dtype=np.float64)
    reference = np.full_like(positions, np.inf)
    velocity = np.zeros_like(positions)
    timestep, alpha, uphill = 0.15, 0.1, 0
    i = j = np.zeros(0, dtype=np.int64)
    shift = minimum = np.zeros(0)
    best, stale = np.inf, 0
    for _ in range(max_steps):
        if not np.abs(positions - reference).max(initial=0.0) < _SKIN_A / (2 * np.sqrt(3)):
            i, j, shift, _ = periodic_pairs(cell, positions, cutoff)
            image = np.rint(shift @ inverse).astype(np.int64)
            keep = (free[i] | free[j]) & ~np.isin(_codes(n, i, j, image), joined)
            i, j, shift = i[keep], j[keep], shift[keep]
            minimum = goal[kinds[i], kinds[j]]
            reference = positions.copy()
        force = np.zeros_like(positions)
        vector = springs.vectors(cell, positions)
        length = np.linalg.norm(vector, axis=1)
        error = length - springs.length_A
        pull = (springs.weight * error / np.maximum(length, 1e-9))[:, None] * vector
        energy = 0.5 * float(springs.weight @ error**2)
        apart = positions[j] + shift - positions[i]
        distance = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        near = distance < minimum
        missing = minimum[near] - distance[near]
        push = (overlap_weight * missing / np.maximum(distance[near], 1e-9))[:, None] * apart[near]
        energy += 0.5 * overlap_weight * float(missing @ missing)
        for axis in range(3):
            force[:, axis] += np.bincount(springs.first, pull[:, axis], n) - np.bincount(
                springs.second, pull[:, axis], n
            )
            force[:, axis] += np.bincount(j[near], push[:, axis], n) - np.bincount(i[near], push[:, axis], n)
        if confine is not None:
            out = confine(positions) - positions
            force += out
            energy += 0.5 * float((out[free] ** 2).sum())
        force[~free] = 0.0
        worst = np.abs(error) / springs.length_A
        tight = float((missing / minimum[near]).max(initial=0.0))
        if (
            tight < 1 - 1 / _MARGIN
            and worst[springs.is_bond].max(initial=0.0) < bond_tolerance
            and worst[~springs.is_bond].max(initial=0.0) < angle_tolerance
        ):
            break
        if energy < best * (1 - 1e-4):
            best, stale = energy, 0
        else:
            stale += 1
            if stale > _PATIENCE:
                break
        # FIRE
        power = float((force * velocity).sum())
        if power > 0:
            speed, strength = np.linalg.norm(velocity), max(float(np.linalg.norm(force)), 1e-12)
            velocity = (1 - alpha) * velocity + alpha * speed / strength * force
            uphill += 1
            if uphill > 5:
                timestep, alpha = min(timestep * 1.1, 0.6), alpha * 0.99
        else:
            velocity[:] = 0.0
            timestep, alpha, uphill = max(timestep * 0.5, 0.02), 0.1, 0
        velocity += timestep * force
        step = timestep * velocity
        size = np.sqrt(np.einsum("ij,ij->i", step, step))
        positions = positions + step * np.minimum(1.0, _LONGEST_MOVE_A / np.maximum(size, 1e-12))[:, None]
    return _measure(cell, positions, kinds, table, springs, joined, inverse)


def _measure(
    cell: Array, positions: Array, kinds: Indices, table: Array, springs: Springs, joined: Indices, inverse: Array
) -> Relaxed:
    error = springs.lengths(cell, positions) - springs.length_A
    relative = np.abs(error) / springs.length_A
    i, j, shift, distance = periodic_pairs(cell, positions, float(table.max()) * 1.2)
    other = ~np.isin(_codes(len(positions), i, j, np.rint(shift @ inverse).astype(np.int64)), joined)
    ratio = distance[other] / table[kinds[i[other]], kinds[j[other]]]
    return Relaxed(
        positions,
        float(ratio.min(initial=np.inf)),
        float(relative[springs.is_bond].max(initial=0.0)),
        float(relative[~springs.is_bond].max(initial=0.0)),
        0.5 * float(springs.weight @ error**2),
    )


def _codes(n: int, first: Indices, second: Indices, image: Indices) -> Indices:
    """One number for each pair and image, the same from both ends."""
    base = 2 * _CODE + 1

    def code(a: Indices, b: Indices, cells: Indices) -> Indices:
        result = a.astype(np.int64) * n + b
        for axis in range(3):
            result = result * base + cells[:, axis] + _CODE
        return result

    return np.minimum(code(first, second, image), code(second, first, -image))
