"""Electronic structure from plain arrays: density of states, band gap, charges of atoms, charge-density difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .structure.bader import BaderPartition

    Array = NDArray[np.float64]

GAP_ERRORS = {
    "LDA": "LDA's Kohn-Sham gaps of insulators are too small, in most solids by 30 to 50 % (recalled)",
    "PBE": "PBE's Kohn-Sham gaps of insulators are too small, in most solids by 30 to 50 % (recalled)",
}
"""Known error of a functional's gap, by its name."""

_CORE_REACH = 4.0  # widths beyond which a Gaussian is nothing


@dataclass(frozen=True)
class Bands:
    """Kohn-Sham energies on a mesh of k-points.

    Attributes
    ----------
    energies_eV
        Shape (spins, k-points, bands), rising along the last axis.
    weights
        Of the k-points, summing to 1, shape (k-points,).
    fermi_eV
        Fermi level.
    projections
        By element, the weight of each state on the orbitals of its atoms, shape as `energies_eV`.
    """

    energies_eV: Array
    weights: Array
    fermi_eV: float
    projections: Mapping[str, Array]

    def __post_init__(self) -> None:
        shape = self.energies_eV.shape
        if len(shape) != 3 or self.weights.shape != shape[1:2] or shape[0] not in (1, 2):
            raise InputError("bands need energies of shape (spins, k-points, bands) and a weight for each k-point")
        if any(weight.shape != shape for weight in self.projections.values()):
            raise InputError("the projections of bands need the shape of their energies")
        if not abs(self.weights.sum() - 1) < 1e-6:
            raise InputError(f"the weights of k-points sum to {self.weights.sum():.6g} and not to 1")


@dataclass(frozen=True)
class DensityOfStates:
    """Densities of states.

    Attributes
    ----------
    energies_eV
        Above `zero_eV`, shape (n,).
    total
        States per eV and cell, both spins, shape (n,).
    by_element
        The same, each state shared among the elements in proportion to its projections on their atoms' orbitals, so
        that they add up to the total. What lies between the atoms is shared likewise.
    zero_eV
        Energy taken as zero: the valence band's edge, or the Fermi level of a metal.
    zero
        Which of both it is.
    """

    energies_eV: Array
    total: Array
    by_element: dict[str, Array]
    zero_eV: float
    zero: str


@dataclass(frozen=True)
class BandEdges:
    """Edges of the bands around the Fermi level.

    Attributes
    ----------
    valence_eV, conduction_eV
        Highest filled and lowest empty level; equal to the Fermi level in a metal.
    gap_eV, direct_eV
        Smallest difference between any two k-points, and at one k-point; 0 in a metal.
    """

    valence_eV: float
    conduction_eV: float
    gap_eV: float
    direct_eV: float


def band_edges(bands: Bands) -> BandEdges:
    """Return the edges of the bands; where bands cross the Fermi level the gap is 0.

    Parameters
    ----------
    bands
        With at least one empty band at each k-point.

    Raises
    ------
    InputError
        If all bands are filled.
    """
    below = (bands.energies_eV <= bands.fermi_eV).sum(axis=2)
    if (below == bands.energies_eV.shape[2]).any():
        raise InputError("there is no empty band above the Fermi level", remedy="Compute more bands.")
    if (below == 0).any() or any(len(set(spin)) > 1 for spin in below):
        return BandEdges(bands.fermi_eV, bands.fermi_eV, 0.0, 0.0)
    tops = np.array([spin[:, count[0] - 1] for spin, count in zip(bands.energies_eV, below, strict=True)])
    floors = np.array([spin[:, count[0]] for spin, count in zip(bands.energies_eV, below, strict=True)])
    valence, conduction = float(tops.max()), float(floors.min())
    direct = float((floors.min(axis=0) - tops.max(axis=0)).min())
    return BandEdges(valence, conduction, conduction - valence, direct)


def gap_quantities(bands: Bands, functional: str, method: str, source: str = "") -> list[Quantity]:
    """Return ``band_gap`` and ``direct_band_gap``, with what is known of the functional's error.

    Parameters
    ----------
    bands
        On the mesh whose gap is wanted.
    functional
        Such as ``PBE``.
    method
        How the bands were computed.
    source
        Job or file.
    """
    edges = band_edges(bands)
    where = f"Kohn-Sham gap on the mesh of {len(bands.weights)} irreducible k-points, {method}; no statistical error"
    known = GAP_ERRORS.get(functional, f"the error of {functional}'s Kohn-Sham gap is not known here")
    warnings: tuple[str, ...] = (f"{known}; the edges may lie between the k-points.",)
    if edges.gap_eV == 0:
        warnings = ("Bands cross the Fermi level: a metal on this mesh.", *warnings)
    found = [
        Quantity("band_gap", edges.gap_eV, "eV", method=where, warnings=warnings, source=source),
        Quantity("direct_band_gap", edges.direct_eV, "eV", method=where, warnings=warnings, source=source),
    ]
    return found if edges.gap_eV else found[:1]


def density_of_states(
    bands: Bands, *, window_eV: tuple[float, float] = (-10.0, 10.0), width_eV: float = 0.1, points: int = 401
) -> DensityOfStates:
    """Broaden the levels by Gaussians.

    Parameters
    ----------
    bands
        Energies and projections.
    window_eV
        Range around the zero of energy.
    width_eV
        Standard deviation of the Gaussians.
    points
        Of the curve.
    """
    if width_eV <= 0 or window_eV[1] <= window_eV[0] or points < 2:
        raise InputError("a density of states needs a rising window, a positive width and at least two points")
    edges = band_edges(bands)
    energies = np.linspace(*window_eV, points)
    degeneracy = 2.0 / len(bands.energies_eV)
    levels = bands.energies_eV - edges.valence_eV
    weights = degeneracy * np.broadcast_to(bands.weights[None, :, None], levels.shape)
    total = _broadened(levels, weights, energies, width_eV)
    whole = sum(bands.projections.values(), start=np.zeros(levels.shape))
    parts = {
        element: _broadened(levels, weights * part / np.where(whole > 0, whole, 1.0), energies, width_eV)
        for element, part in bands.projections.items()
    }
    zero = "valence band edge" if edges.gap_eV else "Fermi level"
    return DensityOfStates(energies, total, parts, edges.valence_eV, zero)


def _broadened(levels: Array, weights: Array, energies: Array, width: float) -> Array:
    found = np.zeros(len(energies))
    reach = _CORE_REACH * width
    near = (levels > energies[0] - reach) & (levels < energies[-1] + reach)
    for level, weight in zip(levels[near], weights[near], strict=True):
        found += weight * np.exp(-0.5 * ((energies - level) / width) ** 2)
    return np.asarray(found / (width * np.sqrt(2 * np.pi)))


def charge_quantities(
    symbols: Sequence[str],
    atomic_numbers: Sequence[int],
    fine: BaderPartition,
    coarse: BaderPartition,
    source: str = "",
) -> list[Quantity]:
    """Return the mean ``bader_charge`` of each element, in e.

    Parameters
    ----------
    symbols, atomic_numbers
        Of all atoms.
    fine, coarse
        Partitions of one density on two grids; how far they differ at most is taken for the grid's error.
    source
        Job or file.
    """
    charges = np.asarray(atomic_numbers) - fine.electrons
    apart = np.abs(fine.electrons - coarse.electrons)
    warnings: tuple[str, ...] = ()
    if fine.astray > 0.01:
        warnings = (
            f"{fine.astray:.2f} electrons belong to maxima farther than {fine.reach_A:g} Å from any nucleus; "
            "they are counted with the nearest atom.",
        )
    found = []
    for element in dict.fromkeys(symbols):
        own = np.array([symbol == element for symbol in symbols])
        spread = f", {charges[own].min():.3f} to {charges[own].max():.3f}" if own.sum() > 1 else ""
        found.append(
            Quantity(
                "bader_charge", float(charges[own].mean()), "e", uncertainty=float(apart[own].max()), species=element,
                method=f"nuclear charge less the electrons in Bader's basins (weight method), mean of {own.sum()} "
                f"atoms{spread}; error: the largest change from a grid half as fine",
                warnings=warnings, source=source,
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class Displacement:
    """A charge-density difference, seen along one axis of the cell.

    Attributes
    ----------
    height_A
        Distance along the normal of the other two axes, from the origin, shape (n,).
    difference_e_A
        Electrons gained per Å of it, in the whole cross-section, shape (n,).
    moved_e
        Electrons gained between the origin and each height, shape (n,).
    displaced
        ``displaced_charge``: half the integral of the absolute difference.
    """

    height_A: Array
    difference_e_A: Array
    moved_e: Array
    displaced: Quantity


def charge_displacement(
    whole: Array, parts: Sequence[Array], cell: Array, *, axis: int = 2, source: str = ""
) -> Displacement:
    """Return where electrons go when parts become a whole.

    Parameters
    ----------
    whole, parts
        Electron densities on the same grid of the same cell, the atoms of the parts where they are in the whole, in
        e/Å³, shape (n1, n2, n3).
    cell
        Cell vectors as rows in Å.
    axis
        Cell vector along which the difference is laid out.
    source
        Job or file.

    Raises
    ------
    InputError
        If the grids differ.
    """
    if any(part.shape != whole.shape for part in parts):
        shapes = ", ".join("×".join(map(str, one.shape)) for one in (whole, *parts))
        raise InputError(f"densities on different grids cannot be subtracted: {shapes}")
    difference = whole - sum(parts)
    volume = abs(float(np.linalg.det(cell)))
    count = whole.shape[axis]
    area = float(np.linalg.norm(np.cross(*np.delete(cell, axis, axis=0))))
    step = volume / area / count
    others = tuple(k for k in range(3) if k != axis)
    profile = difference.mean(axis=others) * area
    displaced = 0.5 * float(np.abs(difference).mean()) * volume
    left = float(difference.mean()) * volume
    quantity = Quantity(
        "displaced_charge", displaced, "e", source=source,
        method="half the integral of the absolute charge-density difference; no statistical error",
    )  # fmt: skip
    if abs(left) > 0.01:
        quantity = replace(
            quantity,
            converged=False,
            warnings=(f"The parts hold {abs(left):.3f} electrons {'fewer' if left > 0 else 'more'} than the whole.",),
        )
    return Displacement(np.arange(count) * step, profile, np.cumsum(profile) * step, quantity)


def part_charge(charges: Array, chosen: Sequence[int], uncertainty: float, source: str = "") -> Quantity:
    """Return ``charge_transfer``: the charge of a neutral part's atoms in the whole, the electrons that it gave away.

    Parameters
    ----------
    charges
        Charge of each atom of the whole, in e.
    chosen
        Indices of the part's atoms.
    uncertainty
        Largest error of one atom's charge.
    source
        Job or file.
    """
    return Quantity(
        "charge_transfer", float(charges[list(chosen)].sum()), "e", uncertainty=uncertainty * len(chosen),
        method="sum of Bader charges of the part's atoms in the whole; error: that of the grid, for all alike",
        source=source,
    )  # fmt: skip
