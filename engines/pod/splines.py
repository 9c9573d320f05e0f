"""Splines of the pairs and triplets of a configuration and their derivatives, as rows of a linear fit.

The sums are those of LAMMPS' ``pair_style uf3``: a pair counts from either end, a triplet for the atom in its middle.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.interpolate import BSpline
from scipy.sparse import coo_array, csr_array

from .descriptors import VOIGT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from ...potentials.uf3 import Uf3Basis

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

_BLUNT_A, _PRIOR_REACH_A = 0.5, 3.0
_SIZE_WEIGHT, _CONSTANT_WEIGHT = 0.01, 1e-5
_SCREENING_A, _COULOMB_EV_A = 0.46850, 14.399645


class Splines:
    """What `Descriptors` is for proper orthogonal descriptors.

    Parameters
    ----------
    basis
        The splines.
    elements
        Chemical symbols in the order of the model.
    """

    def __init__(self, basis: Uf3Basis, elements: tuple[str, ...]) -> None:
        self.elements, self.splines = elements, basis.size(elements)
        self.size = self.splines + len(elements)
        self._pairs, self._triplets = basis.pairs(elements), basis.triplets(elements)
        self._cutoff_A, self._inner_A = basis.cutoff_A, basis.inner_A
        self._reach_A = max(triplet.legs[-1] for triplet in self._triplets)

    def __enter__(self) -> Splines:
        return self

    def __exit__(self, *details: object) -> None:
        pass

    def used(self, configurations: Sequence[Atoms]) -> Indices:
        """Return the indices of the coefficients that a fit to these finds: all pairs, and triplets that occur."""
        seen = np.zeros(self.size, dtype=bool)
        seen[: self._triplets[0].first] = True
        for atoms in configurations:
            seen |= self.design(atoms, derivatives=False)[0] != 0
        return np.flatnonzero(seen)

    def prior(self) -> Array:
        """Return the coefficients from which a fit starts, shape (M + E,): pairs repel each other as bare nuclei do.

        J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Solids (1985), as far as 3 Å and
        for either end of the pair the half.
        """
        made = np.zeros(self.size)
        for pair in self._pairs:
            where = np.array([pair.knots[k + 1 : k + 4].mean() for k in range(pair.size)])
            energy = _ziegler_biersack_littmark(pair.elements, np.maximum(where, _BLUNT_A)) / 2
            made[pair.first : pair.first + pair.size] = np.where(where < _PRIOR_REACH_A, energy, 0.0)
        return made

    def penalty(self, used: Indices) -> Array:
        """Return the matrix P of the penalty cᵀ P c on departures c, eV, from the prior: second differences, and size.

        Parameters
        ----------
        used
            Indices of the coefficients that are fitted.
        """
        stencils = [pair.first + np.arange(pair.size - 2)[:, None] + np.arange(3) for pair in self._pairs]
        for triplet in self._triplets:
            for axis in range(3):
                line = np.moveaxis(triplet.columns, axis, 0)
                three = np.stack([line[:-2].ravel(), line[1:-1].ravel(), line[2:].ravel()], axis=1)
                stencils.append(three)
        columns = np.concatenate(stencils)
        values = np.broadcast_to([1.0, -2.0, 1.0], columns.shape)
        row = np.broadcast_to(np.arange(len(columns))[:, None], columns.shape)
        shape = (len(columns), self.size)
        curvature = csr_array(coo_array((values.ravel(), (row.ravel(), columns.ravel())), shape=shape))[:, used]
        size = np.where(used < self.splines, _SIZE_WEIGHT, _CONSTANT_WEIGHT)
        return np.asarray((curvature.T @ curvature).toarray() + np.diag(size))

    def features(self, atoms: Atoms) -> Array:
        """Return the mean over the atoms of all splines, shape (M,)."""
        return self.design(atoms, derivatives=False)[0, : self.splines] / len(atoms)

    def design(self, atoms: Atoms, *, stress: bool = True, derivatives: bool = True) -> Array:
        """Return what the coefficients are multiplied with to give energy, forces and stress.

        Parameters
        ----------
        atoms
            Configuration, periodic in three directions.
        stress
            Whether the six rows of the stress are wanted.
        derivatives
            Whether anything but the row of the energy is.

        Returns
        -------
        ndarray, shape (1 + 3 N + 6, M + E)
            Rows as `Descriptors.design` has them; the last columns are constants of the elements, which LAMMPS' model
            does not have.
        """
        from ase.neighborlist import neighbor_list

        i, j, vector = neighbor_list("ijD", atoms, self._cutoff_A)
        length = np.linalg.norm(vector, axis=1)
        kinds = np.array([self.elements.index(symbol) for symbol in atoms.get_chemical_symbols()])
        rows = np.zeros((self.size, (1 + 3 * len(atoms) + 6) if derivatives else 1))
        rows[self.splines :, 0] = np.bincount(kinds, minlength=len(self.elements))
        for pair in self._pairs:
            one, two = (self.elements.index(symbol) for symbol in pair.elements)
            of_both = np.sort([kinds[i], kinds[j]], axis=0) == np.array(sorted((one, two)))[:, None]
            own = np.flatnonzero(of_both.all(axis=0))
            first, value, slope = cubic(pair.knots, length[own])
            columns = first[:, None] + np.arange(4)
            columns = np.where(columns < pair.size, pair.first + columns, -1)
            _add(rows, columns, value, [(i[own], j[own], slope, vector[own])])
        a, b = _pairs_of_bonds(i, length < self._reach_A)
        across = vector[b] - vector[a]
        opposite = np.linalg.norm(across, axis=1)
        for triplet in self._triplets:
            centre, one, two = (self.elements.index(symbol) for symbol in triplet.elements)
            near = (np.maximum(length[a], length[b]) < triplet.legs[-1]) & (kinds[i[a]] == centre)
            near &= np.minimum(np.minimum(length[a], length[b]), opposite) >= self._inner_A
            straight = near & (kinds[j[a]] == one) & (kinds[j[b]] == two)
            swapped = near & (kinds[j[a]] == two) & (kinds[j[b]] == one) & ~straight
            own = np.flatnonzero(straight | swapped)
            turn = swapped[own]
            left, right = np.where(turn, b[own], a[own]), np.where(turn, a[own], b[own])
            side = across[own] * np.where(turn, -1.0, 1.0)[:, None]
            legs = [cubic(triplet.legs, length[left]), cubic(triplet.legs, length[right])]
            legs.append(cubic(triplet.opposite, opposite[own]))
            columns = _columns(triplet.columns, *(first for first, _, _ in legs))
            bonds = [
                (i[left], j[left], _product(legs, 0), vector[left]),
                (i[left], j[right], _product(legs, 1), vector[right]),
                (j[left], j[right], _product(legs, 2), side),
            ]
            _add(rows, columns, _product(legs, None), bonds)
        if derivatives:
            rows[:, -6:] /= atoms.get_volume()
        return rows.T if stress or not derivatives else rows[:, :-6].T


def _ziegler_biersack_littmark(elements: tuple[str, str], distance_A: Array) -> Array:
    """Return the screened repulsion of two nuclei in eV."""
    from ase.data import atomic_numbers

    one, two = (atomic_numbers[symbol] for symbol in elements)
    x = distance_A * (one**0.23 + two**0.23) / _SCREENING_A
    screening = 0.18175 * np.exp(-3.19980 * x) + 0.50986 * np.exp(-0.94229 * x)
    screening += 0.28022 * np.exp(-0.40290 * x) + 0.02817 * np.exp(-0.20162 * x)
    return np.asarray(_COULOMB_EV_A * one * two / distance_A * screening)


def cubic(knots: Array, x: Array) -> tuple[Indices, Array, Array]:
    """Return the index of the first of the four splines that do not vanish at x, their values and slopes (n, 4)."""
    first = np.clip(np.searchsorted(knots, x, side="right") - 4, 0, len(knots) - 8)
    pieces = _pieces(tuple(knots))[first]  # (n, 4 splines, 4 powers)
    u = x - knots[first + 3]
    powers = u[:, None] ** np.arange(4)
    slopes = np.concatenate([np.zeros((len(x), 1)), powers[:, :3] * np.arange(1, 4)], axis=1)
    return first, np.einsum("nkp,np->nk", pieces, powers), np.einsum("nkp,np->nk", pieces, slopes)


@cache
def _pieces(knots: tuple[float, ...]) -> Array:
    """Return the polynomial of each spline in each interval, shape (intervals, 4, 4), lowest power first."""
    count = len(knots) - 4
    whole = BSpline(knots, np.eye(count), 3)
    starts = knots[3:count]
    made = np.array([whole(starts, nu) / (1, 1, 2, 6)[nu] for nu in range(4)])  # (powers, intervals, splines)
    return np.stack([made[:, k, k : k + 4].T for k in range(len(starts))])


def _pairs_of_bonds(i: Indices, near: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Return the indices of two bonds of the same atom, each two once."""
    short = np.flatnonzero(near)
    groups = np.split(short, np.flatnonzero(np.diff(i[short])) + 1)
    found = [(group[one], group[two]) for group in groups for one, two in [np.triu_indices(len(group), 1)]]
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


def _columns(columns: Indices, first: Indices, second: Indices, third: Indices) -> Indices:
    """Return the coefficient of each of the 64 products, shape (n, 64), −1 for those that are always zero."""
    padded = np.pad(columns, ((0, 3), (0, 3), (0, 0)), constant_values=-1)
    four = np.arange(4)
    one, two, three = first[:, None, None, None], second[:, None, None, None], third[:, None, None, None]
    found = padded[one + four[:, None, None], two + four[:, None], three + four]
    return np.asarray(found.reshape(len(first), 64))


def _product(legs: list[tuple[Indices, Array, Array]], slope: int | None) -> Array:
    """Return the products of one spline of each distance, shape (n, 64); of one distance the slope."""
    parts = [slopes if number == slope else values for number, (_, values, slopes) in enumerate(legs)]
    return np.asarray(np.einsum("na,nb,nc->nabc", *parts).reshape(len(parts[0]), 64))


def _add(rows: Array, columns: Indices, values: Array, bonds: list[tuple[Indices, Indices, Array, Array]]) -> None:
    """Add terms of the energy, with their derivatives where there is room for them.

    Parameters
    ----------
    rows
        Shape (M, 1 + 3 N + 6), or (M, 1) for the energy alone.
    columns, values
        Coefficient and value of each product of splines, shape (n, K); a column −1 stands for one that is zero.
    bonds
        Atoms that a distance goes from and to, the slopes by its length, shape (n, K), and its vector.
    """
    if rows.shape[1] == 1:
        np.add.at(rows[:, 0], columns[columns >= 0], values[columns >= 0])
        return
    ends = np.array([(start, end) for start, end, _, _ in bonds])
    slopes = np.array([slope for _, _, slope, _ in bonds])
    vectors = np.array([vector for *_, vector in bonds])
    _add_derivatives(rows, columns, values, ends, slopes, vectors, np.array(VOIGT))


@njit(cache=True)
def _add_derivatives(rows, columns, values, ends, slopes, vectors, voigt):  # type: ignore[no-untyped-def]  # numba infers the types
    """Do the work of `_add`; `ends` has shape (B, 2, n), `slopes` (B, n, K), `vectors` (B, n, 3)."""
    virial = rows.shape[1] - 6
    for term in range(columns.shape[0]):
        for k in range(columns.shape[1]):
            column = columns[term, k]
            if column < 0:
                continue
            row = rows[column]
            row[0] += values[term, k]
            for bond in range(ends.shape[0]):
                vector = vectors[bond, term]
                slope = slopes[bond, term, k] / np.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
                start, end = 1 + 3 * ends[bond, 0, term], 1 + 3 * ends[bond, 1, term]
                for axis in range(3):
                    row[start + axis] += slope * vector[axis]
                    row[end + axis] -= slope * vector[axis]
                for number in range(6):
                    row[virial + number] += slope * vector[voigt[number, 0]] * vector[voigt[number, 1]]
