"""Activation energies from diffusion coefficients at several temperatures, errors carried through.

``ln D = ln D0 - E_a / kT`` is a straight line in ``1/kT``; every point weighs with its own error. A bend
that the errors cannot explain is reported and the line is split there: a mean slope over two mechanisms
predicts neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ...units import BOLTZMANN_EV_K
from .gls import FloatArray

METHOD = "weighted least squares of ln D against 1/kT"

_BEND = 6.63
"""Drop of chi-squared by a curvature that chance gives in 1 of 100 straight lines."""


@dataclass(frozen=True)
class ArrheniusPoint:
    """A diffusion coefficient that was offered to the fit, and why it was left out if it was."""

    temperature_K: float
    diffusivity: Quantity
    left_out: str = ""


@dataclass(frozen=True)
class ArrheniusSegment:
    """A straight piece of the Arrhenius plot.

    Attributes
    ----------
    lowest_K, highest_K
        Range of the points that it was fitted to.
    activation_energy
        In eV.
    prefactor
        In cm²/s.
    log_prefactor
        ``ln(D0)`` with D0 in cm²/s.
    covariance
        Covariance of ``ln(D0)`` and ``E_a`` in eV, as ((a, b), (b, c)).
    points
        Number of points.
    """

    lowest_K: float
    highest_K: float
    activation_energy: Quantity
    prefactor: Quantity
    log_prefactor: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    points: int


@dataclass(frozen=True)
class ArrheniusFit:
    """An activation energy and prefactor, and what they rest on.

    Attributes
    ----------
    activation_energy
        In eV; of the low-temperature segment where the slope changes.
    prefactor
        In cm²/s, of the same segment.
    segments
        Straight pieces from low to high temperature; more than one where the slope changes.
    points
        All points that were offered.
    species
        What diffuses.
    """

    activation_energy: Quantity
    prefactor: Quantity
    segments: tuple[ArrheniusSegment, ...]
    points: tuple[ArrheniusPoint, ...]
    species: str | None

    def predict(self, temperature_K: float) -> Quantity:
        """Return the diffusion coefficient at a temperature, in cm²/s, with the 95 % band of the line.

        Parameters
        ----------
        temperature_K
            Temperature in K; outside the fitted range the result says how far it was carried.

        Raises
        ------
        InputError
            If the temperature is not positive.
        """
        if not 0 < temperature_K < float("inf"):
            raise InputError(f"the temperature is {temperature_K} K", remedy="Give a positive number.")
        common: dict[str, Any] = {"name": "tracer_diffusivity", "unit": "cm^2/s", "species": self.species}
        method = f"Arrhenius line at {temperature_K:g} K"
        if not self.segments:
            return Quantity(
                **common, value=None, method=method, converged=False, warnings=self.activation_energy.warnings
            )
        segment = next((part for part in self.segments if temperature_K <= part.highest_K), self.segments[-1])
        warnings = list(self.activation_energy.warnings)
        if not segment.lowest_K <= temperature_K <= segment.highest_K:
            warnings.append(
                f"carried from {segment.lowest_K:g}–{segment.highest_K:g} K to {temperature_K:g} K: "
                "the band holds only if no other mechanism takes over"
            )
        row = np.array([1.0, -1.0 / (BOLTZMANN_EV_K * temperature_K)])
        energy = segment.activation_energy.value
        if energy is None:
            raise RuntimeError("a segment without an activation energy")
        logarithm = segment.log_prefactor + row[1] * energy
        error = float(np.sqrt(row @ np.array(segment.covariance) @ row))
        value = float(np.exp(logarithm))
        return Quantity(
            **common,
            value=value,
            uncertainty=value * error,
            interval95=(float(np.exp(logarithm - 1.96 * error)), float(np.exp(min(logarithm + 1.96 * error, 700.0)))),
            method=method,
            n_effective=segment.points,
            converged=self.activation_energy.converged,
            warnings=tuple(warnings),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "activation_energy": self.activation_energy.to_dict(),
            "prefactor": self.prefactor.to_dict(),
            "segments": [
                {
                    "lowest_K": part.lowest_K,
                    "highest_K": part.highest_K,
                    "activation_energy": part.activation_energy.to_dict(),
                    "prefactor": part.prefactor.to_dict(),
                    "points": part.points,
                }
                for part in self.segments
            ],
            "points": [
                {
                    "temperature_K": point.temperature_K,
                    "diffusivity": point.diffusivity.to_dict(),
                    "left_out": point.left_out or None,
                }
                for point in self.points
            ],
        }


def arrhenius_fit(
    temperatures_K: Sequence[float],
    diffusivities: Sequence[Quantity],
    *,
    species: str | None = None,
    left_out: Mapping[float, str] | None = None,
) -> ArrheniusFit:
    """Fit activation energy and prefactor to diffusion coefficients at several temperatures.

    Parameters
    ----------
    temperatures_K
        Temperature of each coefficient; the same one may come several times.
    diffusivities
        Coefficients in cm²/s with their errors. Those without a value, without an error or not converged are
        left out, and the fit says why.
    species
        What diffuses; taken from the coefficients if None.
    left_out
        Temperatures that say nothing about this material, with the reason, such as a crystal that has melted.

    Returns
    -------
    ArrheniusFit
        Not converged, with the reason, where fewer than three temperatures are left.

    Raises
    ------
    InputError
        If the lists differ in length, or a temperature or unit cannot be used.

    Notes
    -----
    The change of slope is found by the drop of chi-squared that a curvature in 1/T brings (1 % level), and
    located by the two lines that leave the smallest chi-squared. Where the points scatter about a line by
    more than their errors, these are enlarged by the root of the reduced chi-squared (R. T. Birge, Phys.
    Rev. 40 (1932) 207).
    """
    refused = left_out or {}
    points = tuple(
        replace(point, left_out=refused.get(point.temperature_K, point.left_out))
        for point in usable_points(temperatures_K, diffusivities)
    )
    used = [point for point in points if not point.left_out]
    species = species or next((point.diffusivity.species for point in points if point.diffusivity.species), None)
    warnings: list[str] = []
    dropped: dict[str, list[str]] = {}
    for point in points:
        if point.left_out:  # the points keep the whole reason
            dropped.setdefault(point.left_out.split(":")[0], []).append(f"{point.temperature_K:g}")
    for reason, which in dropped.items():
        warnings.append(f"left out: {', '.join(which)} K ({reason})")
    temperatures = sorted({point.temperature_K for point in used})
    if len(temperatures) < 2:
        warnings.insert(0, f"an activation energy needs three temperatures, and {len(temperatures)} can be used")
        return ArrheniusFit(
            _nothing("activation_energy", "eV", species, warnings),
            _nothing("prefactor", "cm^2/s", species, warnings),
            (),
            points,
            species,
        )
    converged = len(temperatures) > 2
    if not converged:
        warnings.append("two temperatures give a line but no check of it: a third is needed")

    x = np.array([1 / (BOLTZMANN_EV_K * point.temperature_K) for point in used])
    y, error = np.array([log_diffusivity(point.diffusivity) for point in used]).T
    parts = [np.arange(len(used))]
    if len(temperatures) > 3 and _chi_squared(x, y, error, 1) - _chi_squared(x, y, error, 2) > _BEND:
        parts = _split(x, y, error)
    lines = [_Line.through(x[part], y[part], error[part]) for part in parts]
    if len(parts) > 1:
        low, high = lines
        below, above = used[parts[0][-1]].temperature_K, used[parts[1][0]].temperature_K
        warnings.append(
            f"the slope changes between {below:g} and {above:g} K: {low.energy:.3f} ± {low.energy_error:.3f} eV below, "
            f"{high.energy:.3f} ± {high.energy_error:.3f} eV above; the two are not averaged"
        )
        if len({used[index].temperature_K for index in parts[0]}) < 3:
            converged = False
            warnings.append("fewer than three temperatures lie below the change of slope")
    warnings.extend(
        f"the points scatter {line.birge:.1f} times more than their errors say; those were enlarged by that"
        for line in lines
        if line.birge > 1
    )
    segments = tuple(
        _segment(line, [used[index].temperature_K for index in part], species, converged, tuple(warnings))
        for line, part in zip(lines, parts, strict=True)
    )
    return ArrheniusFit(segments[0].activation_energy, segments[0].prefactor, segments, points, species)


def usable_points(temperatures_K: Sequence[float], diffusivities: Sequence[Quantity]) -> tuple[ArrheniusPoint, ...]:
    """Return the points from cold to hot, each with the reason why it cannot be used, if there is one.

    Raises
    ------
    InputError
        If the lists differ in length, or a temperature or unit cannot be used.
    """
    if len(temperatures_K) != len(diffusivities):
        raise InputError(
            f"{len(temperatures_K)} temperatures for {len(diffusivities)} diffusion coefficients",
            remedy="Give one temperature for each.",
        )
    return tuple(
        sorted(
            (_point(float(temperature), item) for temperature, item in zip(temperatures_K, diffusivities, strict=True)),
            key=lambda point: point.temperature_K,
        )
    )


@dataclass(frozen=True)
class _Line:
    """``ln D = intercept - energy * x`` with the covariance of both and the enlargement of the errors."""

    intercept: float
    energy: float
    covariance: FloatArray
    birge: float

    @property
    def energy_error(self) -> float:
        return float(np.sqrt(self.covariance[1, 1]))

    @classmethod
    def through(cls, x: FloatArray, y: FloatArray, error: FloatArray) -> _Line:
        from scipy.stats import chi2

        design = np.column_stack([np.ones_like(x), -x]) / error[:, None]
        covariance: FloatArray = np.linalg.pinv(design.T @ design).astype(np.float64)
        intercept, energy = covariance @ design.T @ (y / error)
        freedom = len(x) - 2
        birge = 1.0
        if freedom > 0:
            scatter = float((((y - intercept + energy * x) / error) ** 2).sum())
            if chi2.sf(scatter, freedom) < 0.01:
                birge = float(np.sqrt(scatter / freedom))
        return cls(float(intercept), float(energy), covariance * birge**2, birge)


def _segment(
    line: _Line, temperatures: list[float], species: str | None, converged: bool, warnings: tuple[str, ...]
) -> ArrheniusSegment:
    half = 1.96 * line.energy_error
    log_error = float(np.sqrt(line.covariance[0, 0]))
    prefactor = float(np.exp(line.intercept))
    common: dict[str, Any] = {
        "method": METHOD,
        "species": species,
        "n_effective": len(temperatures),
        "converged": converged,
        "warnings": warnings,
    }
    return ArrheniusSegment(
        min(temperatures),
        max(temperatures),
        Quantity(
            name="activation_energy",
            value=line.energy,
            unit="eV",
            uncertainty=line.energy_error,
            interval95=(line.energy - half, line.energy + half),
            **common,
        ),
        Quantity(
            name="prefactor",
            value=prefactor,
            unit="cm^2/s",
            uncertainty=prefactor * log_error,
            interval95=(
                float(np.exp(line.intercept - 1.96 * log_error)),
                float(np.exp(min(line.intercept + 1.96 * log_error, 700.0))),
            ),
            **common,
        ),
        line.intercept,
        (
            (float(line.covariance[0, 0]), float(line.covariance[0, 1])),
            (float(line.covariance[1, 0]), float(line.covariance[1, 1])),
        ),
        len(temperatures),
    )


def _nothing(name: str, unit: str, species: str | None, warnings: list[str]) -> Quantity:
    return Quantity(
        name=name, value=None, unit=unit, method=METHOD, species=species, converged=False, warnings=tuple(warnings)
    )


def _point(temperature: float, item: Quantity) -> ArrheniusPoint:
    """Return the point with the reason why it cannot be used, if there is one."""
    if not 0 < temperature < float("inf"):
        raise InputError(f"the temperature is {temperature} K", remedy="Give a positive number.")
    if item.unit != "cm^2/s":
        raise InputError(f"the coefficient at {temperature:g} K is in {item.unit}", remedy="Give it in cm^2/s.")
    reason = ""
    if item.value is None:
        reason = item.warnings[0] if item.warnings else "it has no value"
    elif not item.converged:
        reason = "not converged"
    elif item.value <= 0:
        reason = "it is not positive"
    elif not item.uncertainty and not item.interval95:
        reason = "it has no error"
    return ArrheniusPoint(temperature, item, reason)


def log_diffusivity(item: Quantity) -> tuple[float, float]:
    """Return ``ln D`` and its standard error, from the interval where there is one: D is a scale."""
    value = float(item.value or 0.0)
    if item.interval95 and item.interval95[0] > 0:
        return float(np.log(value)), float(np.log(item.interval95[1] / item.interval95[0])) / (2 * 1.96)
    return float(np.log(value)), float(item.uncertainty or 0.0) / value


def _chi_squared(x: FloatArray, y: FloatArray, error: FloatArray, degree: int) -> float:
    """Return the weighted sum of squares that a polynomial leaves."""
    scaled = (x - x.mean()) / np.ptp(x)
    design = np.vander(scaled, degree + 1) / error[:, None]
    solution = np.linalg.lstsq(design, y / error, rcond=None)[0]
    return float(((design @ solution - y / error) ** 2).sum())


def _split(x: FloatArray, y: FloatArray, error: FloatArray) -> list[Any]:
    """Return the indices below and above the change of slope; `x` falls with temperature."""
    best: tuple[float, int] | None = None
    for cut in range(2, len(x) - 1):
        if x[cut] == x[cut - 1] or np.ptp(x[:cut]) == 0 or np.ptp(x[cut:]) == 0:
            continue
        left = _chi_squared(x[:cut], y[:cut], error[:cut], 1) + _chi_squared(x[cut:], y[cut:], error[cut:], 1)
        if best is None or left < best[0]:
            best = (left, cut)
    if best is None:
        return [np.arange(len(x))]
    return [np.arange(best[1]), np.arange(best[1], len(x))]
