"""Overlap removal: move atoms or rigid units apart until every pair keeps its minimum distance.

Starting from random places, every pair that is too close pushes both partners apart by a share of what is
missing; momentum carries the crowd along. It is a minimisation of the harmonic overlap energy
``sum (sigma_ij - d_ij)^2`` (the soft-sphere protocol of O'Hern et al., Phys. Rev. E 68 (2003) 011306).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from .distances import periodic_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

_MARGIN = 1.0 + 1e-3  # what is aimed at, so that the distance asked for is held and not approached
_ENOUGH = (1.0 + 2e-4) / _MARGIN
_PATIENCE = 150  # moves without progress before single atoms count as jammed
_SKIN_A = 0.6
_MOMENTUM = 0.85
_PUSH = 0.5
_WALL_A = 0.05  # how far an atom may stay outside where it is confined


@dataclass(frozen=True)
class Packed:
    """Outcome of an overlap removal.

    Attributes
    ----------
    positions
        Cartesian positions, shape (N, 3), in Å.
    tightest
        Smallest distance over its minimum among all pairs that count; 1 or more is a success.
    steps
        Number of moves made.
    """

    positions: Array
    tightest: float
    steps: int


def tightest_ratio(cell: Array, positions: Array, kinds: Indices, table: Array, units: Indices | None = None) -> float:
    """Smallest distance over minimum distance of any pair; pairs within one rigid unit do not count.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å.
    positions
        Shape (N, 3), in Å.
    kinds
        Row of ``table`` of each atom, shape (N,).
    table
        Minimum distances in Å, shape (n, n).
    units
        Rigid unit of each atom, shape (N,), or None when every atom is its own.

    Returns
    -------
    float
        Infinity when no pair is within reach.
    """
    i, j, shift, distance = periodic_pairs(cell, positions, float(table.max()) * 1.5)
    if units is not None:
        other = (units[i] != units[j]) | (np.abs(shift).sum(axis=1) > _whole(cell))
        i, j, distance = i[other], j[other], distance[other]
    return float((distance / table[kinds[i], kinds[j]]).min()) if len(i) else float("inf")


def _whole(cell: Array) -> float:
    return 1e-6 * float(np.abs(cell).max())


def remove_overlaps(
    cell: Array,
    positions: Array,
    kinds: Indices,
    table: Array,
    *,
    units: Indices | None = None,
    movable: NDArray[np.bool_] | None = None,
    confine: Callable[[Array], Array] | None = None,
    rng: np.random.Generator | None = None,
    max_steps: int = 2000,
) -> Packed:
    """Push atoms or rigid units apart until all pairs keep their minimum distance under periodic boundaries.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å; any triclinic cell.
    positions
        Start, shape (N, 3), in Å. Atoms of one unit must be given whole, not broken across a border.
    kinds
        Row of ``table`` of each atom, shape (N,).
    table
        Minimum distances in Å, shape (n, n).
    units
        Rigid unit of each atom, shape (N,), numbered from 0 without gaps; None makes every atom its own.
    movable
        Which atoms may move, shape (N,); None lets all. A unit moves only if all of its atoms may.
    confine
        Maps positions, shape (N, 3), to the nearest allowed ones; atoms that may move are pulled there.
    rng
        Random numbers for moving units that are hooked into each other; without them such units stay stuck.
    max_steps
        Give up after this many moves.

    Returns
    -------
    Packed
        Positions and how tight the tightest pair is.
    """
    positions = np.array(positions, dtype=float)
    n = len(positions)
    free = np.ones(n, dtype=bool) if movable is None else np.asarray(movable, dtype=bool)
    goal = table * _MARGIN
    cutoff = float(goal.max())
    rigid = units is not None and int(units.max()) + 1 < n
    bodies = _Bodies(units, n) if rigid and units is not None else None
    normal = np.cross(cell[0], cell[1])
    normal /= np.linalg.norm(normal)
    velocity = np.zeros_like(positions)
    reference = np.full_like(positions, np.inf)
    best: tuple[float, Array] = (-np.inf, positions)
    i = j = np.zeros(0, dtype=np.int64)
    shift = minimum = np.zeros(0)
    stale = 0
    step = 0
    for step in range(max_steps + 1):
        if not np.abs(positions - reference).max(initial=0.0) < _SKIN_A / (2 * np.sqrt(3)):
            i, j, shift, _ = periodic_pairs(cell, positions, cutoff + _SKIN_A)
            counts = free[i] | free[j]
            if units is not None:
                counts &= (units[i] != units[j]) | (np.abs(shift).sum(axis=1) > _whole(cell))
            i, j, shift = i[counts], j[counts], shift[counts]
            minimum = goal[kinds[i], kinds[j]]
            reference = positions.copy()
        apart = positions[j] + shift - positions[i]
        distance = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        close = distance < minimum
        push = np.zeros_like(positions)
        if confine is not None:
            push += np.where(free[:, None], confine(positions) - positions, 0.0)
        walled = not np.abs(push).max(initial=0.0) < _WALL_A
        if len(distance):
            worst = float((distance[close] / minimum[close]).min(initial=1.0))
            if worst > best[0] + 1e-5 and not walled:
                best, stale = (worst, positions.copy()), 0
            else:
                stale += 1
        if not walled and (not close.any() or best[0] >= _ENOUGH):
            break
        if bodies is not None and rng is not None and stale and stale % 60 == 0 and best[0] < 0.97:
            hooked = close & (distance < 0.97 * minimum)
            positions = bodies.kicked(positions, np.concatenate([i[hooked], j[hooked]]), free, rng)
            continue
        if step == max_steps or stale > (max_steps // 4 if rigid else _PATIENCE):
            break
        a, b = i[close], j[close]
        length = distance[close]
        # two atoms in one place have no direction: any fixed one separates them
        direction = np.where(length[:, None] > 1e-9, apart[close] / np.maximum(length, 1e-9)[:, None], normal)
        missing = minimum[close] - length
        both = free[a] & free[b]
        move = (np.where(both, _PUSH, 2 * _PUSH) * missing)[:, None] * direction
        for axis in range(3):
            push[:, axis] += np.bincount(b, move[:, axis], n) - np.bincount(a, move[:, axis], n)
        push[~free] = 0.0
        if bodies is not None:
            positions = bodies.moved(positions, push, free)
            continue
        # momentum that works against the push is dropped atom by atom, as in FIRE
        velocity[np.einsum("ij,ij->i", velocity, push) < 0] = 0.0
        velocity = _MOMENTUM * velocity + (1.0 - _MOMENTUM) * 1.6 * push
        change = velocity + 0.5 * push
        size = np.sqrt(np.einsum("ij,ij->i", change, change))
        limit = 0.25 * cutoff
        change *= np.minimum(1.0, limit / np.maximum(size, 1e-12))[:, None]
        positions = positions + change
    final = best[1]
    return Packed(final, tightest_ratio(cell, final, kinds, table, units), step)


class _Bodies:
    """Rigid units: pushes on atoms become a shift and a turn of the unit they belong to."""

    def __init__(self, units: Indices, n: int) -> None:
        self.units = units
        self.count = int(units.max()) + 1
        self.size = np.bincount(units, minlength=self.count).astype(float)
        self.n = n
        self._shift = np.zeros((self.count, 3))
        self._turn = np.zeros((self.count, 3))

    def _sum(self, values: Array) -> Array:
        return np.stack([np.bincount(self.units, values[:, k], self.count) for k in range(3)], axis=1)

    def moved(self, positions: Array, push: Array, free: NDArray[np.bool_]) -> Array:
        """Positions after every free unit followed the pushes on its atoms."""
        centre = self._sum(positions) / self.size[:, None]
        arm = positions - centre[self.units]
        pushed = np.bincount(self.units, (np.abs(push).sum(axis=1) > 0).astype(float), self.count)
        frozen = np.bincount(self.units, (~free).astype(float), self.count) > 0
        # a unit held by k contacts moves by their mean, so that it is not thrown across the cell
        shift = self._sum(push) / np.maximum(pushed, 1.0)[:, None]
        inertia = np.bincount(self.units, np.einsum("ij,ij->i", arm, arm), self.count)
        torque = self._sum(np.cross(arm, push))
        turn = torque / np.maximum(inertia, 1e-9)[:, None]
        turn[(inertia < 1e-9) | frozen] = 0.0
        shift[frozen] = 0.0
        # momentum, dropped where it works against the push
        self._shift[np.einsum("ij,ij->i", self._shift, shift) < 0] = 0.0
        self._turn[np.einsum("ij,ij->i", self._turn, turn) < 0] = 0.0
        self._shift = _MOMENTUM * self._shift + 0.25 * shift
        self._turn = _MOMENTUM * self._turn + 0.25 * turn
        shift = self._shift + 0.5 * shift
        turn = self._turn + 0.5 * turn
        length = np.linalg.norm(shift, axis=1)
        shift *= np.minimum(1.0, 0.6 / np.maximum(length, 1e-12))[:, None]
        angle = np.linalg.norm(turn, axis=1)
        turn *= np.minimum(1.0, 0.3 / np.maximum(angle, 1e-12))[:, None]
        matrices = Rotation.from_rotvec(turn).as_matrix()
        turned = np.einsum("nij,nj->ni", matrices[self.units], arm)
        result: Array = (centre + shift)[self.units] + turned
        return result

    def kicked(self, positions: Array, atoms: Indices, free: NDArray[np.bool_], rng: np.random.Generator) -> Array:
        """Positions after the units that some atoms belong to were thrown 3 Å away and turned at random."""
        frozen = np.bincount(self.units, (~free).astype(float), self.count) > 0
        units = np.unique(self.units[atoms])
        units = units[~frozen[units]]
        # every other one is enough to part a pair
        units = units[rng.random(len(units)) < 0.5]
        centre = self._sum(positions) / self.size[:, None]
        moved = positions.copy()
        for unit in units:
            mine = self.units == unit
            turn = Rotation.random(rng=rng)
            moved[mine] = turn.apply(positions[mine] - centre[unit]) + centre[unit] + rng.normal(scale=2.0, size=3)
        self._shift[:] = 0.0
        self._turn[:] = 0.0
        return moved
