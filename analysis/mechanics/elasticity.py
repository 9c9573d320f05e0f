"""Elastic constants from strained cells, yield from stress-strain curves, and thermal expansion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity

FloatArray = NDArray[np.float64]


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
    values = _hill(stiffness) if stable else np.full(4, np.nan)
    spread = np.zeros(4)
    if free > 0 and stable:
        gradient = np.empty((4, 21))
        for k in range(21):
            step = 1e-4 * max(1.0, float(np.abs(stiffness).max()))
            changed = stiffness.copy()
            changed[rows[k], columns[k]] += step
            changed[columns[k], rows[k]] = changed[rows[k], columns[k]]
            gradient[:, k] = (_hill(changed) - values) / step
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


def _hill(c: FloatArray) -> FloatArray:
    """Return bulk, shear and Young's modulus and Poisson's ratio after Hill."""
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


@dataclass(frozen=True)
class StressStrain:
    """What a stress-strain curve says.

    Attributes
    ----------
    modulus
        ``tangent_modulus`` in GPa at small strain.
    yield_stress
        ``yield_stress`` in GPa by the 0.2 % offset.
    strength
        ``ultimate_strength`` in GPa, the highest stress.
    strain_at_strength
        Where it is.
    """

    modulus: Quantity
    yield_stress: Quantity
    strength: Quantity
    strain_at_strength: float


def stress_strain(
    strain: FloatArray, stress_GPa: FloatArray, *, elastic_to: float = 0.02, offset: float = 0.002, source: str = ""
) -> StressStrain:
    """Return modulus, yield and strength of a curve from zero strain on, tension or compression alike.

    Parameters
    ----------
    strain, stress_GPa
        Shape ``(n,)``, strain rising in size from zero.
    elastic_to
        Strain up to which the modulus is fitted.
    offset
        Plastic strain that defines yield.
    source
        For the quantities.
    """
    x, y = np.asarray(strain, dtype=float), np.asarray(stress_GPa, dtype=float)
    if x.shape != y.shape or x.ndim != 1 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("strain and stress are not two equal lists of numbers", where=source)
    sign = 1.0 if x[np.abs(x).argmax()] > 0 else -1.0
    x, y = sign * x, sign * y
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    small = x <= elastic_to
    if small.sum() < 3:
        raise InputError(
            f"{int(small.sum())} points up to a strain of {elastic_to:g}", where=source, remedy="Give three."
        )
    (slope, start), covariance = np.polyfit(x[small], y[small], 1, cov="unscaled")
    rest = y[small] - slope * x[small] - start
    free = int(small.sum()) - 2
    error = float(np.sqrt(covariance[0, 0] * (rest**2).sum() / free)) if free > 0 else None
    modulus = Quantity(
        "tangent_modulus", float(slope), "GPa", uncertainty=error, method=f"line up to a strain of {elastic_to:g}",
        source=source,
    )  # fmt: skip
    top = int(y.argmax())
    strength = Quantity("ultimate_strength", float(sign * y[top]), "GPa", method="highest stress", source=source)
    below = y - (slope * (x - offset) + start)
    beyond = np.flatnonzero((x > offset) & (below < 0))
    if len(beyond) and beyond[0] > 0:
        b = int(beyond[0])
        share = below[b - 1] / (below[b - 1] - below[b])
        value = float(y[b - 1] + share * (y[b] - y[b - 1]))
        yielding = Quantity("yield_stress", sign * value, "GPa", method=f"offset of {100 * offset:g} %", source=source)
    else:
        why = f"the curve does not bend by {100 * offset:g} % up to a strain of {x[-1]:.3g}"
        yielding = Quantity("yield_stress", None, "GPa", converged=False, warnings=(why,), source=source)
    return StressStrain(modulus, yielding, strength, float(sign * x[top]))


def thermal_expansion(
    temperature_K: FloatArray, size: FloatArray, size_error: FloatArray | None = None, *, source: str = ""
) -> Quantity:
    """Return the coefficient of thermal expansion ``(dV/dT) / V̄`` in 1/K, of a volume or a length.

    A weighted line through the sizes; where it misses them by more than their errors allow (χ² per degree
    of freedom above 2) the curvature is named.

    Parameters
    ----------
    temperature_K, size
        Shape ``(n,)``, three temperatures or more.
    size_error
        Standard errors of the sizes; without them the scatter about the line gives the error.
    source
        For the quantity.
    """
    t, v = np.asarray(temperature_K, dtype=float), np.asarray(size, dtype=float)
    if t.shape != v.shape or len(np.unique(t)) < 3:
        raise InputError("fewer than three temperatures", where=source, remedy="Give three or more.")
    weight = np.ones(len(v)) if size_error is None else 1 / np.asarray(size_error, dtype=float)
    if not (np.isfinite(weight).all() and (weight > 0).all()):
        raise InputError("an error of a size is not positive", where=source)
    centre = t.mean()
    design = np.column_stack([t - centre, np.ones(len(t))]) * weight[:, None]
    covariance = np.linalg.inv(design.T @ design)
    slope, mean = covariance @ design.T @ (v * weight)
    chi2 = float((((slope * (t - centre) + mean - v) * weight) ** 2).sum() / (len(v) - 2))
    scale = chi2 if size_error is None else max(chi2, 1.0)
    notes: tuple[str, ...] = ()
    if size_error is not None and chi2 > 2:
        notes = (f"the sizes do not lie on a line (χ² per degree of freedom {chi2:.2g}): give a narrower range",)
    error = float(np.sqrt(covariance[0, 0] * scale) / abs(mean))
    value = float(slope / mean)
    return Quantity(
        "thermal_expansion", value, "1/K", uncertainty=error, interval95=(value - 1.96 * error, value + 1.96 * error),
        method=f"line from {t.min():g} to {t.max():g} K", n_effective=float(len(t)), warnings=notes, source=source,
    )  # fmt: skip
