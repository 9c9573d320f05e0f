"""Linear least squares for the coefficients: energies, forces and stresses, each in units of the accuracy wanted.

Only the normal equations are kept, one set for each of a few groups of configurations. Leaving one group out gives the
members of a committee and the error by which the damping is chosen, at the price of solving small equations again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from .descriptors import Descriptors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from ...potentials.pod import PodBasis

    Array = NDArray[np.float64]

GROUPS = 4
_QUIET_FORCE_EV_A = 0.5
"""About what atoms feel in a hot solid."""
DAMPINGS = tuple(10.0**power for power in range(-12, -2))


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
        self.matrix += x.T @ x
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


@dataclass(frozen=True)
class Fit:
    """Coefficients and their committee.

    Attributes
    ----------
    coefficients
        Shape (M,); of all configurations.
    committee
        Shape (GROUPS, M); each of all groups but one.
    damping
        Chosen so that each member predicts the group that it has not seen best.
    left_out_error
        Root mean square error of those predictions, in units of the `Accuracy`.
    """

    coefficients: Array
    committee: Array
    damping: float
    left_out_error: float


def reference_energies(configurations: Sequence[Atoms], elements: Sequence[str]) -> Array:
    """Return an energy per element, shape (E,), that takes out of the energies what the composition alone explains.

    Where the composition is always the same the smallest numbers are taken that do.
    """
    counts = np.array([[atoms.symbols.count(symbol) for symbol in elements] for atoms in configurations], dtype=float)
    energies = np.array([atoms.get_potential_energy() for atoms in configurations])
    sizes = counts.sum(axis=1)
    return np.asarray(np.linalg.lstsq(counts / sizes[:, None], energies / sizes, rcond=1e-8)[0], dtype=np.float64)


def weighted_rows(
    design: Array, atoms: Atoms, reference_eV: Array, elements: Sequence[str], accuracy: Accuracy
) -> tuple[Array, Array]:
    """Return rows and values of one configuration, in units of the accuracies.

    Parameters
    ----------
    design
        From `Descriptors.design`, with the stress.
    atoms
        Configuration with energy, forces and stress.
    reference_eV
        Energy per element that is taken out first.
    elements
        Their order.
    accuracy
        What counts the same; all three errors may be larger in proportion where the forces are larger than half an
        eV/Å (root mean square), or random packings would decide the fit.
    """
    from ...units import EV_A3_TO_GPA

    count = len(atoms)
    base = sum(atoms.symbols.count(symbol) * energy for symbol, energy in zip(elements, reference_eV, strict=True))
    values = np.concatenate([[atoms.get_potential_energy() - base], atoms.get_forces().ravel(), atoms.get_stress()])
    scale = np.concatenate(
        [
            [accuracy.energy_eV_atom * count],
            np.full(3 * count, accuracy.force_eV_A),
            np.full(6, accuracy.stress_GPa / EV_A3_TO_GPA),
        ]
    )
    scale *= max(1.0, float(np.sqrt(np.mean(atoms.get_forces() ** 2))) / _QUIET_FORCE_EV_A)
    return design / scale[:, None], values / scale


def fit(
    basis: PodBasis,
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
    with Descriptors(basis, elements) as descriptors:
        for number, atoms in enumerate(configurations):
            x, y = weighted_rows(descriptors.design(atoms), atoms, reference, elements, accuracy)
            if not groups:
                groups = [NormalEquations.empty(x.shape[1]) for _ in range(GROUPS)]
            groups[number % GROUPS].add(x, y)
            if progress:
                progress(number + 1, len(configurations))
    return solve(groups, reference)


def solve(groups: Sequence[NormalEquations], reference_eV: Array) -> Fit:
    """Solve the normal equations of all groups, and of all but one.

    Parameters
    ----------
    groups
        One set a group.
    reference_eV
        Energy per element that was taken out; it goes back into the constants of the one-body part.
    """
    total = groups[0]
    for group in groups[1:]:
        total = total.plus(group)
    scale = np.sqrt(np.maximum(np.diag(total.matrix), 1e-300))
    parts = [total.minus(group) for group in groups]
    solvers = [_Solver(part, scale) for part in parts]
    errors = []
    for damping in DAMPINGS:
        left_out = [group.error(solver(damping)) * group.rows for group, solver in zip(groups, solvers, strict=True)]
        errors.append(sum(left_out) / total.rows)
    best = int(np.argmin(errors))
    damping = DAMPINGS[best]
    constants = np.zeros(len(scale))
    constants[:: len(scale) // len(reference_eV)] = reference_eV
    return Fit(
        coefficients=_Solver(total, scale)(damping) + constants,
        committee=np.array([solver(damping) + constants for solver in solvers]),
        damping=damping,
        left_out_error=float(np.sqrt(errors[best])),
    )


class _Solver:
    """Damped solutions of one set of normal equations, from one decomposition."""

    def __init__(self, equations: NormalEquations, scale: Array) -> None:
        self.scale = scale
        self.values, self.vectors = np.linalg.eigh(equations.matrix / np.outer(scale, scale))
        self.projected = self.vectors.T @ (equations.vector / scale)

    def __call__(self, damping: float) -> Array:
        return np.asarray(self.vectors @ (self.projected / (np.maximum(self.values, 0) + damping)) / self.scale)
