"""How stress shifts the potential at which lithium enters an alloy."""

from __future__ import annotations

from ...errors import InputError
from ...quantity import Quantity
from ...units import EV_A3_TO_GPA

_MV_V = 1e3


def stress_overpotential(partial_volume: Quantity, pressure_GPa: float | Quantity) -> Quantity:
    """Return by how much a pressure lowers the potential of lithiation, ``ΔV = Ω σ / F``, in mV.

    The stress term of the chemical potential of a mobile species (F. Larché, J. W. Cahn, Acta Metall. 21 (1973)
    1051), for a hydrostatic stress.

    Parameters
    ----------
    partial_volume
        Volume Ω that one lithium adds, in Å³.
    pressure_GPa
        Pressure, positive under compression; a quantity brings its error.

    Raises
    ------
    InputError
        If the volume is not in Å³.
    """
    if partial_volume.unit not in ("Å^3", "A^3"):
        raise InputError(f"a partial volume in {partial_volume.unit}", remedy="Give it in Å^3 for one lithium atom.")
    pressure = pressure_GPa if isinstance(pressure_GPa, Quantity) else Quantity("pressure", pressure_GPa, "GPa")
    method = "Ω σ / F"
    if partial_volume.value is None or pressure.value is None:
        why = ("the partial volume or the pressure has no value",)
        return Quantity("stress_overpotential", None, "mV", method=method, converged=False, warnings=why)
    value = partial_volume.value * pressure.value / EV_A3_TO_GPA * _MV_V
    parts = [(q.uncertainty or 0.0) / q.value for q in (partial_volume, pressure) if q.value]
    known = partial_volume.uncertainty is not None or pressure.uncertainty is not None
    error = abs(value) * sum(part**2 for part in parts) ** 0.5 if known else None
    return Quantity(
        "stress_overpotential",
        value,
        "mV",
        uncertainty=error,
        method=method,
        converged=partial_volume.converged and pressure.converged,
        warnings=tuple(dict.fromkeys((*partial_volume.warnings, *pressure.warnings))),
    )
