"""Linear least squares for the coefficients: energies, forces and stresses, each in units of the accuracy wanted.

Only the normal equations are kept, one set for each of a few groups of configurations. Leaving one group out gives the
members of a committee and the error by which the damping is chosen, at the price of solving small equations again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import dsyrk

from ...errors import InputError
from ...potentials.pod import PodBasis
from ...potentials.uf3 import Uf3Basis
from .descriptors import Descriptors
from .splines import Splines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Basis = PodBasis | Uf3Basis

GROUPS = 4
_QUIET_FORCE_EV_A = 0.5
"""About what atoms feel in a hot solid."""
DAMPINGS = tuple(10.0**power for power in range(-9, -2))
SPLINE_DAMPINGS = (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Accuracy:
    """Errors that count the same in a fit.

    Attributes
    ----------
    energy_eV_atom, force_eV_A, stress_GPa
        Of the energy per atom, of a component of a force, and of a component of the stress.
    """

    energy_eV_atom: float = 0.002
    force_eV_A: float = 0.05
    stress_GPa: float = 0.1


@dataclass
class NormalEquations:
    """Sums over rows x with values y: x xᵀ, x y, y².

    Attributes
    ----------
    matrix
        Shape (M, M).
    vector
        Shape (M,).
    square
        Sum of y².
    rows
        Number of rows.
    """

    matrix: Array
    vector: Array
    square: float
    rows: int

    @classmethod
    def empty(cls, size: int) -> NormalEquations:
        """Return sums over nothing for `size` coefficients."""
        return cls(np.zeros((size, size)), np.zeros(size), 0.0, 0)

    def add(self, x: Array, y: Array) -> None:
        """Add rows, shapes (R, M) and (R,)."""
        self.matrix += _gram(x)
        self.vector += x.T @ y
        self.square += float(y @ y)
        self.rows += len(y)

    def plus(self, other: NormalEquations) -> NormalEquations:
        """Return the sums over the rows of both."""
        return NormalEquations(
            self.matrix + other.matrix, self.vector + other.vector, self.square + other.square, self.rows + other.rows
        )

    def minus(self, other: NormalEquations) -> NormalEquations:
        """Return the sums over the rows of this one without those of `other`."""
        return NormalEquations(
            self.matrix - other.matrix, self.vector - other.vector, self.square - other.square, self.rows - other.rows
        )

    def error(self, coefficients: Array) -> float:
        """Return the mean squared error of the rows."""
        rest = self.square - 2 * coefficients @ self.vector + coefficients @ self.matrix @ coefficients
        return max(0.0, float(rest)) / self.rows


def _gram(x: Array) -> Array:
    """Return xᵀ x, at half the price of a product that does not know that it is symmetric."""
    half = dsyrk(1.0, np.asfortranarray(x), trans=1)
    return np.asarray(half + np.triu(half, 1).T)


@dataclass(frozen=True)
class Fit:
    """Coefficients and their committee.

    Attributes
    ----------
    coefficients
        Shape (M,); of all configurations.
    committee
        Shape (GROUPS, M); each of all groups but one.
    reference_eV
        Shape (E,); energy of each element that the coefficients leave out.
    damping
        Chosen so that each member predicts the group that it has not seen best.
    left_out_error
        Root mean square error of those predictions, in units of the `Accuracy`.
    """

    coefficients: Array
    committee: Array
    reference_eV: Array
    damping: float
    left_out_error: float


def describer(basis: Basis, elements: tuple[str, ...]) -> Descriptors | Splines:
    """Return what turns configurations into the rows of a fit."""
    return Splines(basis, elements) if isinstance(basis, Uf3Basis) else Descriptors(basis, elements)


def reference_energies(configurations: Sequence[Atoms], elements: Sequence[str]) -> Array:
    """Return an energy per element, shape (E,), that takes out of the energies what the composition alone explains.

    Where the composition is always the same the smallest numbers are taken that do.
    """
    counts = np.array([[atoms.symbols.count(symbol) for symbol in elements] for atoms in configurations], dtype=float)
    energies = np.array([atoms.get_potential_energy() for atoms in configurations])
    sizes = counts.sum(axis=1)
    return np.asarray(np.linalg.lstsq(counts / sizes[:, None], energies / sizes, rcond=1e-8)[0], dtype=np.float64)


def labels_of(atoms: Atoms, reference_eV: Array, elements: Sequence[str]) -> Array:
    """Return energy without the references, forces and stress, shape (1 + 3 N + 6,)."""
    base = sum(atoms.symbols.count(symbol) * energy for symbol, energy in zip(elements, reference_eV, strict=True))
    return np.concatenate([[atoms.get_potential_energy() - base], atoms.get_forces().ravel(), atoms.get_stress()])


def units_of(atoms: Atoms, accuracy: Accuracy) -> Array:
    """Return the error of each label that counts as one.

    All three may be larger in proportion where the forces are larger than half an eV/Å (root mean square), or random
    packings would decide the fit.
    """
    from ...units import EV_A3_TO_GPA

    count = len(atoms)
    scale = np.concatenate(
        [
            [accuracy.energy_eV_atom * count],
            np.full(3 * count, accuracy.force_eV_A),
            np.full(6, accuracy.stress_GPa / EV_A3_TO_GPA),
        ]
    )
    return scale * max(1.0, float(np.sqrt(np.mean(atoms.get_forces() ** 2))) / _QUIET_FORCE_EV_A)


def fit(
    basis: Basis,
    elements: tuple[str, ...],
    configurations: Sequence[Atoms],
    accuracy: Accuracy,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Fit the coefficients to labelled configurations.

    Parameters
    ----------
    basis, elements
        The model.
    configurations
        With energy, forces and stress. Number i belongs to group i modulo `GROUPS`.
    accuracy
        Weights.
    progress
        Called with the configurations done and their number.

    Raises
    ------
    InputError
        If there are too few configurations for the groups.
    """
    if len(configurations) < 2 * GROUPS:
        raise InputError(f"{len(configurations)} configurations are too few for a fit", where="sampling")
    reference = reference_energies(configurations, elements)
    groups: list[NormalEquations] = []
    with describer(basis, elements) as rows:
        start = _start(rows, configurations)
        for number, atoms in enumerate(configurations):
            x, y, scale = rows.design(atoms), labels_of(atoms, reference, elements), units_of(atoms, accuracy)
            y = y - x @ start.prior
            dense = x[:, start.used] / scale[:, None]
            if not groups:
                groups = [NormalEquations.empty(dense.shape[1]) for _ in range(GROUPS)]
            groups[number % GROUPS].add(dense, y / scale)
            if progress:
                progress(number + 1, len(configurations))
    found = solve(groups, start.dampings, start.penalty)

    def whole(own: Array) -> Array:
        made = start.prior.copy()
        made[start.used] += own
        return made

    coefficients, members = whole(found.coefficients), np.array([whole(member) for member in found.committee])
    if isinstance(basis, PodBasis):  # its first coefficient of each element is a constant
        members[:, :: len(coefficients) // len(elements)] += reference
        coefficients[:: len(coefficients) // len(elements)] += reference
        reference = np.zeros(len(elements))
    else:  # the last ones are
        reference = reference + coefficients[-len(elements) :]
        coefficients, members = coefficients[: -len(elements)], members[:, : -len(elements)]
    return Fit(coefficients, members, reference, found.damping, found.left_out_error)


@dataclass(frozen=True)
class _Start:
    """Where a fit starts from: what it departs from, which coefficients it finds, and what departures cost."""

    prior: Array
    used: NDArray[np.int64]
    penalty: Array | None
    dampings: tuple[float, ...]


def _start(rows: Descriptors | Splines, configurations: Sequence[Atoms]) -> _Start:
    if isinstance(rows, Splines):
        used = rows.used(configurations)
        return _Start(rows.prior(), used, rows.penalty(used), SPLINE_DAMPINGS)
    size = rows.design(configurations[0], stress=False).shape[1]
    return _Start(np.zeros(size), np.arange(size), None, DAMPINGS)


def solve(groups: Sequence[NormalEquations], dampings: Sequence[float], penalty: Array | None = None) -> Fit:
    """Solve the normal equations of all groups, and of all but one.

    Parameters
    ----------
    groups
        One set a group.
    dampings
        What the penalty is multiplied with; the best is taken.
    penalty
        Matrix P of the penalty cᵀ P c on coefficients c, shape (M, M). By default each coefficient counts in units of
        what one standard deviation of its column would ask for.

    Returns
    -------
    Fit
        Without references.

    Raises
    ------
    InputError
        If no damping makes the equations solvable.
    """
    total = groups[0]
    for group in groups[1:]:
        total = total.plus(group)
    if penalty is None:
        penalty = np.diag(np.maximum(np.diag(total.matrix), 1e-300))
    tried = []
    for damping in dampings:
        try:
            members = [_solution(total.minus(group), damping * penalty) for group in groups]
        except LinAlgError:
            continue
        left_out = [group.error(member) * group.rows for group, member in zip(groups, members, strict=True)]
        tried.append((sum(left_out) / total.rows, damping, members))
    if not tried:
        raise InputError("the fit has no solution: the configurations are too few or all alike", where="sampling")
    error, damping, members = min(tried, key=lambda one: one[0])
    return Fit(_solution(total, damping * penalty), np.array(members), np.zeros(0), damping, float(np.sqrt(error)))


def _solution(equations: NormalEquations, penalty: Array) -> Array:
    """Return the damped solution, with every diagonal element scaled to one before."""
    matrix = equations.matrix + penalty
    scale = np.sqrt(np.diag(matrix))
    factor = cho_factor(matrix / np.outer(scale, scale), overwrite_a=True)
    return np.asarray(cho_solve(factor, equations.vector / scale) / scale, dtype=np.float64)
