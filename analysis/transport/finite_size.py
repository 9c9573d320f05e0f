"""Hydrodynamic finite-size correction of diffusion in liquids; solids have none."""

from __future__ import annotations

from ...errors import InputError
from ...quantity import Quantity
from ...units import BOLTZMANN_EV_K

XI_CUBIC = 2.837297
"""Lattice sum of the hydrodynamic interaction between the periodic images of a cubic cell."""

_EV_PER_A3_PS_PER_MPA_S = 6.241509074e-3
"""One mPa s in eV ps/Å³."""


def yeh_hummer_correction(
    diffusivity: Quantity, *, box_length_A: float, viscosity_mPa_s: Quantity | float, temperature_K: float
) -> Quantity:
    """Return the diffusion coefficient of an unbounded liquid from that in a cubic periodic cell.

    ``D = D(L) + xi k T / (6 pi eta L)`` with xi = 2.837297. It holds for liquids, whose momentum is carried by a
    viscous flow that meets its own images. A solid electrolyte or a glassy alloy is no such thing: correcting its D
    would be an error, and nothing here does it unasked.

    Parameters
    ----------
    diffusivity
        In cm²/s, from a cubic cell, momentum conserved.
    box_length_A
        Edge of the cell in Å.
    viscosity_mPa_s
        Shear viscosity in mPa s, which itself depends little on size.
    temperature_K
        Temperature in K.

    Raises
    ------
    InputError
        If a number is not positive or the unit is another.

    Notes
    -----
    B. Dünweg, K. Kremer, J. Chem. Phys. 99 (1993) 6983; I.-C. Yeh, G. Hummer, J. Phys. Chem. B 108 (2004) 15873.
    """
    if diffusivity.unit != "cm^2/s":
        raise InputError(f"the diffusion coefficient is in {diffusivity.unit}", remedy="Give it in cm^2/s.")
    eta = viscosity_mPa_s if isinstance(viscosity_mPa_s, Quantity) else Quantity("viscosity", viscosity_mPa_s, "mPa s")
    if eta.unit != "mPa s" or eta.value is None or not min(eta.value, box_length_A, temperature_K) > 0:
        raise InputError(
            f"viscosity {eta.value} {eta.unit}, box {box_length_A} Å, temperature {temperature_K} K",
            remedy="Give positive numbers, the viscosity in mPa s.",
        )
    if diffusivity.value is None:
        return diffusivity
    from math import hypot, pi

    viscosity = eta.value * _EV_PER_A3_PS_PER_MPA_S
    shift = XI_CUBIC * BOLTZMANN_EV_K * temperature_K / (6 * pi * viscosity * box_length_A) * 1e-4
    value = diffusivity.value + shift
    error = interval = None
    if diffusivity.uncertainty is not None:
        error = hypot(diffusivity.uncertainty, shift * (eta.uncertainty or 0.0) / eta.value)
        interval = (max(value - 1.96 * error, 0.0), value + 1.96 * error)
    return Quantity(
        name=diffusivity.name,
        value=value,
        unit="cm^2/s",
        uncertainty=error,
        interval95=interval,
        method=f"{diffusivity.method}; corrected for the size of the cell (Yeh and Hummer)",
        species=diffusivity.species,
        n_effective=diffusivity.n_effective,
        converged=diffusivity.converged,
        warnings=(
            *diffusivity.warnings,
            f"the size correction is {100 * shift / value:.0f} % and holds for liquids in cubic cells only",
        ),
        source=diffusivity.source,
    )
