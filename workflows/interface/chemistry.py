"""What reacts at an interface, frame by frame: bonds lost and made, PS4 units, anions that only lithium holds.

Bonds have a memory: one is there from where it is as short as a bond, and is lost where it is much longer. In
between it stays what it was, so that a vibration neither breaks nor makes any.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from ...analysis.structure.clusters import CRYSTAL_COORDINATION, anion_environments, join_clusters
from ...analysis.structure.neighbours import bond_cutoff, bonds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Bond = tuple[int, ...]

LITHIUM = "Li"
STRETCH = 1.2
"""A bond is lost when it is this much longer than the longest that is made; vibrations stay below."""
_THIOPHOSPHATE = (("P", "S"), ("P", "P"))


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

    A bond is made within 1.25 times the sum of covalent radii and lost beyond 1.5 times.

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
    limit = {pair: bond_cutoff(*pair) for pair in (*pairs, *((b, a) for a, b in pairs))}
    anions = [name for name in elements if name in CRYSTAL_COORDINATION and LITHIUM in names]
    lost = {_pair(a, b): np.zeros(frames) for a, b in pairs}
    made = {pair: np.zeros(frames) for pair in lost}
    like: dict[str, list[int]] = {CRYSTAL_COORDINATION[anion][0]: [] for anion in anions}
    free: dict[str, list[int]] = {salt: [] for salt in like}
    units: list[int] = []
    start: set[Bond] = set()
    almost: set[Bond] = set()  # between both lengths since the first frame: not new when they get short
    held: set[Bond] = set()
    for frame in range(frames):
        near = _near(positions[frame], cells[frame], species, pairs, limit)
        held = {bond for bond, short in near.items() if short or bond in held}
        if frame == 0:
            start, almost = held, near.keys() - held
        almost &= near.keys()
        for counts, difference in ((lost, start - held), (made, held - start - almost)):
            for one, other, *_ in difference:
                counts[_pair(names[one], names[other])][frame] += 1
        ends = np.array([bond[:2] for bond in held], dtype=np.int64).reshape(-1, 2)
        bonded = np.zeros(len(names), dtype=bool)
        bonded[ends] = True
        for anion in anions:
            found = anion_environments(positions[frame], cells[frame], species, anion, bonded=bonded)
            like[found.salt].append(found.salt_like)
            free[found.salt].append(found.salt_like + found.other)
        if {"P", "S"} <= set(elements):
            units.append(join_clusters(species, _THIOPHOSPHATE, ends[:, 0], ends[:, 1]).count().get("PS4", 0))
    at_start = {pair: sum(_pair(names[bond[0]], names[bond[1]]) == pair for bond in start) for pair in lost}
    return Chemistry(
        np.asarray(time_ps, dtype=float),
        {pair: values for pair, values in lost.items() if values.any()},
        {pair: values for pair, values in made.items() if values.any()},
        {pair: count for pair, count in at_start.items() if count},
        np.array(units, dtype=float) if units else None,
        {salt: np.array(values, dtype=float) for salt, values in like.items()},
        {salt: np.array(values, dtype=float) for salt, values in free.items()},
    )


def _pair(one: str, other: str) -> str:
    return "-".join(sorted((str(one), str(other))))


def _near(
    positions: Array,
    cell: Array,
    species: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    limit: Mapping[tuple[str, str], float],
) -> dict[Bond, bool]:
    """Return the pairs that a bond may still join, each once, and whether one is made at their distance."""
    if not pairs:
        return {}
    longest = {pair: STRETCH * limit[pair] for pair in pairs}
    found = bonds(positions, cell, species, pairs, cutoffs_A=longest)
    near: dict[Bond, bool] = {}
    rows = zip(found.first.tolist(), found.second.tolist(), found.image.tolist(), found.distance_A, strict=True)
    for one, other, image, distance in rows:
        if one < other:
            near[one, other, *image] = bool(distance <= limit[species[one], species[other]])
    return near
