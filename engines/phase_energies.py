"""Formation energies and voltages of plateaus from the energies of phases, however those were obtained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..potentials.checks import ReferenceCheck, Target, VoltageCheck

    Energies = Callable[[str], tuple[Mapping[str, float], float]]
    """From the name of a phase to what is in its cell (atoms of each element) and the energy of that cell in eV."""


def formation_energy(ends: Mapping[str, str], phase: str, energies: Energies) -> float | None:
    """Return the energy per atom of a phase against the end members in eV, or None where one is not named.

    Parameters
    ----------
    ends
        Phase of each element that is counted from.
    phase
        Name of the phase.
    energies
        Gives composition and energy of a phase.
    """
    amounts, total = energies(phase)
    if not set(amounts) <= set(ends):
        return None
    for symbol, amount in amounts.items():
        elemental, energy = energies(ends[symbol])
        total -= amount * energy / sum(elemental.values())
    return float(total / sum(amounts.values()))


def plateau_voltage(check: VoltageCheck, energies: Energies) -> float:
    """Return the voltage in V at which one phase goes over into the next.

    V = −(E₂ − E₁ − (x₂ − x₁) E_Li) / (x₂ − x₁) e, M. K. Aydinol et al., Phys. Rev. B 56 (1997) 1354, energies
    standing for free energies.

    Raises
    ------
    InputError
        If a phase is no alloy of the ion with one other element.
    """
    amounts, per_host = [], []
    for name in (check.poor, check.rich):
        found, energy = energies(name)
        elements = dict(found)
        ion = elements.pop(check.ion, 0.0)
        if len(elements) != 1:
            raise InputError(f"{name} is no alloy of {check.ion} with one other element", where="checks")
        (host,) = elements.values()
        amounts.append(ion / host)
        per_host.append(energy / host)
    metal, energy = energies(check.metal)
    taken = amounts[1] - amounts[0]
    return float(-(per_host[1] - per_host[0] - taken * energy / sum(metal.values())) / taken)


def table_row(name: str, system: str, unit: str, value: float, target: Target | None) -> ReferenceCheck:
    """Return a row of a reference table, with seven digits."""
    from ..potentials.checks import ReferenceCheck

    return ReferenceCheck(
        property=name,
        system=system,
        unit=unit,
        model=float(f"{value:.7g}"),
        reference=None if target is None else float(f"{target.value:.7g}"),
        source="" if target is None else target.source,
    )
