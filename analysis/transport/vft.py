"""The Vogel–Fulcher–Tammann law, for glasses and polymers whose Arrhenius plot is bent throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ...units import BOLTZMANN_EV_K
from .arrhenius import log_diffusivity, usable_points
from .gls import FloatArray

METHOD = "weighted least squares of ln D against 1/k(T - T0), interval from the profile of chi-squared"


@dataclass(frozen=True)
class VftFit:
    """Parameters of ``ln D = ln D0 - B / k(T - T0)``.

    Attributes
    ----------
    pseudo_activation_energy
        B in eV.
    vogel_temperature
        T0 in K.
    prefactor
        D0 in cm²/s.
    preferred
        Whether the points ask for it: chi-squared falls by more than 6.63 (1 % level) against the Arrhenius line, whose
        T0 is zero.
    """

    pseudo_activation_energy: Quantity
    vogel_temperature: Quantity
    prefactor: Quantity
    preferred: bool


def vft_fit(temperatures_K: Sequence[float], diffusivities: Sequence[Quantity]) -> VftFit:
    """Fit the Vogel–Fulcher–Tammann law to diffusion coefficients at several temperatures.

    Parameters
    ----------
    temperatures_K
        Temperature of each coefficient.
    diffusivities
        Coefficients in cm²/s with errors; what cannot be used is left out as in
        `anodeflow.analysis.transport.arrhenius.arrhenius_fit`.

    Returns
    -------
    VftFit
        Not converged where T0 cannot be bounded, which is so for most straight plots.

    Raises
    ------
    InputError
        If fewer than four temperatures can be used.

    Notes
    -----
    H. Vogel, Phys. Z. 22 (1921) 645; G. S. Fulcher, J. Am. Ceram. Soc. 8 (1925) 339; G. Tammann, W. Hesse, Z. Anorg.
    Allg. Chem. 156 (1926) 245.
    """
    points = [point for point in usable_points(temperatures_K, diffusivities) if not point.left_out]
    kelvin = np.array([point.temperature_K for point in points])
    if len(set(kelvin.tolist())) < 4:
        raise InputError(
            f"{len(set(kelvin.tolist()))} temperatures cannot tell three parameters",
            remedy="Give converged coefficients at four temperatures or more.",
        )
    y, error = np.array([log_diffusivity(point.diffusivity) for point in points]).T
    grid = np.linspace(0.0, 0.98 * kelvin.min(), 400)
    fits = [_line(kelvin, y, error, float(t0)) for t0 in grid]
    left = np.array([fit[2] for fit in fits])
    best = int(left.argmin())
    near = left <= left[best] + 3.84
    bounded = bool(not near[-1])
    preferred = bool(left[0] - left[best] > 6.63)
    warnings = [] if preferred else ["an Arrhenius line fits as well: the curvature is within the errors"]
    if not bounded:
        warnings.append("the Vogel temperature is not bounded by the points")
    parameters = {
        "pseudo_activation_energy": (np.array([fit[1] for fit in fits]), "eV"),
        "vogel_temperature": (grid, "K"),
        "prefactor": (np.exp(np.array([fit[0] for fit in fits])), "cm^2/s"),
    }
    made = {
        name: Quantity(
            name,
            float(values[best]),
            unit,
            uncertainty=float(np.ptp(values[near])) / (2 * 1.96),
            interval95=(float(values[near].min()), float(values[near].max())),
            method=METHOD,
            species=points[0].diffusivity.species,
            n_effective=len(points),
            converged=bounded and preferred,
            warnings=tuple(warnings),
        )
        for name, (values, unit) in parameters.items()
    }
    return VftFit(made["pseudo_activation_energy"], made["vogel_temperature"], made["prefactor"], preferred)


def _line(kelvin: FloatArray, y: FloatArray, error: FloatArray, t0: float) -> tuple[float, float, float]:
    """Return ``ln D0``, B and chi-squared for a given T0."""
    x = 1 / (BOLTZMANN_EV_K * (kelvin - t0))
    design = np.column_stack([np.ones_like(x), -x]) / error[:, None]
    solution = np.linalg.lstsq(design, y / error, rcond=None)[0]
    return float(solution[0]), float(solution[1]), float(((design @ solution - y / error) ** 2).sum())
