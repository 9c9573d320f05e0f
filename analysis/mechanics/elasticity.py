"""Yield from stress-strain curves, and thermal expansion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity

FloatArray = NDArray[np.float64]


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
