"""How two slabs sit on each other: how near they can come, and which in-plane shift suits them best.

Without an energy model the best shift is chosen by a proxy: Lennard-Jones contacts with their minimum at the contact
distance, and damped, shifted Coulomb sums of formal charges (Fennell and Gezelter, J. Chem. Phys. 124 (2006)
234104) where they are known. It ranks shifts; its values are not energies of adhesion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erfc

from .distances import contact_distance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

_WELL_EV = 0.1
_COULOMB_EV_A = 14.399645
_DAMPING_PER_A = 0.2
_CUTOFF_A = 7.0
_DEPTH_A = 5.5  # how deep below a face atoms still matter


@dataclass(frozen=True)
class Face:
    """Atoms that meet another slab.

    Attributes
    ----------
    positions
        Cartesian in Å, shape (N, 3), the normal along z.
    symbols
        Elements.
    charges
        Formal charge of each element, empty where not known.
    """

    positions: Array
    symbols: Sequence[str]
    charges: Mapping[str, float]


@dataclass(frozen=True)
class Registry:
    """Outcome of a search over in-plane shifts.

    Attributes
    ----------
    shifts
        Cartesian shifts of the upper slab, shape (S, 2), in Å.
    heights
        What to add to the upper slab's z so that the nearest pair just touches, shape (S,), in Å.
    energies
        Proxy per area, shape (S,), in eV/Å².
    best
        Index of the lowest energy.
    """

    shifts: Array
    heights: Array
    energies: Array
    best: int


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a lower and an upper atom that come within the cutoff at a shift of up to ``reach``.

    ``x`` and ``y`` are in-plane distances without shift, ``drop`` the height of the lower atom above the upper one.
    """

    reach: float
    x: Array
    y: Array
    drop: Array
    sigma: Array
    qq: Array


class Contact:
    """Two faces over each other in a periodic plane, for any shift of the upper one.

    Parameters
    ----------
    plane
        Periodic vectors as rows, shape (2, 2), in Å.
    lower, upper
        The two slabs; only atoms near the facing sides take part.
    """

    def __init__(self, plane: ArrayLike, lower: Face, upper: Face) -> None:
        self.plane = np.asarray(plane, dtype=float)
        self.area = abs(float(np.linalg.det(self.plane)))
        self._inverse = np.linalg.inv(self.plane)
        below, above = np.asarray(lower.positions), np.asarray(upper.positions)
        top, bottom = below[:, 2].max(), above[:, 2].min()
        keep = below[:, 2] > top - _DEPTH_A
        other = above[:, 2] < bottom + _DEPTH_A
        self._below, self._above = below[keep], above[other]
        elements = sorted({*lower.symbols, *upper.symbols})
        table = np.array([[contact_distance(a, b, elements=elements) for b in elements] for a in elements])
        first = np.array([elements.index(s) for s in lower.symbols])[keep]
        second = np.array([elements.index(s) for s in upper.symbols])[other]
        self._sigma = table[first[:, None], second[None, :]]
        if lower.charges and upper.charges:
            q1 = np.array([lower.charges.get(s, 0.0) for s in lower.symbols])[keep]
            q2 = np.array([upper.charges.get(s, 0.0) for s in upper.symbols])[other]
            self._qq = q1[:, None] * q2[None, :]
        else:
            self._qq = np.zeros_like(self._sigma)
        self._found: _Pairs | None = None

    def _pairs(self, shift: ArrayLike) -> tuple[Array, _Pairs]:
        """Squared in-plane distances at a shift of the pairs that can come within the cutoff, and those pairs."""
        wanted = np.asarray(shift, dtype=float)
        wanted = wanted - np.rint(wanted @ self._inverse) @ self.plane
        size = float(np.linalg.norm(wanted))
        if self._found is None or size > self._found.reach:
            self._found = self._near(max(1.2 * size, 2.0))
        found = self._found
        x, y = found.x + wanted[0], found.y + wanted[1]
        return x * x + y * y, found

    def _near(self, reach: float) -> _Pairs:
        apart = self._above[None, :, :2] - self._below[:, None, :2]
        apart = apart - np.rint(apart @ self._inverse) @ self.plane
        # a plane needs only so many images for the cutoff
        widths = self.area / np.linalg.norm(self.plane[::-1], axis=1)
        counts = [int(np.ceil((_CUTOFF_A + reach) / w)) for w in widths]
        blocks = []
        for a in range(-counts[0], counts[0] + 1):
            for b in range(-counts[1], counts[1] + 1):
                x, y = (apart[:, :, k] + a * self.plane[0, k] + b * self.plane[1, k] for k in (0, 1))
                first, second = np.nonzero(x * x + y * y < (_CUTOFF_A + reach) ** 2)
                blocks.append((x[first, second], y[first, second], first, second))
        x, y, first, second = (np.concatenate(column) for column in zip(*blocks, strict=True))
        drop = self._below[first, 2] - self._above[second, 2]
        return _Pairs(reach, x, y, drop, self._sigma[first, second], self._qq[first, second])

    def height(self, shift: ArrayLike = (0.0, 0.0)) -> float:
        """Find how far to raise the upper slab so that no pair is nearer than its contact distance.

        Parameters
        ----------
        shift
            In-plane shift of the upper slab, shape (2,), in Å.

        Returns
        -------
        float
            To be added to the z of the upper slab, in Å.
        """
        return self._height(*self._pairs(shift))

    def _height(self, lateral: Array, pairs: _Pairs) -> float:
        room = pairs.sigma**2 - lateral
        over = room > 0
        # slabs without any pair above each other still must not pass through one another
        if not over.any():
            return float(self._below[:, 2].max() - self._above[:, 2].min())
        return float((np.sqrt(room[over]) + pairs.drop[over]).max())

    def energy(self, shift: ArrayLike, height: float | None = None) -> tuple[float, float]:
        """Compute the proxy at a shift.

        Parameters
        ----------
        shift
            In-plane shift of the upper slab, shape (2,), in Å.
        height
            Rise of the upper slab in Å; that of touching if None.

        Returns
        -------
        energy : float
            eV/Å².
        height : float
            The rise used, in Å.
        """
        lateral, pairs = self._pairs(shift)
        rise = self._height(lateral, pairs) if height is None else height
        squared = lateral + (rise - pairs.drop) ** 2
        near = squared < _CUTOFF_A**2
        sigma, qq = pairs.sigma[near], pairs.qq[near]
        distance = np.sqrt(np.maximum(squared[near], 0.25))
        ratio = (sigma / distance) ** 6
        total = float((_WELL_EV * (ratio * ratio - 2.0 * ratio)).sum())
        if qq.any():
            total += _COULOMB_EV_A * float((qq * _damped(distance)).sum())
        return total / self.area, rise


def _damped(distance: Array) -> Array:
    """Damped, shifted 1/r whose value and slope vanish at the cutoff."""
    a, rc = _DAMPING_PER_A, _CUTOFF_A
    at_cut = float(erfc(a * rc)) / rc
    slope = at_cut / rc + 2 * a / np.sqrt(np.pi) * np.exp(-((a * rc) ** 2)) / rc
    return np.asarray(erfc(a * distance) / distance - at_cut + slope * (distance - rc))


def search_registry(
    contacts: Sequence[Contact], cell: ArrayLike, *, spacing_A: float = 0.5, limit: int = 100
) -> Registry:
    """Try shifts of the upper slab over a cell on a regular grid.

    Parameters
    ----------
    contacts
        The contact, and for a sandwich also the one through the periodic border; the second is entered with the
        opposite shift.
    cell
        Cell of distinct shifts as rows, shape (2, 2), in Å.
    spacing_A
        Distance between grid points in Å.
    limit
        Largest number of shifts; the grid is coarsened to it.

    Returns
    -------
    Registry
    """
    vectors = np.asarray(cell, dtype=float)
    counts = np.maximum(np.ceil(np.linalg.norm(vectors, axis=1) / spacing_A).astype(int), 1)
    while counts.prod() > limit:
        counts = np.maximum(counts - (counts == counts.max()), 1)
    grid = np.array([(i / counts[0], j / counts[1]) for i in range(counts[0]) for j in range(counts[1])]) @ vectors
    heights, energies = np.zeros(len(grid)), np.zeros(len(grid))
    for k, shift in enumerate(grid):
        energies[k], heights[k] = contacts[0].energy(shift)
        for back in contacts[1:]:
            energies[k] += back.energy(-shift)[0]
    return Registry(grid, heights, energies, int(np.argmin(energies)))


def distinct_shifts(registry: Registry, cell: ArrayLike, count: int, *, apart_A: float = 1.0) -> list[Array]:
    """Return the best shifts of a search that differ by more than a distance, the best first.

    Parameters
    ----------
    registry
        Of `search_registry`.
    cell
        Cell of distinct shifts as rows, shape (2, 2), in Å; shifts that differ by its vectors are one.
    count
        Largest number of shifts.
    apart_A
        Least distance between two of them in Å.
    """
    vectors = np.asarray(cell, dtype=float)
    inverse = np.linalg.inv(vectors)
    chosen: list[Array] = []
    for index in np.argsort(registry.energies, kind="stable"):
        one = registry.shifts[index]
        apart = [(one - other) @ inverse for other in chosen]
        if all(np.linalg.norm((part - np.rint(part)) @ vectors) >= apart_A for part in apart):
            chosen.append(one)
        if len(chosen) == count:
            break
    return chosen
