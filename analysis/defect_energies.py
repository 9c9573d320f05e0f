"""Adsorption, solution and segregation energies from total energies, and barriers of sliding from a grid of shifts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..quantity import Quantity
from .energetics import EV_A2_TO_J_M2
from .hops.hop_percolation import Passage, percolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_FINER = 4


def adsorption_energy(covered_eV: float, clean_eV: float, atom_eV: float, species: str, reference: str) -> Quantity:
    """Return ``E(slab + atom) − E(slab) − μ``; negative where the atom would rather be on the surface.

    Parameters
    ----------
    covered_eV, clean_eV
        Total energies of the slab with and without the atom.
    atom_eV
        Energy of one atom of the reference.
    species
        Element of the adsorbate.
    reference
        What that reference is, such as ``Li metal``.
    """
    return _energy("adsorption_energy", covered_eV - clean_eV - atom_eV, species, f"against an atom of {reference}")


def solution_energy(
    doped_eV: float, pure_eV: float, host_atom_eV: float, solute_atom_eV: float, species: str, reference: str
) -> Quantity:
    """Return ``E(doped) − E(pure) + μ(host) − μ(solute)``, what it costs to replace one atom by one of the solute.

    Parameters
    ----------
    doped_eV, pure_eV
        Total energies of the cell with and without the solute.
    host_atom_eV, solute_atom_eV
        Energies of one atom of what is replaced and of the solute, in their references.
    species
        Element of the solute.
    reference
        What the references are.
    """
    value = doped_eV - pure_eV + host_atom_eV - solute_atom_eV
    return _energy("solution_energy", value, species, f"against atoms of {reference}")


def segregation_energy(boundary_eV: Sequence[float], bulk_eV: Sequence[float], species: str) -> Quantity:
    """Return the lowest solution energy at a boundary less the lowest in the bulk; negative if the solute goes there.

    Parameters
    ----------
    boundary_eV, bulk_eV
        Solution energies of all sites that were tried.
    species
        Element of the solute.
    """
    if not boundary_eV or not bulk_eV:
        why = ("no site has finished",)
        return Quantity("segregation_energy", None, "eV", species=species, converged=False, warnings=why)
    how = f"lowest of {len(boundary_eV)} sites at the boundary less the lowest of {len(bulk_eV)} in the bulk"
    return replace(_energy("segregation_energy", min(boundary_eV) - min(bulk_eV), species, ""), method=how)


def _energy(name: str, value: float, species: str, how: str) -> Quantity:
    if not np.isfinite(value):
        raise InputError(f"an energy for {name} is not a number")
    return Quantity(name, value, "eV", species=species, method=f"difference of relaxed cells at 0 K, {how}")


@dataclass(frozen=True)
class Sliding:
    """How hard it is for one grain to slide over the other.

    Attributes
    ----------
    along
        ``sliding_barrier`` along the first and the second vector of the cell of shifts, in eV/Å².
    excess_eV_A2
        Energy per area above the best shift, shape of the grid.
    best
        Fractions of the cell of shifts with the lowest energy.
    """

    along: tuple[Quantity, Quantity]
    excess_eV_A2: Array
    best: tuple[float, float]


def sliding_barrier(energies_eV: Array, area_A2: float, *, source: str = "") -> Sliding:
    """Return the barriers of rigid sliding from energies on a regular grid of shifts.

    The barrier along a vector is the highest energy, above the lowest of the grid, on the best way over neighbouring
    grid points from the best shift to its own image one vector on. Its error is how far a grid four times as fine gives
    another one, whose energies are interpolated by periodic cubic splines.

    Parameters
    ----------
    energies_eV
        Total energies with one boundary in the cell, at shifts i/n1, j/n2 of the cell of distinct shifts, shape
        (n1, n2).
    area_A2
        Of the boundary in the cell.
    source
        Job or file.

    Raises
    ------
    InputError
        If the grid or the area is none.
    """
    energies = np.asarray(energies_eV, dtype=float)
    if energies.ndim != 2 or energies.shape[0] < 2 or not np.isfinite(energies).all() or not area_A2 > 0:
        raise InputError("sliding needs a grid of energies of at least 2 × 1 shifts, and an area above 0")
    excess = (energies - energies.min()) / area_A2
    coarse = _barriers(excess)
    fine = _barriers(_interpolated(excess))
    best = np.unravel_index(int(np.argmin(excess)), excess.shape)
    found = []
    for axis, (value, other) in enumerate(zip(coarse, fine, strict=True)):
        name = "first" if axis == 0 else "second"
        if energies.shape[axis] < 2:
            why = (f"The grid has one point along the {name} vector.",)
            found.append(Quantity("sliding_barrier", None, "eV/Å^2", converged=False, warnings=why, source=source))
            continue
        found.append(
            Quantity(
                "sliding_barrier", value, "eV/Å^2", uncertainty=abs(value - other), source=source,
                method=f"best way along the {name} vector over {energies.shape[0]} × {energies.shape[1]} rigid shifts "
                f"({value * EV_A2_TO_J_M2:.3g} J/m²); error: the change on an interpolated grid",
            )
        )  # fmt: skip
    where = (float(best[0] / energies.shape[0]), float(best[1] / energies.shape[1]))
    return Sliding((found[0], found[1]), excess, where)


def _barriers(excess: Array) -> tuple[float, float]:
    n1, n2 = excess.shape
    passages = []
    for i in range(n1):
        for j in range(n2):
            for di, dj in ((1, 0), (0, 1), (1, 1), (1, -1)):
                k, m = i + di, j + dj
                saddle = float(max(excess[i, j], excess[k % n1, m % n2]))
                passages.append(Passage(i * n2 + j, (k % n1) * n2 + m % n2, (k // n1, m // n2, 0), saddle))
    first, second, _ = percolation(n1 * n2, passages, through=int(excess.argmin()))
    return float(first.saddle_eV or 0.0), float(second.saddle_eV or 0.0)


def _interpolated(excess: Array) -> Array:
    from scipy.ndimage import map_coordinates

    n1, n2 = excess.shape
    points = np.meshgrid(np.arange(n1 * _FINER) / _FINER, np.arange(n2 * _FINER) / _FINER, indexing="ij")
    fine = np.asarray(map_coordinates(excess, points, order=3, mode="grid-wrap"))
    return np.asarray(fine - fine.min())
