"""Radial distribution, coordination, density and volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity
from ...units import G_MOL_A3_TO_G_CM3
from ..series import mean_quantity
from .neighbours import pairs_within

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..reading.trajectory import Trajectory

FloatArray = NDArray[np.float64]
_BLOCKS = 5


@dataclass(frozen=True)
class RadialDistribution:
    """Radial distribution function of a pair of elements.

    Attributes
    ----------
    pair
        Element at the centre and element counted.
    r_A
        Middles of the bins, shape ``(B,)``.
    g
        Density of the second around the first relative to its mean, shape ``(B,)``.
    g_error
        Standard error from blocks of frames, shape ``(B,)``; NaN for fewer than five frames.
    coordination
        Mean number of the second within the outer edge of each bin, shape ``(B,)``.
    n_frames
        Frames averaged over.
    """

    pair: tuple[str, str]
    r_A: FloatArray
    g: FloatArray
    g_error: FloatArray
    coordination: FloatArray
    n_frames: int

    def first_minimum_A(self) -> float | None:
        """Return the distance of the first minimum behind the first peak, or None where there is none.

        The function is smoothed over 0.15 Å first; peak and minimum must differ by more than 10 % of the
        peak.
        """
        width = max(1, round(0.15 / (self.r_A[1] - self.r_A[0])))
        smooth = np.convolve(self.g, np.ones(width) / width, mode="same")
        if smooth.max() < 1:
            return None
        peak = int(np.argmax(smooth > max(1.0, 0.5 * smooth.max())))
        while peak + 1 < len(smooth) and smooth[peak + 1] >= smooth[peak]:
            peak += 1
        lowest = peak
        for k in range(peak + 1, len(smooth)):
            if smooth[k] < smooth[lowest]:
                lowest = k
            elif smooth[k] > smooth[lowest] + 0.1 * smooth[peak]:
                return float(self.r_A[lowest])
        return None


class RadialCounter:
    """Counts pairs frame by frame; one for each pair of elements, all fed from one pass over a trajectory.

    Parameters
    ----------
    species
        Element of each atom.
    pair
        Element at the centre and element counted.
    r_max_A, bins
        Range and number of bins.
    """

    def __init__(self, species: Sequence[str], pair: tuple[str, str], r_max_A: float = 8.0, bins: int = 200) -> None:
        names = np.asarray(species)
        self.pair = pair
        self.edges = np.linspace(0.0, r_max_A, bins + 1)
        self._a = np.flatnonzero(names == pair[0])
        self._b = np.flatnonzero(names == pair[1])
        for name, atoms in zip(pair, (self._a, self._b), strict=True):
            if not len(atoms):
                raise InputError(f"there is no {name} among {', '.join(sorted(set(species)))}")
        self._same = pair[0] == pair[1]
        self._g: list[FloatArray] = []
        self._counts = np.zeros(bins)

    def add(
        self, positions: FloatArray, cell: FloatArray, periodic: tuple[bool, bool, bool] = (True, True, True)
    ) -> None:
        """Count one frame of positions, shape ``(N, 3)``, in a cell, shape ``(3, 3)``, both in Å."""
        atoms = self._a if self._same else np.concatenate([self._a, self._b])
        found = pairs_within(
            positions[atoms], cell, float(self.edges[-1]), centres=np.arange(len(self._a)), periodic=periodic
        )
        distance = found.distance_A if self._same else found.distance_A[found.second >= len(self._a)]
        counts = np.histogram(distance, self.edges)[0]
        others = len(self._b) - self._same
        if others == 0:
            raise InputError(f"one {self.pair[0]} alone has no distances to others")
        shells = 4 / 3 * np.pi * np.diff(self.edges**3)
        # N-1 others in the volume: then g tends to 1, and images of the atom itself count as others where they do.
        density = others / abs(np.linalg.det(cell))
        self._g.append(counts / (len(self._a) * density * shells))
        self._counts += counts

    def result(self) -> RadialDistribution:
        """Return the mean over the frames."""
        if not self._g:
            raise InputError("no frame was counted")
        frames = np.array(self._g)
        error = np.full(frames.shape[1], np.nan)
        if len(frames) >= _BLOCKS:
            blocks = np.array([block.mean(axis=0) for block in np.array_split(frames, _BLOCKS)])
            error = blocks.std(axis=0, ddof=1) / np.sqrt(_BLOCKS)
        return RadialDistribution(
            self.pair,
            (self.edges[1:] + self.edges[:-1]) / 2,
            frames.mean(axis=0),
            error,
            np.cumsum(self._counts) / (len(frames) * len(self._a)),
            len(frames),
        )


def radial_distribution(
    trajectory: Trajectory, first: str, second: str, *, r_max_A: float = 8.0, bins: int = 200
) -> RadialDistribution:
    """Return the radial distribution function of two elements, averaged over the frames.

    Parameters
    ----------
    trajectory
        Any cell; distances beyond half the cell run over all images.
    first, second
        Element at the centre, element counted.
    r_max_A, bins
        Range and number of bins.

    Raises
    ------
    InputError
        If an element is missing.
    """
    counter = RadialCounter(trajectory.species, (first, second), r_max_A, bins)
    for frame in range(trajectory.n_frames):
        counter.add(trajectory.positions[frame], trajectory.cells[frame], trajectory.periodic)
    return counter.result()


def coordination_number(trajectory: Trajectory, first: str, second: str, *, cutoff_A: float | None = None) -> Quantity:
    """Return how many atoms of the second element surround one of the first.

    Parameters
    ----------
    trajectory
        Any cell.
    first, second
        Element at the centre, element counted.
    cutoff_A
        Distance; by default the first minimum of the radial distribution function.

    Returns
    -------
    Quantity
        ``coordination_number``; without a value where no first minimum separates a shell.
    """
    label = f"{first}-{second}"
    if cutoff_A is None:
        cutoff_A = radial_distribution(trajectory, first, second).first_minimum_A()
    if cutoff_A is None:
        why = "the radial distribution function has no first minimum below 8 Å; give cutoff_A"
        return Quantity("coordination_number", None, "1", species=label, converged=False, warnings=(why,))
    a = trajectory.indices(first)
    b = np.zeros(trajectory.n_atoms, dtype=bool)
    b[trajectory.indices(second)] = True
    series = []
    for positions, cell in zip(trajectory.positions, trajectory.cells, strict=True):
        found = pairs_within(positions, cell, cutoff_A, centres=a, periodic=trajectory.periodic)
        series.append(b[found.second].sum() / len(a))
    quantity = _mean("coordination_number", np.array(series), "1", trajectory.source)
    return _with(quantity, species=label, method=f"neighbours within {cutoff_A:.3g} Å; {quantity.method}")


def _mean(name: str, series: NDArray[np.floating], unit: str, source: str) -> Quantity:
    """Return a time average; what does not change over the run is exact."""
    values = np.asarray(series, dtype=float)
    if np.ptp(values) <= 1e-12 * abs(values[0]):
        return Quantity(name, float(values[0]), unit, uncertainty=0.0, method="the same in all frames", source=source)
    return mean_quantity(name, values, unit, source=source)


def _with(quantity: Quantity, **changes: object) -> Quantity:
    from dataclasses import replace

    return replace(quantity, **changes)  # type: ignore[arg-type]  # fields of Quantity


def mass_density(trajectory: Trajectory) -> Quantity:
    """Return the mean mass density in g/cm³; natural isotopes."""
    from ase.data import atomic_masses, atomic_numbers

    if unknown := sorted(set(trajectory.species) - set(atomic_numbers)):
        raise InputError(f"{unknown[0]} is no element", remedy="Map types to elements with data or species.")
    mass = sum(float(atomic_masses[atomic_numbers[name]]) for name in trajectory.species)
    return _mean("mass_density", mass / trajectory.volume * G_MOL_A3_TO_G_CM3, "g/cm^3", trajectory.source)


def volume_per_host_atom(trajectory: Trajectory, host: str | Iterable[str]) -> Quantity:
    """Return the mean cell volume per atom of the host (Si, Sn, ...) in Å³, the measure of lithiation's expansion.

    Parameters
    ----------
    trajectory
        A cell filled with the alloy.
    host
        Host element or elements.
    """
    count = len(trajectory.indices(host))
    quantity = _mean("volume_per_host_atom", trajectory.volume / count, "A^3", trajectory.source)
    name = host if isinstance(host, str) else "+".join(sorted(host))
    return _with(quantity, species=name)


def expansion(volume: Quantity, reference: Quantity) -> Quantity:
    """Return the relative change of a volume per host atom, ``V/V₀ − 1``, with both errors propagated.

    Parameters
    ----------
    volume, reference
        From `volume_per_host_atom`, of the lithiated and of the pristine host.
    """
    if volume.value is None or not reference.value:
        why = "one of the volumes has no value"
        return Quantity("volumetric_expansion", None, "1", species=volume.species, converged=False, warnings=(why,))
    ratio = volume.value / reference.value
    parts = [(q.uncertainty or 0.0) / q.value for q in (volume, reference) if q.value]
    error = ratio * sum(part**2 for part in parts) ** 0.5
    return Quantity(
        "volumetric_expansion",
        ratio - 1,
        "1",
        uncertainty=error,
        interval95=(ratio - 1 - 1.96 * error, ratio - 1 + 1.96 * error),
        method="ratio of volumes per host atom",
        species=volume.species,
        warnings=tuple(dict.fromkeys(volume.warnings + reference.warnings)),
    )
