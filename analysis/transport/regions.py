"""Diffusion in layers beside an interface, right also when ions cross from one layer to the next.

Parallel: displacements in the plane of ions that stay in their layer for the whole lag, divided by how many stay
(P. Liu, E. Harder, B. J. Berne, J. Phys. Chem. B 108 (2004) 6595). Counting an ion by where it begins, or by
where it is on average, mixes the layers. Perpendicular: the local coefficient of the Smoluchowski equation that
makes the observed moves between thin slices most likely, given the observed density (G. Hummer, New J. Phys. 7
(2005) 34).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ...units import A2_PS_TO_CM2_S
from ..structure.profiles import layer_count
from .gls import FloatArray, logarithmic_lags
from .msd_fit import fit_walkers, needed_ps

PARALLEL = "squared displacement in the plane of ions that stay in the layer, error by leaving ions out"
PERPENDICULAR = "most likely local coefficient of the Smoluchowski equation, error by leaving groups of ions out"

_FEWEST_STAYS = 30
"""Ions times independent stays below which a lag is not used."""

_HOP_A2 = 4.0
"""What ions have to have diffused, as in `tracer_diffusivity`."""

_GROUPS = 8
"""Groups of ions that are left out in turn."""

_ROUNDING = 1e-14
"""Probability below which a move is lost in the rounding of the eigenvectors."""


@dataclass(frozen=True)
class LayerDiffusion:
    """Diffusion coefficients by layer.

    Attributes
    ----------
    z_A
        Middle of each layer, shape ``(B,)``, in Å.
    edges_A
        Bounds, shape ``(B + 1,)``, in Å.
    parallel, perpendicular
        Coefficients in cm²/s, B of each; ``value`` None with the reason where a layer gives none.
    residence_ps
        Mean time an ion stays in the layer, shape ``(B,)``, in ps; NaN for layers nobody leaves or enters.
    """

    z_A: FloatArray
    edges_A: FloatArray
    parallel: tuple[Quantity, ...]
    perpendicular: tuple[Quantity, ...]
    residence_ps: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "z_A": self.z_A.tolist(),
            "edges_A": self.edges_A.tolist(),
            "parallel": [item.to_dict() for item in self.parallel],
            "perpendicular": [item.to_dict() for item in self.perpendicular],
            "residence_ps": [float(value) if np.isfinite(value) else None for value in self.residence_ps],
        }


def layer_diffusivity(
    displacements_A: FloatArray,
    height_A: FloatArray,
    *,
    period_A: float,
    time_step_ps: float,
    layer_A: float = 5.0,
    species: str = "Li",
    source: str = "",
    perpendicular: bool = True,
) -> LayerDiffusion:
    """Return the diffusion coefficients parallel and perpendicular to layers.

    Parameters
    ----------
    displacements_A
        Continuous displacements in the plane along two orthogonal directions, shape ``(F, N, 2)``, in Å, drift removed.
    height_A
        Height of the same ions inside the cell, shape ``(F, N)``, in Å.
    period_A
        Height of the cell in Å.
    time_step_ps
        Time between frames in ps.
    layer_A
        Thickness of a layer in Å; the nearest that divides the cell is taken. It should exceed a hop.
    species
        What diffuses, for the record.
    source
        File or job.
    perpendicular
        Whether to fit the perpendicular coefficient, which costs more.

    Raises
    ------
    InputError
        If shapes do not belong together.
    """
    frames, ions = height_A.shape
    if displacements_A.shape != (frames, ions, 2) or frames < 20:
        raise InputError(
            f"displacements {displacements_A.shape} and heights {height_A.shape} do not belong together or are too few",
            remedy="Give (F, N, 2) and (F, N) with F of at least 20.",
        )
    count = layer_count(period_A, layer_A)
    edges = np.linspace(0.0, period_A, count + 1)
    layer = np.minimum((np.mod(height_A, period_A) / period_A * count).astype(int), count - 1)
    common: list[dict[str, Any]] = [
        {"unit": "cm^2/s", "species": species, "source": f"{source}; layer {low:.1f}–{high:.1f} Å".lstrip("; ")}
        for low, high in itertools.pairwise(edges)
    ]
    along = []
    residence = np.full(count, np.nan)
    for index in range(count):
        inside = layer == index
        exits = float((inside[:-1] & ~inside[1:]).sum())
        if exits:
            residence[index] = float(inside.sum()) * time_step_ps / exits
        along.append(_parallel(displacements_A, inside, time_step_ps, common[index]))
    if perpendicular:
        across = _perpendicular(np.mod(height_A, period_A), period_A, count, time_step_ps, common)
    else:
        missing = "the perpendicular coefficient was not asked for"
        across = [_none("perpendicular_diffusivity", PERPENDICULAR, missing, part) for part in common]
    return LayerDiffusion(0.5 * (edges[1:] + edges[:-1]), edges, tuple(along), tuple(across), residence)


def _none(name: str, method: str, reason: str, common: dict[str, Any]) -> Quantity:
    return Quantity(name=name, value=None, method=method, converged=False, warnings=(reason,), **common)


def staying_msd(displacements_A: FloatArray, inside: Any, lags: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return the summed squared displacements of ions that stay inside for the whole lag, and how often they do.

    Parameters
    ----------
    displacements_A
        Shape ``(F, N, d)``, in Å.
    inside
        Whether each ion is in the region, boolean, shape ``(F, N)``.
    lags
        Lags in frames.

    Returns
    -------
    tuple of ndarray
        Sums in Å² and counts, each of shape ``(len(lags), N)``.
    """
    frames, ions = inside.shape
    times = np.arange(frames)[:, None]
    last_outside = np.maximum.accumulate(np.where(inside, -1, times), axis=0)
    sums = np.zeros((len(lags), ions))
    counts = np.zeros((len(lags), ions))
    for row, lag in enumerate(lags):
        stayed = last_outside[lag:] < times[: frames - lag]
        moved = displacements_A[lag:] - displacements_A[:-lag]
        sums[row] = ((moved**2).sum(axis=2) * stayed).sum(axis=0)
        counts[row] = stayed.sum(axis=0)
    return sums, counts


def staying_diffusivity(
    displacements_A: FloatArray, inside: Any, *, time_step_ps: float, species: str = "Li", source: str = ""
) -> Quantity:
    """Return the coefficient in a plane from ions that stay in a region for the whole lag.

    Parameters
    ----------
    displacements_A
        Continuous displacements along two orthogonal directions, shape ``(F, N, 2)``, in Å, drift removed.
    inside
        Whether each ion is in the region, boolean, shape ``(F, N)``.
    time_step_ps
        Time between frames in ps.
    species, source
        For the record.

    Returns
    -------
    Quantity
        ``parallel_diffusivity`` in cm²/s, without a value where ions leave too soon or do not diffuse.

    Raises
    ------
    InputError
        If shapes do not belong together or there are fewer than 20 frames.
    """
    inside = np.asarray(inside, dtype=bool)
    if inside.ndim != 2 or displacements_A.shape != (*inside.shape, 2) or inside.shape[0] < 20:
        raise InputError(
            f"displacements {displacements_A.shape} and region {inside.shape} do not belong together or are too few",
            remedy="Give (F, N, 2) and (F, N) with F of at least 20.",
        )
    return _parallel(displacements_A, inside, time_step_ps, {"unit": "cm^2/s", "species": species, "source": source})


def _parallel(displacements_A: FloatArray, inside: Any, time_step_ps: float, common: dict[str, Any]) -> Quantity:
    """Return the coefficient in the plane from ions that stay in the layer."""
    name = "parallel_diffusivity"
    frames = inside.shape[0]
    visitors = np.flatnonzero(inside.any(axis=0))
    if len(visitors) < 4:
        nobody = f"no {common['species']} is in the layer"
        few = f"only {len(visitors)} ions visit the layer" if len(visitors) else nobody
        return _none(name, PARALLEL, few, common)
    # few ions: the stays of an ion in different parts of the run are further samples
    pieces = max(1, min(-(-24 // len(visitors)), frames // 50))
    length = frames // pieces
    cut = displacements_A[: length * pieces, visitors].reshape(pieces, length, len(visitors), 2)
    moved = cut.transpose(1, 0, 2, 3).reshape(length, -1, 2)
    here = inside[: length * pieces, visitors].reshape(pieces, length, -1).transpose(1, 0, 2).reshape(length, -1)
    lags = logarithmic_lags(max(2, length // 2))
    sums, counts = staying_msd(moved, here, lags)
    # stays that overlap are not independent: one in each lag counts
    enough = counts.sum(axis=1) / np.array(lags) >= _FEWEST_STAYS
    usable = int(np.argmin(enough)) if not enough.all() else len(lags)
    present = counts[0] > 0
    units = int(present.sum())
    if usable < 5 or units < 4:
        return _none(name, PARALLEL, "ions leave the layer too soon for a mean squared displacement in it", common)
    lags, sums, counts = lags[:usable], sums[:usable, present], counts[:usable, present]
    total, stays = sums.sum(axis=1), counts.sum(axis=1)
    without = (total[:, None] - sums) / np.maximum(stays[:, None] - counts, 1e-12)
    pseudo = units * (total / stays)[:, None] - (units - 1) * without
    fit = fit_walkers(pseudo, lags, length, 2, pieces)
    slope, error = fit.slope / time_step_ps, fit.slope_error / time_step_ps
    if not fit.consistent or slope <= fit.quantile() * error:
        why = "is not distinct from zero" if fit.consistent else "still changes"
        needed = needed_ps(fit, slope, error, frames * time_step_ps, _HOP_A2)
        reason = (
            f"not diffusive while ions stay in the layer: the slope {why}; a run of {needed:.3g} ps or more is needed"
        )
        return _none(name, PARALLEL, reason, common)
    value, sigma = slope / 4 * A2_PS_TO_CM2_S, error / 4 * A2_PS_TO_CM2_S
    return Quantity(
        name=name,
        value=value,
        uncertainty=sigma,
        interval95=fit.interval(value, sigma),
        method=PARALLEL,
        n_effective=round((value / sigma) ** 2, 1) if sigma > 0 else None,
        **common,
    )


def _perpendicular(
    height: FloatArray, period: float, layers: int, time_step_ps: float, common: list[dict[str, Any]], slices: int = 8
) -> list[Quantity]:
    """Return the coefficient across each layer from the moves between its slices."""
    from scipy.stats import t

    name = "perpendicular_diffusivity"
    bins = layers * slices
    width = period / bins
    index = np.minimum((height / width).astype(int), bins - 1)
    frames, ions = index.shape
    occupied = np.bincount(index.ravel(), minlength=bins).astype(float)
    step = np.diff(height, axis=0)
    moved = np.cumsum(step - period * np.rint(step / period), axis=0)
    short, long = max(1, frames // 20), max(2, frames // 10)
    rises = [float(((moved[lag:] - moved[:-lag]) ** 2).mean()) for lag in (short, long)]
    rough = (rises[1] - rises[0]) / (2 * (long - short))
    visited = occupied.reshape(layers, slices).sum(axis=1) > 0
    nobody = [f"no {part['species']} is in the layer" for part in common]
    if rough <= 0 or ions < _GROUPS:
        reason = "the ions do not diffuse along the normal" if rough <= 0 else f"{ions} ions are too few"
        return [
            _none(name, PERPENDICULAR, reason if visited[layer] else nobody[layer], part)
            for layer, part in enumerate(common)
        ]
    # moves must reach over slices: below that, crossing back and forth looks like diffusion
    lag = int(np.clip(round(4 * width**2 / rough), 1, max(1, frames // 10)))
    # the slowest layer decides, as far as the run is long enough for it
    guess = np.full(layers, rough * lag / width**2)
    probe = _most_likely(_moves(index, bins, lag), occupied, layers, slices, guess)
    probed = lag
    lag = int(np.clip(round(lag / float(np.clip(probe.min() / 4, 0.2, 1.0))), 1, max(1, frames // 20)))
    found = []
    for factor in (1, 2):
        tau = min(lag * factor, frames - 1)
        unit = tau / width**2
        groups = np.stack([_moves(index[:, group::_GROUPS], bins, tau) for group in range(_GROUPS)])
        first = _most_likely(groups.sum(axis=0), occupied, layers, slices, probe * tau / probed)
        rest = [_most_likely(groups.sum(axis=0) - part, occupied, layers, slices, first) for part in groups]
        # an ion is anywhere in its slice at both ends of a move, which adds width²/6 to the squared move
        whole = np.maximum(first - 1 / 12, 1e-3 * first) / unit
        without = np.array([np.maximum(part - 1 / 12, 1e-3 * part) / unit for part in rest])
        spread = np.sqrt((_GROUPS - 1) * without.var(axis=0))
        found.append((whole, spread, without))
    (early, _, early_without), (late, late_spread, late_without) = found
    difference = np.sqrt((_GROUPS - 1) * (np.log(late_without) - np.log(early_without)).var(axis=0))
    quantile = float(t.ppf(0.975, _GROUPS - 1))
    results = []
    for layer in range(layers):
        weight = occupied[layer * slices : (layer + 1) * slices]
        if weight.min() < _FEWEST_STAYS:
            empty = "part of the layer is empty" if visited[layer] else nobody[layer]
            results.append(_none(name, PERPENDICULAR, empty, common[layer]))
            continue
        value = late[layer] / time_step_ps * A2_PS_TO_CM2_S
        error = late_spread[layer] / time_step_ps * A2_PS_TO_CM2_S
        if not error < value:
            needed = frames * time_step_ps * min(max(2.0, (error / value) ** 2), 1e6)
            reason = f"too few moves across the layer: a run of {needed:.3g} ps or more is needed"
            results.append(_none(name, PERPENDICULAR, reason, common[layer]))
            continue
        warnings = []
        change = float(np.log(late[layer] / early[layer]))
        if abs(change) > max(quantile * float(difference[layer]), 0.1):
            warnings.append(
                f"the coefficient changes by {100 * change:+.0f} % when the lag is doubled: the motion across the "
                f"layer is not simple diffusion within {2 * lag * time_step_ps:.3g} ps"
            )
        widen = float(np.exp(min(quantile * error / value, 50.0)))
        results.append(
            Quantity(
                name=name,
                value=float(value),
                uncertainty=float(error),
                interval95=(float(value) / widen, float(value) * widen),
                method=PERPENDICULAR + f", lag {2 * lag * time_step_ps:.3g} ps",
                n_effective=round(2 * float(value / error) ** 2, 1) if error > 0 else None,
                warnings=tuple(warnings),
                **common[layer],
            )
        )
    return results


def _moves(index: Any, bins: int, lag: int) -> FloatArray:
    """Count moves from slice j to slice i in so many frames, shape ``(bins, bins)``."""
    flat = index[lag:].ravel() * bins + index[:-lag].ravel()
    return np.bincount(flat, minlength=bins * bins).reshape(bins, bins).astype(float)


def _most_likely(moves: FloatArray, occupied: FloatArray, layers: int, slices: int, first: FloatArray) -> FloatArray:
    """Return ``D * lag / width**2`` of each layer that makes the moves most likely.

    The rate from slice j to its neighbour i is ``D / width**2 * sqrt(p_i / p_j)``, which keeps the density p.
    """
    from scipy.optimize import minimize

    bins = layers * slices
    p = (occupied + 1.0) / (occupied + 1.0).sum()
    root = np.sqrt(p)
    # D at the face between slices k and k + 1: the mean of the layers on its two sides
    left = np.arange(bins) // slices
    right = (np.arange(bins) + 1) % bins // slices

    def negative(parameters: FloatArray) -> float:
        value = np.exp(parameters)
        face = 0.5 * (value[left] + value[right])
        symmetric = np.zeros((bins, bins))
        here, there = np.arange(bins), (np.arange(bins) + 1) % bins
        symmetric[here, there] += face
        symmetric[there, here] += face
        leaving = np.zeros(bins)
        np.add.at(leaving, here, face * root[there] / root[here])
        np.add.at(leaving, there, face * root[here] / root[there])
        symmetric[here, here] -= leaving
        energies, vectors = np.linalg.eigh(symmetric)
        kernel = (vectors * np.exp(energies)) @ vectors.T
        probability = kernel * root[:, None] / root[None, :]
        return -float((moves * np.log(np.maximum(probability, _ROUNDING))).sum() / moves.sum())

    best = minimize(negative, np.log(first), method="L-BFGS-B", bounds=[(-12.0, 8.0)] * layers)
    return np.asarray(np.exp(best.x), dtype=float)
