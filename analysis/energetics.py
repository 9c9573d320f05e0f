"""Voltages and hulls from relaxed energies, work of adhesion, and interface and formation energies."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FloatArray = NDArray[np.float64]

EV_A2_TO_J_M2 = 16.02176634
"""J/m² in eV/Å²."""


@dataclass(frozen=True)
class Composition:
    """A relaxed phase on the way from host to fully lithiated alloy.

    Attributes
    ----------
    label
        Name.
    x
        Lithium atoms for one atom of the host.
    energy_eV
        Total energy for one atom of the host (and its lithium).
    error_eV
        Standard error of that, for instance over several amorphous samples.
    """

    label: str
    x: float
    energy_eV: float
    error_eV: float = 0.0


@dataclass(frozen=True)
class VoltageProfile:
    """Voltages against lithium metal.

    Attributes
    ----------
    stable
        Phases on the convex hull, by rising lithium content.
    plateaus
        ``voltage`` of each two-phase plateau between them, one fewer than `stable`.
    mean
        ``mean_voltage`` from the first to the last.
    formation_eV
        Formation energy of each phase given, for one host atom, in the order of `phases`.
    above_hull_eV
        Its distance from the hull, for one host atom.
    phases
        All phases, by rising lithium content.
    """

    stable: tuple[Composition, ...]
    plateaus: tuple[Quantity, ...]
    mean: Quantity
    formation_eV: FloatArray
    above_hull_eV: FloatArray
    phases: tuple[Composition, ...]


def composition_of(
    label: str, species: Sequence[str], energy_eV: float, *, host: str, lithium: str = "Li", error_eV: float = 0.0
) -> Composition:
    """Return a phase per host atom from a cell's species and total energy.

    Raises
    ------
    InputError
        If the cell holds no host, or something else besides host and lithium.
    """
    names = list(species)
    count = names.count(host)
    if count == 0:
        raise InputError(f"there is no {host} in {label}", remedy="Give the energy of pure lithium separately.")
    if other := sorted(set(names) - {host, lithium}):
        raise InputError(f"{label} holds {other[0]} besides {host} and {lithium}")
    return Composition(label, names.count(lithium) / count, energy_eV / count, error_eV / count)


def voltage_profile(
    phases: Sequence[Composition], lithium_energy_eV: float, *, lithium_error_eV: float = 0.0, source: str = ""
) -> VoltageProfile:
    """Return the voltages at which lithium goes from phase to phase along the convex hull.

    ``V = −(E₂ − E₁ − (x₂ − x₁) E_Li) / ((x₂ − x₁) e)`` (M. K. Aydinol et al., Phys. Rev. B 56 (1997) 1354),
    energies standing for free energies. A phase above the hull makes no plateau.

    Parameters
    ----------
    phases
        Two or more, at different lithium contents; several of one content compete and the lowest counts.
    lithium_energy_eV, lithium_error_eV
        Energy of an atom of lithium metal at the same level of theory, and its error.
    source
        For the quantities.
    """
    ordered = tuple(sorted(phases, key=lambda phase: (phase.x, phase.energy_eV)))
    for phase in ordered:
        if not (np.isfinite(phase.energy_eV) and np.isfinite(phase.x) and phase.x >= 0):
            raise InputError(f"the energy or content of {phase.label} is not a number", where=source)
    lowest = [phase for i, phase in enumerate(ordered) if i == 0 or phase.x - ordered[i - 1].x > 1e-9]
    if len(lowest) < 2:
        raise InputError("one lithium content makes no voltage", where=source, remedy="Give two or more compositions.")
    grand = np.array([phase.energy_eV - phase.x * lithium_energy_eV for phase in lowest])
    x = np.array([phase.x for phase in lowest])
    # A hull in lithium per host atom has the voltages as its slopes; convexity is the same as per atom.
    hull = _lower_hull(x, grand)
    stable = tuple(lowest[i] for i in hull)
    plateaus = [
        _voltage("voltage", a, b, lithium_energy_eV, lithium_error_eV, f"{a.label} → {b.label}", source)
        for a, b in itertools.pairwise(stable)
    ]
    mean = _voltage("mean_voltage", stable[0], stable[-1], lithium_energy_eV, lithium_error_eV, "", source)
    all_x = np.array([phase.x for phase in ordered])
    all_grand = np.array([phase.energy_eV - phase.x * lithium_energy_eV for phase in ordered])
    on_hull = np.interp(all_x, x[hull], grand[hull])
    return VoltageProfile(stable, tuple(plateaus), mean, all_grand - grand[0], all_grand - on_hull, ordered)


def _lower_hull(x: FloatArray, y: FloatArray) -> list[int]:
    hull: list[int] = []
    for i in range(len(x)):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (y[b] - y[a]) * (x[i] - x[b]) >= (y[i] - y[b]) * (x[b] - x[a]) - 1e-12:
                hull.pop()
            else:
                break
        hull.append(i)
    return hull


def _voltage(
    name: str, a: Composition, b: Composition, lithium: float, lithium_error: float, species: str, source: str
) -> Quantity:
    dx = b.x - a.x
    value = -((b.energy_eV - a.energy_eV) / dx - lithium)
    error = float(np.sqrt((a.error_eV**2 + b.error_eV**2) / dx**2 + lithium_error**2))
    known = error > 0
    notes = () if value >= 0 else ("a negative voltage: the phase does not form from lithium metal at this level",)
    return Quantity(
        name, float(value), "V", uncertainty=error if known else None,
        interval95=(value - 1.96 * error, value + 1.96 * error) if known else None,
        method=f"energies, x from {a.x:.4g} to {b.x:.4g}", species=species or None, warnings=notes, source=source,
    )  # fmt: skip


def work_of_adhesion(
    joined_eV: Quantity | float, parts_eV: Sequence[Quantity | float], area_A2: float, *, interfaces: int = 1
) -> Quantity:
    """Return the work to part an interface, ``(Σ E_parts − E_joined) / (n A)``, in J/m²; positive if it holds.

    Parameters
    ----------
    joined_eV, parts_eV
        Total energies of the cell with the interface, and of its parts with free surfaces in cells of the
        same area.
    area_A2
        Of one interface.
    interfaces
        Interfaces in the cell: 2 in a sandwich without vacuum.
    """
    return _per_area("work_of_adhesion", [(1.0, part) for part in parts_eV] + [(-1.0, joined_eV)], area_A2, interfaces)


def interface_energy(
    cell_eV: Quantity | float,
    counts: Mapping[str, float],
    bulk_eV: Mapping[str, Quantity | float],
    area_A2: float,
    *,
    interfaces: int = 2,
) -> Quantity:
    """Return the excess energy of an interface or surface, ``(E − Σ nᵢ μᵢ) / (n A)``, in J/m².

    Parameters
    ----------
    cell_eV
        Total energy of the cell.
    counts
        How many formula units (or atoms) of each bulk phase the cell holds.
    bulk_eV
        Energy of one such unit in the bulk, strained as in the cell where strain is not to count.
    area_A2
        Of one interface.
    interfaces
        Interfaces in the cell.
    """
    if missing := sorted(set(counts) - set(bulk_eV)):
        raise InputError(f"there is no bulk energy of {missing[0]}")
    terms = [(1.0, cell_eV)] + [(-float(n), bulk_eV[name]) for name, n in counts.items()]
    return _per_area("interface_energy", terms, area_A2, interfaces)


def formation_energy(
    cell_eV: Quantity | float, counts: Mapping[str, int], reference_eV: Mapping[str, Quantity | float]
) -> Quantity:
    """Return the energy of formation from the elements (or other references), in eV an atom.

    Parameters
    ----------
    cell_eV
        Total energy of the cell.
    counts
        Atoms of each element.
    reference_eV
        Energy of one atom of each in its reference.
    """
    if missing := sorted(set(counts) - set(reference_eV)):
        raise InputError(f"there is no reference energy of {missing[0]}")
    atoms = sum(counts.values())
    terms = [(1.0, cell_eV)] + [(-float(n), reference_eV[name]) for name, n in counts.items()]
    return _sum("formation_energy", terms, 1 / atoms, "eV/atom", "total energy less that of the references")


def _per_area(name: str, terms: Sequence[tuple[float, Quantity | float]], area_A2: float, interfaces: int) -> Quantity:
    if not (np.isfinite(area_A2) and area_A2 > 0 and interfaces > 0):
        raise InputError(f"{interfaces} interfaces of {area_A2} Å²", remedy="Give a positive area and number.")
    how = f"difference of total energies over {interfaces} × {area_A2:.4g} Å²"
    return _sum(name, terms, EV_A2_TO_J_M2 / (area_A2 * interfaces), "J/m^2", how)


def _sum(name: str, terms: Sequence[tuple[float, Quantity | float]], scale: float, unit: str, method: str) -> Quantity:
    total, square, known = 0.0, 0.0, False
    notes: list[str] = []
    for factor, term in terms:
        if isinstance(term, Quantity):
            if term.value is None:
                why = f"{term.name} has no value"
                return Quantity(name, None, unit, converged=False, warnings=(why, *term.warnings))
            total += factor * term.value
            if term.uncertainty is not None:
                square += (factor * term.uncertainty) ** 2
                known = True
            notes += term.warnings
        else:
            total += factor * float(term)
    if not np.isfinite(total):
        raise InputError(f"an energy for {name} is not a number")
    value, error = total * scale, square**0.5 * abs(scale)
    return Quantity(
        name, value, unit, uncertainty=error if known else None,
        interval95=(value - 1.96 * error, value + 1.96 * error) if known else None, method=method,
        warnings=tuple(dict.fromkeys(notes)),
    )  # fmt: skip
