"""Where ions spend their time: density maps, their peaks, and the barrier at which the density percolates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity
from ...units import BOLTZMANN_EV_K

if TYPE_CHECKING:
    from ..reading.trajectory import Trajectory

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class DensityMap:
    """Number density of a species on a grid of the mean cell.

    Attributes
    ----------
    density_per_A3
        Shape ``(n1, n2, n3)``; the voxel (i, j, k) begins at fractions (i/n1, j/n2, k/n3).
    cell
        Mean cell, shape ``(3, 3)`` in Å.
    species
        Element.
    n_samples
        Positions counted.
    width_A
        Standard deviation of the Gaussian that it was smoothed with.
    """

    density_per_A3: FloatArray
    cell: FloatArray
    species: str
    n_samples: int
    width_A: float = 0.0


def framework_frame(trajectory: Trajectory, species: str, framework: str | None) -> tuple[FloatArray, FloatArray]:
    """Return fractional coordinates of a species with the drift of the framework taken out, and the mean cell.

    Parameters
    ----------
    trajectory
        Any cell; fractions are of each frame's own cell, so a breathing cell does not smear the map.
    species
        Element of the ions.
    framework
        Element or elements that stand still; None for all other atoms, or all if there are none.

    Returns
    -------
    tuple
        Fractions, shape ``(F, n, 3)``, not wrapped; mean cell, shape ``(3, 3)`` in Å.
    """
    ions = trajectory.indices(species)
    if framework is None:
        rest = np.setdiff1d(np.arange(trajectory.n_atoms), ions)
        still = rest if len(rest) else ions
    else:
        still = trajectory.indices(framework)
    inverse = np.linalg.inv(trajectory.cells)
    origins = np.zeros((trajectory.n_frames, 3)) if trajectory.origins is None else trajectory.origins
    fractions = np.einsum("fni,fij->fnj", trajectory.positions - origins[:, None], inverse)
    moved = fractions[:, still] - fractions[:1, still]
    return fractions[:, ions] - moved.mean(axis=1, keepdims=True), np.asarray(trajectory.cells.mean(axis=0))


def density_map(
    trajectory: Trajectory, species: str, *, spacing_A: float = 0.25, framework: str | None = None
) -> DensityMap:
    """Return the density of a species averaged over the run, with the drift of the framework taken out.

    Parameters
    ----------
    trajectory
        Unwrapped.
    species
        Element.
    spacing_A
        Edge of a voxel, at most.
    framework
        What stands still; see `framework_frame`.
    """
    fractions, cell = framework_frame(trajectory, species, framework)
    shape = np.maximum(1, np.ceil(np.linalg.norm(cell, axis=1) / spacing_A)).astype(int)
    counts = np.zeros(int(np.prod(shape)), dtype=np.int64)
    for frame in fractions:
        voxel = np.floor((frame - np.floor(frame)) * shape).astype(np.int64)
        voxel = np.minimum(voxel, shape - 1)
        counts += np.bincount(np.ravel_multi_index(voxel.T, shape), minlength=counts.size)
    voxel_volume = abs(np.linalg.det(cell)) / counts.size
    density = counts.reshape(shape) / (len(fractions) * voxel_volume)
    return DensityMap(density, cell, species, int(fractions.shape[0] * fractions.shape[1]))


def smooth(density: DensityMap, width_A: float) -> DensityMap:
    """Return the map convolved with a Gaussian of standard deviation `width_A` along each box vector."""
    from dataclasses import replace

    from scipy.ndimage import gaussian_filter

    shape = np.array(density.density_per_A3.shape)
    sigma = width_A / (np.linalg.norm(density.cell, axis=1) / shape)
    return replace(density, density_per_A3=gaussian_filter(density.density_per_A3, sigma, mode="wrap"), width_A=width_A)


def density_peaks(density: DensityMap, *, separation_A: float = 1.2, least: float = 0.05) -> FloatArray:
    """Return the fractional coordinates of the maxima of a map, shape ``(S, 3)``, highest first.

    Parameters
    ----------
    density
        Smoothed over a few tenths of an Å, else noise has maxima of its own.
    separation_A
        Of two maxima closer than this the lower is left out.
    least
        Height of the lowest maximum kept, relative to the highest.
    """
    from scipy.ndimage import maximum_filter

    from ..cells import minimum_image

    values = density.density_per_A3
    shape = np.array(values.shape)
    top = (values == maximum_filter(values, size=3, mode="wrap")) & (values > least * values.max())
    places = (np.argwhere(top) + 0.5) / shape
    heights = values[top]
    kept: list[FloatArray] = []
    for place in places[np.argsort(-heights, kind="stable")]:
        near = np.array(kept) - place if kept else np.empty((0, 3))
        if (
            not len(near)
            or np.linalg.norm(minimum_image(near @ density.cell, density.cell), axis=1).min() > separation_A
        ):
            kept.append(place)
    return np.array(kept)


def percolation_barriers(density: DensityMap, temperature_K: float) -> tuple[Quantity, Quantity, Quantity]:
    """Return the free-energy barriers along the three box vectors that the density map implies.

    ``ΔF = k_B T ln(ρ_max / ρ_c)``, where ρ_c is the highest density at which the region denser than it
    connects a point with its own periodic image. As for any free energy from a histogram, both the finite
    run and the voxel size bias it: a density of less than one count a voxel cannot be told from none. The error
    counts positions as independent; frames closer than a hop are not.

    Parameters
    ----------
    density
        Smoothed map.
    temperature_K
        Of the run.

    Returns
    -------
    tuple of Quantity
        ``percolation_barrier_1`` to ``_3`` in eV; without value where the density does not percolate.
    """
    if not (np.isfinite(temperature_K) and temperature_K > 0):
        raise InputError(f"the temperature is {temperature_K} K", remedy="Give a positive temperature.")
    from .percolation import percolate

    values = np.ascontiguousarray(density.density_per_A3, dtype=float)
    order = np.argsort(-values.ravel(), kind="stable")
    order = order[values.ravel()[order] > 0]
    levels = percolate(order.astype(np.int64), np.array(values.shape, dtype=np.int64))
    found = []
    # A smoothed voxel averages over the volume of the Gaussian, (2 √π σ)³.
    seen_A3 = max(abs(np.linalg.det(density.cell)) / values.size, (2 * np.sqrt(np.pi) * density.width_A) ** 3)
    frames = density.n_samples / _ions(density)
    for axis, level in enumerate(levels, 1):
        name = f"percolation_barrier_{axis}"
        method = "k_B T ln of the peak density over the percolating density"
        if level < 0:
            why = f"the density of {density.species} does not percolate along box vector {axis}"
            found.append(
                Quantity(name, None, "eV", species=density.species, converged=False, warnings=(why,), method=method)
            )
            continue
        critical = float(values.ravel()[level])
        barrier = BOLTZMANN_EV_K * temperature_K * float(np.log(values.max() / critical))
        counts = critical * seen_A3 * frames
        error = BOLTZMANN_EV_K * temperature_K / np.sqrt(max(counts, 1.0))
        few = counts < 10
        warning = (f"only {counts:.1f} positions were counted at the saddle",) if few else ()
        found.append(
            Quantity(
                name,
                barrier,
                "eV",
                uncertainty=float(error),
                method=method,
                species=density.species,
                n_effective=float(counts),
                converged=not few,
                warnings=warning,
            )
        )
    return found[0], found[1], found[2]


def _ions(density: DensityMap) -> float:
    """Return the number of ions, from the mean density and the volume."""
    return float(density.density_per_A3.mean() * abs(np.linalg.det(density.cell)))
