"""The same hops in larger cells, under strain and under pressure: what that does to their barriers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...quantity import Quantity
from ...units import EV_A3_TO_GPA
from .results import quantity_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def compare_variants(
    labels: Sequence[str], rungs: Sequence[Sequence[Mapping[str, Any]]], variants: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[Quantity], list[str]]:
    """Return a row for each variant, and what follows from them together.

    Parameters
    ----------
    labels
        Names of the hops.
    rungs
        For each level the documents of the bands without strain, in the order of `labels`.
    variants
        ``kind`` (``size``, ``strain``, ``pressure``), ``value``, ``hop`` and ``document`` of each; ``components`` of a
        strain.

    Returns
    -------
    rows
        Barrier of each variant, and by how much it differs from that of the same level without it.
    quantities
        ``barrier_infinite_cell`` and ``activation_volume``.
    warnings
        What could not be compared.
    """
    rows, warnings = [], []
    plain: dict[tuple[str, str], Mapping[str, Any]] = {
        (label, rung[index]["level"]): rung[index] for rung in rungs for index, label in enumerate(labels)
    }
    for variant in variants:
        document = variant["document"]
        base = _barrier(plain[variant["hop"], document["level"]])
        value = _barrier(document)
        rows.append(
            {
                "hop": variant["hop"],
                "level": document["level"],
                "kind": variant["kind"],
                "value": variant["value"],
                "natoms": document["natoms"],
                "barrier_eV": value,
                "difference_eV": None if value is None or base is None else value - base,
            }
        )
        if value is None:
            warnings.append(f"{variant['hop']}: the band of {variant['kind']} {variant['value']} is not converged.")
    if any(variant["kind"] == "strain" and not _is_isotropic(variant["components"]) for variant in variants):
        warnings.append(
            "A strained barrier is that of the hop in the direction that was asked for: hops that symmetry makes equal "
            "without strain can differ under it. Ask for each as a hop of its own."
        )
    quantities = []
    for (label, level), document in plain.items():
        mine = [row for row in rows if (row["hop"], row["level"]) == (label, level) and row["barrier_eV"] is not None]
        base = _barrier(document)
        if base is None:
            continue
        sizes = [(int(document["natoms"]), base)]
        sizes += [(int(row["natoms"]), float(row["barrier_eV"])) for row in mine if row["kind"] == "size"]
        if len({count for count, _ in sizes}) > 1:
            quantities.append(infinite_cell(sizes, source=f"{label} {level}"))
        states = [(0.0, base)]
        states += [(float(row["value"]), float(row["barrier_eV"])) for row in mine if row["kind"] == "pressure"]
        if len(states) > 1:
            quantities.append(activation_volume(states, source=f"{label} {level}"))
    return rows, quantities, warnings


def infinite_cell(sizes: Sequence[tuple[int, float]], *, source: str = "") -> Quantity:
    """Return the barrier of a lone defect from barriers in cells of different size.

    The elastic energy of a defect and its periodic images goes with the inverse of the volume (C. Varvenne et al.,
    Phys. Rev. B 88 (2013) 134102), so the barrier is a line in 1/N.

    Parameters
    ----------
    sizes
        Atoms in the cell and barrier in eV; at least two different sizes.
    source
        For the quantity.

    Returns
    -------
    Quantity
        In eV; the uncertainty is the whole way from the largest cell, since higher terms are not known.
    """
    counts = np.array([count for count, _ in sizes], dtype=float)
    barriers = np.array([barrier for _, barrier in sizes])
    slope, limit = np.polyfit(1 / counts, barriers, 1)
    largest = float(barriers[counts.argmax()])
    return Quantity(
        "barrier_infinite_cell",
        float(limit),
        "eV",
        uncertainty=max(abs(float(limit) - largest), 1e-3),
        method=f"line in 1/N through cells of {', '.join(f'{count:g}' for count in sorted(counts))} atoms, slope "
        f"{slope:.3g} eV; the error is the way from the largest cell",
        source=source,
    )


def activation_volume(states: Sequence[tuple[float, float]], *, source: str = "") -> Quantity:
    """Return how much the barrier changes with pressure, as a volume.

    Parameters
    ----------
    states
        Pressure in GPa and barrier in eV; at least two.
    source
        For the quantity.

    Returns
    -------
    Quantity
        In Å³; without an uncertainty where there are only two pressures, else from the scatter about the line.
    """
    pressures = np.array([pressure for pressure, _ in states])
    barriers = np.array([barrier for _, barrier in states])
    centred = pressures - pressures.mean()
    slope = float(centred @ barriers / (centred @ centred))
    left = barriers - barriers.mean() - slope * centred
    error: float | None = None
    warnings: tuple[str, ...] = ("Two pressures give a slope, but not whether it is one.",)
    if len(states) > 2:
        error = float(np.sqrt((left @ left) / (len(states) - 2) / (centred @ centred))) * EV_A3_TO_GPA
        warnings = ()
    return Quantity(
        "activation_volume",
        slope * EV_A3_TO_GPA,
        "Å^3",
        uncertainty=error,
        method=f"slope of the barrier at {', '.join(f'{p:g}' for p in sorted(pressures))} GPa",
        source=source,
        warnings=warnings,
    )


def _is_isotropic(components: Sequence[float]) -> bool:
    """Return whether a strain xx, yy, zz, yz, xz, xy changes the volume alone."""
    return len(set(components[:3])) == 1 and not any(components[3:])


def _barrier(document: Mapping[str, Any]) -> float | None:
    barrier = quantity_of(document, "migration_barrier")
    return barrier.value if barrier is not None and document["converged"] else None
