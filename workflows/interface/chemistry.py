"""What reacts at an interface, frame by frame: bonds lost and made, PS4 units, anions that only lithium holds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from ...analysis.structure.clusters import CRYSTAL_COORDINATION, anion_environments, thiophosphate_units
from ...analysis.structure.neighbours import bond_cutoff, bonds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LITHIUM = "Li"
STRETCH = 1.2
"""A bond is lost when it is this much longer than the longest bond; vibrations stay below."""


@dataclass(frozen=True)
class Chemistry:
    """Counts in successive frames.

    Attributes
    ----------
    time_ps
        Since the sides met, shape ``(F,)``.
    lost, made
        By pair of elements such as ``P-S``, shape ``(F,)`` each: bonds of the first frame that are no more, and bonds
        that were not there. Pairs with lithium are left out, and so are pairs that never change.
    at_start
        Bonds of the first frame by pair.
    units
        Thiophosphate units PS4; None where there is no phosphorus with sulfur.
    salt_like
        By salt: anions that only lithium surrounds, as many as in the salt's crystal.
    free_anions
        By salt: anions without any bond to another element, whatever their lithium.
    """

    time_ps: Array
    lost: dict[str, Array]
    made: dict[str, Array]
    at_start: dict[str, int]
    units: Array | None
    salt_like: dict[str, Array]
    free_anions: dict[str, Array]

    @property
    def broken(self) -> Array:
        """Lost bonds between different elements, shape ``(F,)``."""
        return self._unlike(self.lost)

    @property
    def new(self) -> Array:
        """Made bonds between different elements, shape ``(F,)``."""
        return self._unlike(self.made)

    @property
    def unlike_at_start(self) -> int:
        """Bonds between different elements in the first frame."""
        return sum(count for pair, count in self.at_start.items() if len(set(pair.split("-"))) == 2)

    def _unlike(self, counts: dict[str, Array]) -> Array:
        total = np.zeros(len(self.time_ps))
        for pair, values in counts.items():
            if len(set(pair.split("-"))) == 2:
                total = total + values
        return total

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {
            "time_ps": self.time_ps.tolist(),
            "lost": {pair: values.tolist() for pair, values in self.lost.items()},
            "made": {pair: values.tolist() for pair, values in self.made.items()},
            "at_start": self.at_start,
            "units": None if self.units is None else self.units.tolist(),
            "salt_like": {salt: values.tolist() for salt, values in self.salt_like.items()},
            "free_anions": {salt: values.tolist() for salt, values in self.free_anions.items()},
        }


def follow_chemistry(positions: Array, cells: Array, species: Sequence[str], time_ps: Array) -> Chemistry:
    """Count bonds and environments in each frame against the first.

    Parameters
    ----------
    positions
        Unwrapped, shape ``(F, N, 3)``, in Å.
    cells
        Shape ``(F, 3, 3)``, in Å.
    species
        Element of each atom.
    time_ps
        Shape ``(F,)``.
    """
    names = np.asarray(species)
    elements = sorted(set(species) - {LITHIUM})
    pairs = list(combinations_with_replacement(elements, 2))
    frames = len(positions)
    start = _bonded(positions[0], cells[0], species, pairs, STRETCH)
    bonded = _bonded(positions[0], cells[0], species, pairs, 1.0)
    known = {tuple(row) for row in start}
    first, second, image = bonded[:, 0], bonded[:, 1], bonded[:, 2:]
    limit = np.array([STRETCH * bond_cutoff(names[a], names[b]) for a, b in zip(first, second, strict=True)])
    label = np.array([_pair(names[a], names[b]) for a, b in zip(first, second, strict=True)])
    lost = {_pair(a, b): np.zeros(frames) for a, b in pairs}
    made = {pair: np.zeros(frames) for pair in lost}
    for frame in range(frames):
        apart = positions[frame][second] + image @ cells[frame] - positions[frame][first]
        gone = np.linalg.norm(apart, axis=1) > limit
        for pair in set(label[gone].tolist()):
            lost[pair][frame] = int((label[gone] == pair).sum())
        for row in _bonded(positions[frame], cells[frame], species, pairs, 1.0):
            if tuple(row) not in known:
                made[_pair(names[row[0]], names[row[1]])][frame] += 1
    anions = [name for name in elements if name in CRYSTAL_COORDINATION and LITHIUM in names]
    like: dict[str, list[int]] = {CRYSTAL_COORDINATION[anion][0]: [] for anion in anions}
    free: dict[str, list[int]] = {salt: [] for salt in like}
    units: list[int] = []
    for frame in range(frames):
        for anion in anions:
            found = anion_environments(positions[frame], cells[frame], species, anion)
            like[found.salt].append(found.salt_like)
            free[found.salt].append(found.salt_like + found.other)
        if {"P", "S"} <= set(elements):
            units.append(thiophosphate_units(positions[frame], cells[frame], species).get("PS4", 0))
    return Chemistry(
        np.asarray(time_ps, dtype=float),
        {pair: values for pair, values in lost.items() if values.any()},
        {pair: values for pair, values in made.items() if values.any()},
        {pair: int((label == pair).sum()) for pair in lost if (label == pair).any()},
        np.array(units, dtype=float) if units else None,
        {salt: np.array(values, dtype=float) for salt, values in like.items()},
        {salt: np.array(values, dtype=float) for salt, values in free.items()},
    )


def _pair(one: str, other: str) -> str:
    return "-".join(sorted((str(one), str(other))))


def _bonded(
    positions: Array, cell: Array, species: Sequence[str], pairs: Sequence[tuple[str, str]], stretch: float
) -> NDArray[np.int64]:
    """Return the bonds, each once: both atoms and the box vectors to the second, shape ``(B, 5)``."""
    if not pairs:
        return np.zeros((0, 5), dtype=np.int64)
    longest = {pair: stretch * bond_cutoff(*pair) for pair in pairs}
    found = bonds(positions, cell, species, pairs, cutoffs_A=longest)
    rows = np.column_stack([found.first, found.second, found.image]).astype(np.int64)
    return rows[found.first < found.second]
