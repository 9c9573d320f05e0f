"""Site occupation and jumps between sites: rates, residence times and the correlation factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity
from ..cells import minimum_image
from .density_map import framework_frame

if TYPE_CHECKING:
    from ..reading.trajectory import Trajectory

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_CORE = 0.4
"""Core radius of a site in the distance to the nearest other site: cores do not touch."""


@dataclass(frozen=True)
class JumpRecord:
    """What happened between sites in a run.

    Attributes
    ----------
    sites
        Fractional coordinates, shape ``(S, 3)``.
    cell
        Mean cell, shape ``(3, 3)`` in Å.
    occupation
        Site that each ion was last in the core of, shape ``(F, n)``; -1 before it was in any.
    ion, frame, start, end
        Of each jump: the ion, the frame it arrived in, the sites; shape ``(J,)``, in order of ion and time.
    vector_A
        Displacement between the sites with the images crossed, shape ``(J, 3)``.
    interval_ps
        Time between frames.
    species
        Element of the ions.
    warnings
        Sentences.
    """

    sites: FloatArray
    cell: FloatArray
    occupation: IntArray
    ion: IntArray
    frame: IntArray
    start: IntArray
    end: IntArray
    vector_A: FloatArray
    interval_ps: float
    species: str
    warnings: tuple[str, ...] = ()

    @property
    def n_ions(self) -> int:
        """Number of ions."""
        return int(self.occupation.shape[1])

    @property
    def n_jumps(self) -> int:
        """Number of jumps."""
        return len(self.ion)

    @property
    def observed_ps(self) -> float:
        """Time that all ions together were followed in sites."""
        return float((self.occupation[:-1] >= 0).sum() * self.interval_ps)

    def site_occupancy(self) -> FloatArray:
        """Return the mean number of ions of each site, shape ``(S,)``."""
        inside = self.occupation[self.occupation >= 0]
        return np.asarray(np.bincount(inside, minlength=len(self.sites)) / len(self.occupation))


def find_jumps(
    trajectory: Trajectory,
    species: str,
    sites: FloatArray,
    *,
    core_A: float | None = None,
    framework: str | None = None,
) -> JumpRecord:
    """Follow ions from site to site of a crystal.

    An ion belongs to the site in whose core it was last (core sets, C. Schütte et al., J. Chem. Phys. 134
    (2011) 204105), so that shaking at the border between two sites counts no jumps.

    Parameters
    ----------
    trajectory
        Unwrapped, evenly spaced.
    species
        Element of the ions.
    sites
        Fractional coordinates, shape ``(S, 3)``: of the crystal, or from `density_peaks`.
    core_A
        Radius of the cores; 0.4 of the smallest distance between sites by default.
    framework
        What stands still; all other atoms by default.

    Raises
    ------
    InputError
        If sites coincide, cores overlap, or the frames are not evenly spaced.
    """
    even = trajectory.evenly_spaced()
    places = np.asarray(sites, dtype=float)
    if places.ndim != 2 or places.shape[1] != 3 or len(places) < 2:
        raise InputError(f"sites of shape {places.shape}", remedy="Give two or more fractional coordinates.")
    fractions, cell = framework_frame(even, species, framework)
    nearest = _nearest_site(places, cell)
    if nearest < 0.1:
        raise InputError(f"two sites are {nearest:.2g} Å apart", remedy="Merge them.")
    core = _CORE * nearest if core_A is None else core_A
    if not 0 < core <= nearest / 2:
        raise InputError(f"cores of {core:g} Å overlap or are empty", remedy=f"Choose at most {nearest / 2:.3g} Å.")
    frames, ions = fractions.shape[:2]
    occupation = np.full((frames, ions), -1, dtype=np.int64)
    crossed = np.zeros((frames, ions, 3), dtype=np.int64)  # image of the site that the ion was last in
    last = np.full(ions, -1, dtype=np.int64)
    image = np.zeros((ions, 3), dtype=np.int64)
    outside = 0
    for i, frame in enumerate(fractions):
        site, turns, distance = _closest(frame, places, cell)
        inside = distance <= core
        last[inside], image[inside] = site[inside], turns[inside]
        occupation[i], crossed[i] = last, image
        outside += int((~inside).sum())
    changed = (np.diff(occupation, axis=0) != 0) | np.any(np.diff(crossed, axis=0) != 0, axis=2)
    changed &= occupation[:-1] >= 0
    ion, frame_of = np.nonzero(changed.T)
    start, end = occupation[frame_of, ion], occupation[frame_of + 1, ion]
    turned = crossed[frame_of + 1, ion] - crossed[frame_of, ion]
    vector = (places[end] + turned - places[start]) @ cell
    notes = list(even.warnings)
    share = outside / (frames * ions)
    if share > 0.5:
        notes.append(f"ions are outside all cores {100 * share:.0f} % of the time: the sites may be the wrong ones")
    return JumpRecord(
        places, cell, occupation, ion.astype(np.int64), (frame_of + 1).astype(np.int64), start, end, vector,
        even.interval_ps, species, tuple(notes),
    )  # fmt: skip


def _closest(frame: FloatArray, sites: FloatArray, cell: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the nearest site of each ion, the image of it, and the distance."""
    difference = frame[:, None, :] - sites[None, :, :]
    turns = np.rint(difference)
    square = (((difference - turns) @ cell) ** 2).sum(axis=2)
    best = square.argmin(axis=1)
    rows = np.arange(len(frame))
    return best, turns[rows, best].astype(np.int64), np.sqrt(square[rows, best])


def _nearest_site(sites: FloatArray, cell: FloatArray) -> float:
    difference = sites[:, None, :] - sites[None, :, :]
    distance = np.linalg.norm(minimum_image(difference @ cell, cell), axis=2)
    distance[np.arange(len(sites)), np.arange(len(sites))] = np.inf
    return float(min(distance.min(), np.linalg.norm(cell, axis=1).min()))


def jump_rate(record: JumpRecord) -> Quantity:
    """Return the number of jumps of an ion in a ps, with a 95 % interval.

    The interval is Poisson's (exact, from χ²), widened where the counts of ions spread more than Poisson's
    do, as they must when a jump is followed by the jump back.
    """
    observed = record.observed_ps
    if observed == 0:
        return _none("jump_rate", "1/ps", record, "no ion was in a site")
    count = record.n_jumps
    value = count / observed
    counts = np.bincount(record.ion, minlength=record.n_ions)
    spread = max(1.0, float(counts.var(ddof=1) / counts.mean())) if count and record.n_ions > 1 else 1.0
    low, high = _poisson_interval(count / spread)
    factor = spread / observed
    notes = list(record.warnings)
    if count < 10:
        notes.append(f"only {count} jumps were seen")
    return Quantity(
        "jump_rate", value, "1/ps", uncertainty=float(np.sqrt(max(count, 1) * spread) / observed),
        interval95=(low * factor, high * factor), method="jumps between core sets over time in sites",
        species=record.species, n_effective=count / spread, converged=count >= 10, warnings=tuple(notes),
    )  # fmt: skip


def _poisson_interval(count: float) -> tuple[float, float]:
    """Return the central 95 % interval of a Poisson mean (F. Garwood, Biometrika 28 (1936) 437)."""
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * count) / 2) if count > 0 else 0.0
    return low, float(chi2.ppf(0.975, 2 * count + 2) / 2)


def residence_time(record: JumpRecord, site: int | None = None) -> Quantity:
    """Return the mean time in ps that an ion stays in a site.

    The time in sites over the number of departures: the maximum-likelihood estimate for stays that the
    run's ends cut off, which averaging over complete stays would make too short.

    Parameters
    ----------
    record
        From `find_jumps`.
    site
        One site; None for all.
    """
    inside = record.occupation[:-1] >= 0 if site is None else record.occupation[:-1] == site
    time = float(inside.sum() * record.interval_ps)
    left = record.n_jumps if site is None else int((record.start == site).sum())
    if left == 0:
        why = f"no ion left {'any site' if site is None else f'site {site}'} in {time:.3g} ps of all ions together"
        return _none("residence_time", "ps", record, why)
    low, high = _poisson_interval(left)
    notes = record.warnings if left >= 10 else (*record.warnings, f"only {left} departures were seen")
    return Quantity(
        "residence_time", time / left, "ps", uncertainty=time / left**1.5, interval95=(time / high, time / low),
        method="time in sites over departures", species=record.species, n_effective=float(left),
        converged=left >= 10, warnings=notes,
    )  # fmt: skip


def correlation_factor(record: JumpRecord, *, memory: int = 10) -> Quantity:
    """Return the correlation factor of the jumps: 1 for a random walk, below 1 where jumps are undone.

    ``f = 1 + 2 Σₖ ⟨aⱼ·aⱼ₊ₖ⟩ / ⟨a²⟩`` over successive jumps of the same ion (J. Bardeen, C. Herring, in
    Imperfections in Nearly Perfect Crystals, Wiley 1952, p. 261), to k = `memory`. The error is a jackknife
    over ions.

    Parameters
    ----------
    record
        From `find_jumps`.
    memory
        Number of later jumps that still remember; the result should not change when it is doubled.
    """
    ions = [record.vector_A[record.ion == i] for i in range(record.n_ions)]
    square = np.array([(a**2).sum() for a in ions])
    product = np.array(
        [sum(float((a[:-k] * a[k:]).sum()) for k in range(1, min(memory, len(a) - 1) + 1)) for a in ions]
    )
    if square.sum() == 0:
        return _none("correlation_factor", "1", record, "there was no jump")
    active = len(np.flatnonzero(square))
    value = 1 + 2 * product.sum() / square.sum()
    left_out = 1 + 2 * (product.sum() - product) / np.maximum(square.sum() - square, 1e-300)
    error = float(np.sqrt((len(ions) - 1) / len(ions) * ((left_out - left_out.mean()) ** 2).sum()))
    enough = active >= 5 and record.n_jumps >= 50
    notes = (
        record.warnings if enough else (*record.warnings, f"{record.n_jumps} jumps of {active} ions are too few for it")
    )
    return Quantity(
        "correlation_factor", float(value), "1", uncertainty=error, interval95=(value - 2 * error, value + 2 * error),
        method=f"successive jumps, memory of {memory}", species=record.species, n_effective=float(active),
        converged=enough, warnings=notes,
    )  # fmt: skip


def jump_diffusivity(record: JumpRecord) -> Quantity:
    """Return what the tracer diffusivity would be without correlation, ``Σ a² / (6 n t)``, in cm²/s."""
    from ...units import A2_PS_TO_CM2_S

    if record.n_jumps == 0 or record.observed_ps == 0:
        return _none("jump_diffusivity", "cm^2/s", record, "there was no jump")
    value = float((record.vector_A**2).sum()) / (6 * record.observed_ps) * A2_PS_TO_CM2_S
    rate = jump_rate(record)
    error = value * (rate.uncertainty or 0.0) / (rate.value or 1.0)
    return Quantity(
        "jump_diffusivity", value, "cm^2/s", uncertainty=error, method="sum of squared jumps over time in sites",
        species=record.species, n_effective=rate.n_effective, converged=rate.converged, warnings=rate.warnings,
    )  # fmt: skip


def _none(name: str, unit: str, record: JumpRecord, why: str) -> Quantity:
    return Quantity(name, None, unit, species=record.species, converged=False, warnings=(*record.warnings, why))
