"""Ionic conductivity from diffusion."""

from __future__ import annotations

from ...errors import InputError
from ...quantity import Quantity
from ...units import BOLTZMANN_EV_K, ELEMENTARY_CHARGE_C

_PER_A3_TO_PER_CM3 = 1e24


def nernst_einstein_conductivity(
    diffusivity: Quantity,
    number_density_per_A3: float,
    *,
    temperature_K: float,
    charge: float = 1.0,
    haven_ratio: float | Quantity = 1.0,
    metallic: bool = False,
) -> Quantity:
    """Return the ionic conductivity of the Nernst–Einstein relation, ``n q² D / (k T H)``.

    Parameters
    ----------
    diffusivity
        Tracer or collective diffusion coefficient in cm²/s; with the collective one the relation is exact.
    number_density_per_A3
        Ions in one Å³.
    temperature_K
        Temperature in K.
    charge
        Charge of an ion in units of the elementary charge.
    haven_ratio
        Tracer over collective diffusion coefficient; 1 where ions move independently. Its error is carried
        along.
    metallic
        The phase conducts electrons, as lithium alloys do; the result then says that it is the ionic part
        only.

    Returns
    -------
    Quantity
        ``ionic_conductivity`` in S/cm, without a value where the diffusion coefficient has none.

    Raises
    ------
    InputError
        If a unit, temperature, density or Haven ratio cannot be used.

    Notes
    -----
    G. E. Murch, Solid State Ionics 7 (1982) 177, for the Haven ratio.
    """
    if diffusivity.unit != "cm^2/s":
        raise InputError(f"the diffusion coefficient is in {diffusivity.unit}", remedy="Give it in cm^2/s.")
    ratio = haven_ratio if isinstance(haven_ratio, Quantity) else Quantity("haven_ratio", float(haven_ratio), "1")
    for label, number in (
        ("temperature in K", temperature_K),
        ("number density in 1/Å³", number_density_per_A3),
        ("Haven ratio", ratio.value if ratio.value is not None else 1.0),
    ):
        if not 0 < number < float("inf"):
            raise InputError(f"the {label} is {number}", remedy="Give a positive number.")
    warnings = list(diffusivity.warnings)
    if metallic:
        warnings.append(
            "the phase is metallic: this is the ionic part of its conductivity only, electrons carry the rest"
        )
    corrected = isinstance(haven_ratio, Quantity) or haven_ratio != 1.0
    collective = diffusivity.name == "collective_diffusivity"
    if collective and corrected:
        raise InputError("a collective coefficient needs no Haven ratio", remedy="Leave haven_ratio out.")
    if not corrected and not collective:
        warnings.append("ions are taken to move independently (Haven ratio 1), which concerted motion breaks")
    method = "Nernst–Einstein relation with the " + diffusivity.name.replace("diffusivity", "diffusion coefficient")
    method = method.replace("_", " ") + (f" and the Haven ratio {ratio.value:.3g}" if corrected and ratio.value else "")
    if diffusivity.value is None or ratio.value is None:
        if ratio.value is None:
            warnings.extend(ratio.warnings)
        return Quantity(
            name="ionic_conductivity",
            value=None,
            unit="S/cm",
            method=method,
            species=diffusivity.species,
            converged=False,
            warnings=tuple(warnings) or ("there is no diffusion coefficient",),
            source=diffusivity.source,
        )
    # q² / kT with q = z e and kT = (k/e) T e leaves z² e / (k/e) T
    factor = (
        number_density_per_A3 * _PER_A3_TO_PER_CM3 * charge**2 * ELEMENTARY_CHARGE_C / (BOLTZMANN_EV_K * temperature_K)
    )
    value = factor * diffusivity.value / ratio.value
    uncertainty, interval = propagate_quotient(value, diffusivity, ratio)
    return Quantity(
        name="ionic_conductivity",
        value=value,
        unit="S/cm",
        uncertainty=uncertainty,
        interval95=interval,
        method=method,
        species=diffusivity.species,
        n_effective=diffusivity.n_effective,
        converged=diffusivity.converged and ratio.converged,
        warnings=tuple(warnings),
        source=diffusivity.source,
    )


def propagate_quotient(
    value: float, top: Quantity, bottom: Quantity
) -> tuple[float | None, tuple[float, float] | None]:
    """Return error and interval of a quotient: relative errors and half widths of the logarithms add in squares.

    Parameters
    ----------
    value
        The quotient, in whatever unit its factors give it.
    top, bottom
        Its parts, independent of each other and positive.
    """
    uncertainty = interval = None
    if top.uncertainty is not None and top.value and bottom.value:
        relative = (top.uncertainty / top.value) ** 2 + ((bottom.uncertainty or 0.0) / bottom.value) ** 2
        uncertainty = abs(value) * float(relative) ** 0.5
    if top.interval95 and top.value and bottom.value:
        down, up = top.value / max(top.interval95[0], 1e-300), top.interval95[1] / top.value
        below, above = (
            (bottom.value / max(bottom.interval95[0], 1e-300), bottom.interval95[1] / bottom.value)
            if bottom.interval95
            else (1.0, 1.0)
        )
        interval = (value / _join(down, above), value * _join(up, below))
    return uncertainty, interval


def _join(one: float, other: float) -> float:
    """Return the factor whose logarithm is the root of the sum of the squared logarithms of two factors."""
    from math import exp, hypot, log

    return exp(min(hypot(log(one), log(other)), 700.0))
