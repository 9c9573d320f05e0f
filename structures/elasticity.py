"""Elastic constants of a crystal: cells strained a little, the stiffness that fits their stresses, averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymatgen.core import Structure

FloatArray = NDArray[np.float64]
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Places in a tensor of the components xx, yy, zz, yz, xz, xy."""
_EQUAL = {
    "cubic": {"C22": "C11", "C33": "C11", "C13": "C12", "C23": "C12", "C55": "C44", "C66": "C44"},
    "hexagonal": {"C22": "C11", "C23": "C13", "C55": "C44"},
    "tetragonal": {"C22": "C11", "C23": "C13", "C55": "C44"},
}
INDEPENDENT = {
    "cubic": ("C11", "C12", "C44"),
    "hexagonal": ("C11", "C12", "C13", "C33", "C44"),
    "tetragonal": ("C11", "C12", "C13", "C33", "C44", "C66"),
}
"""Elastic constants that a crystal system leaves free, its main axis along z (tetragonal: Laue class 4/mmm)."""


@dataclass(frozen=True)
class ElasticConstants:
    """Elastic constants in Voigt's order xx, yy, zz, yz, xz, xy.

    Attributes
    ----------
    stiffness_GPa, error_GPa
        Shape ``(6, 6)``, symmetric; standard errors from the scatter of the fit, NaN where it leaves none.
    bulk, shear, young, poisson
        Averages of Voigt and Reuss after Hill.
    stable
        Whether all eigenvalues are positive (Born).
    """

    stiffness_GPa: FloatArray
    error_GPa: FloatArray
    bulk: Quantity
    shear: Quantity
    young: Quantity
    poisson: Quantity
    stable: bool


def elastic_constants(strain: FloatArray, stress_GPa: FloatArray, *, source: str = "") -> ElasticConstants:
    """Return the stiffness tensor that maps small strains to stresses, by least squares over all cells.

    A constant stress (that of the unstrained cell) is fitted along. Averages after R. Hill, Proc. Phys.
    Soc. A 65 (1952) 349; stability after M. Born (positive eigenvalues).

    Parameters
    ----------
    strain
        Shape ``(n, 6)``, Voigt's order with engineering shear (γ = 2ε), below a few per cent.
    stress_GPa
        Shape ``(n, 6)``, Voigt's order, tension positive.
    source
        For the quantities.

    Raises
    ------
    InputError
        If the strains do not reach all six directions.
    """
    strains, stresses = np.asarray(strain, dtype=float), np.asarray(stress_GPa, dtype=float)
    if strains.shape != stresses.shape or strains.ndim != 2 or strains.shape[1] != 6:
        raise InputError(
            f"strains {strains.shape} and stresses {stresses.shape}", where=source, remedy="Give (n, 6) each."
        )
    if not (np.isfinite(strains).all() and np.isfinite(stresses).all()):
        raise InputError("a strain or stress is not a number", where=source)
    rows, columns = np.triu_indices(6)
    index = np.zeros((6, 6), dtype=int)
    index[rows, columns] = index[columns, rows] = np.arange(21)
    n = len(strains)
    design = np.zeros((n, 6, 27))
    for i in range(6):
        for j in range(6):
            design[:, i, index[i, j]] += strains[:, j]
        design[:, i, 21 + i] = 1.0
    matrix, right = design.reshape(6 * n, 27), stresses.ravel()
    if np.linalg.matrix_rank(matrix, tol=1e-8) < 27:
        raise InputError(
            "the strains do not determine all elastic constants",
            where=source,
            remedy="Strain each of the six components both ways.",
        )
    solution, _, _, _ = np.linalg.lstsq(matrix, right, rcond=None)
    stiffness = solution[index]
    free = len(right) - 27
    error: FloatArray = np.full((6, 6), np.nan)
    covariance: FloatArray = np.zeros((27, 27))
    if free > 0:
        variance = float(((right - matrix @ solution) ** 2).sum() / free)
        covariance = np.asarray(variance * np.linalg.inv(matrix.T @ matrix), dtype=np.float64)
        error = np.asarray(np.sqrt(np.diag(covariance)[:21])[index], dtype=np.float64)
    notes: tuple[str, ...] = ()
    if np.abs(strains).max() > 0.03:
        notes = (f"strains reach {np.abs(strains).max():.3g}; constants beyond the linear range differ",)
    stable = bool(np.linalg.eigvalsh(stiffness).min() > 0)
    if not stable:
        notes = (*notes, "the crystal is mechanically unstable: a stiffness eigenvalue is not positive")
    values = hill_averages(stiffness) if stable else np.full(4, np.nan)
    spread = np.zeros(4)
    if free > 0 and stable:
        gradient = np.empty((4, 21))
        for k in range(21):
            step = 1e-4 * max(1.0, float(np.abs(stiffness).max()))
            changed = stiffness.copy()
            changed[rows[k], columns[k]] += step
            changed[columns[k], rows[k]] = changed[rows[k], columns[k]]
            gradient[:, k] = (hill_averages(changed) - values) / step
        spread = np.sqrt(np.einsum("ij,jk,ik->i", gradient, covariance[:21, :21], gradient))

    def quantity(k: int, name: str, unit: str) -> Quantity:
        value = float(values[k]) if np.isfinite(values[k]) else None
        return Quantity(
            name, value, unit, uncertainty=float(spread[k]) if free > 0 and value is not None else None,
            method="Hill average of the fitted stiffness", converged=value is not None, warnings=notes, source=source,
        )  # fmt: skip

    return ElasticConstants(
        stiffness, error, quantity(0, "bulk_modulus", "GPa"), quantity(1, "shear_modulus", "GPa"),
        quantity(2, "young_modulus", "GPa"), quantity(3, "poisson_ratio", "1"), stable,
    )  # fmt: skip


def hill_averages(c: FloatArray) -> FloatArray:
    """Return bulk, shear and Young's modulus in GPa and Poisson's ratio after Hill.

    Parameters
    ----------
    c
        Stiffness in GPa, shape ``(6, 6)``, positive definite.
    """
    s = np.linalg.inv(c)
    bulk_voigt = (c[0, 0] + c[1, 1] + c[2, 2] + 2 * (c[0, 1] + c[0, 2] + c[1, 2])) / 9
    bulk_reuss = 1 / (s[0, 0] + s[1, 1] + s[2, 2] + 2 * (s[0, 1] + s[0, 2] + s[1, 2]))
    normal = c[0, 0] + c[1, 1] + c[2, 2] - c[0, 1] - c[0, 2] - c[1, 2]
    shear_voigt = (normal + 3 * (c[3, 3] + c[4, 4] + c[5, 5])) / 15
    compliant = 4 * (s[0, 0] + s[1, 1] + s[2, 2]) - 4 * (s[0, 1] + s[0, 2] + s[1, 2])
    shear_reuss = 15 / (compliant + 3 * (s[3, 3] + s[4, 4] + s[5, 5]))
    bulk, shear = (bulk_voigt + bulk_reuss) / 2, (shear_voigt + shear_reuss) / 2
    young = 9 * bulk * shear / (3 * bulk + shear)
    return np.array([bulk, shear, young, (3 * bulk - 2 * shear) / (2 * (3 * bulk + shear))])


def stiffness_of(constants_GPa: Mapping[str, float], system: str) -> FloatArray:
    """Return the whole stiffness in GPa, shape ``(6, 6)``, from the constants that a crystal system leaves free.

    Parameters
    ----------
    constants_GPa
        By name, those of `INDEPENDENT`.
    system
        ``cubic``, ``hexagonal`` or ``tetragonal``.

    Raises
    ------
    InputError
        If other constants are given than are needed.
    """
    names = INDEPENDENT.get(system)
    if names is None or set(constants_GPa) != set(names):
        needed = f"it has {', '.join(names)}" if names else "give those of a cubic, hexagonal or tetragonal one"
        raise InputError(f"{', '.join(constants_GPa)} are not the elastic constants of a {system} crystal: {needed}")
    values = dict(constants_GPa)
    values |= {name: values[other] for name, other in _EQUAL[system].items()}
    values.setdefault("C66", (values["C11"] - values["C12"]) / 2)
    stiffness = np.zeros((6, 6))
    for name, value in values.items():
        i, j = int(name[1]) - 1, int(name[2]) - 1
        stiffness[i, j] = stiffness[j, i] = value
    return stiffness


def strained(structure: Structure, strain: FloatArray) -> Structure:
    """Return a structure after a homogeneous strain without rotation, the fractional coordinates kept.

    Parameters
    ----------
    structure
        Any crystal.
    strain
        Shape ``(6,)``, Voigt's order with engineering shear.
    """
    from pymatgen.core import Lattice, Structure

    tensor = np.zeros((3, 3))
    for value, (i, j) in zip(strain, VOIGT, strict=True):
        tensor[i, j] = tensor[j, i] = value if i == j else value / 2
    matrix = np.asarray(structure.lattice.matrix) @ (np.eye(3) + tensor)
    return Structure(Lattice(matrix), structure.species, structure.frac_coords)
