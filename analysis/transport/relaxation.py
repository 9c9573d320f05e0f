"""The slope of an MSD that relaxes before it becomes straight, averaged over what may be relaxing.

The mean squared displacement (MSD) of an ion that hops back, rattles in a cage or keeps its momentum is a straight line
plus relaxations, ``2 d D t + b + sum of A_j (1 - exp(-t / tau_j))``. Which of them are there is not known, and leaving
out all lags that might hold one costs most of the accuracy. So every set of relaxation times from ``tau_i`` to
``tau_j`` is a model, also the empty one, and the slope is the median over models, each with the weight that the data
give it. Where nothing relaxes the shortest lags count in full; where something does, or cannot be excluded, the
interval says so.

The points of the MSD are correlated. Their covariance is that of the Gaussian process which has this MSD, plus that of
hops at random times, in the proportion that the spread over the ions asks for. The error of each model's slope comes
from the spread over ions.

Sources: H. Qian, M. P. Sheetz, E. L. Elson, Biophys. J. 60 (1991) 910 (covariance of a time-averaged MSD);
J. A. Hoeting, D. Madigan, A. E. Raftery, C. T. Volinsky, Statist. Sci. 14 (1999) 382 (averaging over models);
A. R. McCluskey, S. W. Coles, B. J. Morgan, J. Chem. Theory Comput. 21 (2025) 79 (posterior of a slope).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .gls import FloatArray, msd_covariance
from .msd_fit import walk_and_noise

_RELAXES = 0.4
"""Probability, before the data are seen, that relaxations reach into the lags at hand."""

_FROM_THE_FIRST = 0.75
"""Of that, the part for relaxations that begin at one frame; the rest begin at any time."""

_OFFSET = 0.5
"""Probability, before the data are seen, of something faster than a frame, such as vibration."""

_SUM_OF_IONS = (0.45, 0.1, 0.25, 0.2)
"""Probabilities that a sum of ions does not relax, has noise of its own, relaxes just as its ions do by themselves
(they are independent), and relaxes by any part of that."""

_JUST_AS = 0.1
"""Width of the prior of the amplitude where a sum relaxes just as its ions do."""

_LONGEST_PART = 8
"""The slowest relaxation that is looked for takes this part of the run; slower ones cannot be told from diffusion."""

_ALL_SHIFTS = 1000
"""Frames of a run up to which no shift between windows is left out."""

_FLOOR = 1e-7
"""Smallest eigenvalue of a correlation of lags that is believed."""

_SETTLED = 0.05
"""The window begins where the slope is within this part of its final value."""


class Prepared(NamedTuple):
    """Columns of the models and the data, in the metric of the covariance: products of columns suffice."""

    times: FloatArray
    scale: FloatArray
    gram: FloatArray
    project: FloatArray
    columns: FloatArray


@dataclass(frozen=True)
class AveragedLine:
    """The slope averaged over models of relaxation, per frame.

    Attributes
    ----------
    slope
        Median over the models, in Å² a frame; not positive if no model has a positive slope.
    low, high
        Bounds of its 95 % interval.
    above_zero
        Whether the interval on a linear scale leaves zero out.
    intercept
        What the straight line has at lag zero, in Å².
    settled
        Index of the first lag at which the slope is within 5 % of the final one.
    share
        Probability that something relaxes.
    relaxation_A2
        What the curve has beside the slope at each lag, shape ``(K,)``, in Å², on average over the models.
    """

    slope: float
    low: float
    high: float
    above_zero: bool
    intercept: float
    settled: int
    share: float
    relaxation_A2: FloatArray


@lru_cache(maxsize=2)
def _overlaps(frames: int, lags: tuple[int, ...]) -> tuple[npt.NDArray[np.int_], FloatArray, npt.NDArray[np.int_]]:
    """Return shifts between two windows with their weights, for all pairs of lags.

    In a long run the sum over all shifts is taken on few of them, densely about the four shifts at which the summed
    function has a kink, by the trapezoidal rule. Shapes ``(P, S)``, ``(P, S)`` and ``(P, 2)``.
    """
    every = frames <= _ALL_SHIFTS
    near = np.unique(np.rint(np.concatenate([np.arange(48), np.geomspace(48, max(frames, 49), 80)])).astype(int))
    near = np.concatenate([-near[::-1], near[1:]])
    pairs = [(short, long) for i, short in enumerate(lags) for long in lags[i:]]
    shifts = np.empty((len(pairs), 2 * frames if every else min(4 * len(near), 2 * frames)), dtype=int)
    weights = np.zeros(shifts.shape)
    for row, (short, long) in enumerate(pairs):
        low, high = -(frames - long - 1), frames - short - 1
        if every:
            grid = np.arange(low, high + 1)
        else:
            kinks = np.array([0, long - short, -short, long])
            grid = np.unique(np.clip((kinks[:, None] + near).ravel(), low, high))
        step = np.diff(grid)
        # a sum over integers: each gap of h holds h - 1 more of them, shared by its ends
        weight = np.ones(len(grid))
        weight[:-1] += (step - 1) / 2
        weight[1:] += (step - 1) / 2
        first = np.maximum(0, -grid)
        last = np.minimum(frames - long, frames - short - grid)
        shifts[row] = grid[-1]
        shifts[row, : len(grid)] = grid
        weights[row, : len(grid)] = weight * np.maximum(0, last - first) / ((frames - short) * (frames - long))
    return shifts, weights, np.array(pairs)


def process_covariance(msd: FloatArray, frames: int, lags: tuple[int, ...]) -> FloatArray:
    """Return the covariance of the time-averaged MSD of a Gaussian process along one coordinate.

    Parameters
    ----------
    msd
        MSD of the process along the coordinate at lags 0, 1, ..., `frames`, in Å².
    frames
        Number of positions.
    lags
        Ascending lags in frames.

    Returns
    -------
    ndarray
        Shape ``(len(lags), len(lags))``, in Å⁴: ``2 <dx_l(0) dx_m(s)>²`` averaged over all pairs of windows, where the
        mean of the product of two displacements follows from the MSD.
    """
    shift, weight, pairs = _overlaps(frames, lags)
    short, long = pairs[:, :1], pairs[:, 1:]
    product = msd[np.abs(shift + short)] + msd[np.abs(shift - long)]
    product -= msd[np.abs(shift)] + msd[np.abs(shift + short - long)]
    value = 0.5 * np.einsum("ps,ps,ps->p", weight, product, product)
    size = len(lags)
    covariance = np.empty((size, size))
    upper = np.triu_indices(size)
    covariance[upper] = value
    covariance.T[upper] = value
    return covariance


@lru_cache(maxsize=8)
def hop_covariance(frames: int, lags: tuple[int, ...]) -> FloatArray:
    """Return how the MSD at two lags varies together because hops fall at random times, up to a factor.

    A hop counts at a lag in as many windows as hold it; shape ``(len(lags), len(lags))``, in units of rate times the
    fourth power of the hop's length.
    """
    at = np.arange(1, frames)
    share = np.array(
        [np.minimum(np.minimum(at, lag), np.minimum(frames - at, frames - lag)) / (frames - lag) for lag in lags]
    )
    product: FloatArray = share @ share.T
    return product


def averaged_line(
    curve: FloatArray, lags: tuple[int, ...], frames: int, dimensions: int, widen: float, freedom: int
) -> AveragedLine | None:
    """Return the slope of the mean of many walkers' MSD, averaged over what may be relaxing.

    Parameters
    ----------
    curve
        Time-averaged squared displacement of each walker, shape ``(K, N)``, in Å².
    lags
        Lags in frames.
    frames
        Positions of a walker.
    dimensions
        Coordinates that the MSD sums over.
    widen
        Factor by which the standard error is larger than the spread over walkers says.
    freedom
        Degrees of freedom of the error.

    Returns
    -------
    AveragedLine or None
        None where there are too few lags or walkers for it, or walkers that stand still.
    """
    mean = curve.mean(axis=1)
    if len(lags) < 6 or curve.shape[1] < 4 or not mean.min() > 0:
        return None
    step, noise = walk_and_noise(np.array(lags, dtype=float), mean, dimensions)
    prepared, _ = prepare(curve, lags, frames, dimensions, step, noise, widen)
    return average(prepared, lags, freedom, widen)


def prepare(
    curve: FloatArray,
    lags: tuple[int, ...],
    frames: int,
    dimensions: int,
    step: float,
    noise: float,
    widen: float = 1.0,
    walker_hops: float = 0.0,
    known: FloatArray | None = None,
) -> tuple[Prepared, float]:
    """Return columns of relaxations and the curves of the walkers in the metric of their covariance.

    Parameters
    ----------
    curve
        Time-averaged squared displacement of each walker, shape ``(K, N)``, in Å².
    lags
        Lags in frames.
    frames
        Positions of a walker.
    dimensions
        Coordinates that the MSD sums over.
    step, noise
        Rough variances of a step and of the noise along one coordinate, in Å².
    widen
        Factor by which the standard error is larger than the spread over walkers says.
    walker_hops
        Strength of `hop_covariance`, for one walker, whose spread cannot be seen.
    known
        A relaxation of known shape that may be there, such as that of the single ions where the curve is that of
        their sum; shape ``(K,)``, in Å².

    Returns
    -------
    tuple
        The products, and the strength of `hop_covariance` that the spread over walkers asks for.
    """
    walkers = curve.shape[1]
    lag = np.array(lags, dtype=float)
    mean = curve.mean(axis=1)
    slowest = max(1.0, frames / _LONGEST_PART)
    times = np.geomspace(1.0, slowest, int(np.ceil(np.log2(slowest))) + 1) if slowest > 1 else np.array([1.0])
    scale = np.concatenate([mean[:1], np.interp(times, lag, mean)])
    design = np.column_stack([lag, np.ones_like(lag), 1 - np.exp(-lag[:, None] / times)])

    every = np.arange(frames + 1.0)
    if known is None:
        whole = np.column_stack([every, np.ones_like(every), 1 - np.exp(-every[:, None] / times)])
        ridge = np.concatenate([[0.0], scale**-2.0])
    else:
        whole = np.column_stack([every, np.interp(every, lag, known)])
        ridge = np.array([0.0, 1.0])
    rough = _factor(dimensions * msd_covariance(frames, lags, step, noise) / walkers)
    white = rough @ whole[np.array(lags)]
    shape = whole @ np.linalg.solve(white.T @ white + np.diag(ridge), white.T @ (rough @ mean))
    shape = np.maximum(shape, 1e-3 * mean[0]) / dimensions
    shape[0] = 0.0

    covariance = dimensions * process_covariance(shape, frames, lags)
    hops = hop_covariance(frames, lags)
    strength = walker_hops
    if walkers > 1:
        metric = _factor(covariance)
        line = metric @ design[:, :2]
        slope = np.linalg.solve(line.T @ line, line.T @ metric)[0]
        seen = float((slope @ curve).var(ddof=1))
        strength = max(0.0, (seen - float(slope @ covariance @ slope)) / float(slope @ hops @ slope))
    metric = _factor((covariance + strength * hops) * widen**2 / walkers)
    if known is not None:
        design = np.column_stack([design, known])
        scale = np.append(scale, 1.0)
    white, data = metric @ design, metric @ curve
    return Prepared(times, scale, white.T @ white, white.T @ data, design), strength


def _factor(covariance: FloatArray) -> FloatArray:
    """Return the matrix that makes data of this covariance white."""
    size = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(size, size)
    # long lags of one walk are nearly collinear, and a rough curve need not belong to any process: the floor keeps
    # directions that hold nothing but rounding from weighing
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray((vectors / np.sqrt(np.maximum(values, _FLOOR))).T / size)


class _Model(NamedTuple):
    """Columns beside the straight line, probability before the data, and the prior of the amplitude of the last."""

    columns: tuple[int, ...]
    chance: float
    amplitude: tuple[float, float] | None = None


def _models(times: int, known: bool) -> list[_Model]:
    """Return what may be there beside the straight line."""
    if known:
        none, noise, just, part = _SUM_OF_IONS
        column = (2 + times,)
        return [_Model((), none), _Model((1,), noise), _Model(column, just, (1.0, _JUST_AS)), _Model(column, part)]
    sets: list[tuple[tuple[int, ...], float]] = [((), 1 - _RELAXES)]
    for last in range(times):
        for first in range(last + 1):
            chance = _FROM_THE_FIRST * (first == 0) + (1 - _FROM_THE_FIRST) / (last + 1)
            sets.append((tuple(range(2 + first, 3 + last)), _RELAXES * chance / times))
    models = [_Model(chosen, chance * (1 - _OFFSET)) for chosen, chance in sets]
    return models + [_Model((1, *chosen), chance * _OFFSET) for chosen, chance in sets]


def average(prepared: Prepared, lags: tuple[int, ...], freedom: int, widen: float = 1.0) -> AveragedLine:
    """Return the slope, averaged over sets of relaxations by their posterior probability.

    Parameters
    ----------
    prepared
        From `prepare`.
    lags
        Lags in frames.
    freedom
        Degrees of freedom of the spread over walkers.
    widen
        As for `prepare`.
    """
    walkers = prepared.project.shape[1]
    right = prepared.project.mean(axis=1)
    spread = np.cov(prepared.project) / walkers * widen**2 if walkers > 1 else np.zeros_like(prepared.gram)
    size = len(prepared.gram)
    models = _models(len(prepared.times), size > 2 + len(prepared.times))
    evidence, slope, error = np.empty((3, len(models)))
    parts = np.zeros((len(models), size))
    for row, model in enumerate(models):
        use = np.array((0, *model.columns))
        scale = prepared.scale[use[1:] - 1]
        target = right[use]
        expected = 0.0
        if model.amplitude is not None:
            centre, width = model.amplitude
            scale[-1] = width
            target[-1] += centre / width**2
            expected = 0.5 * (centre / width) ** 2
        precision = prepared.gram[np.ix_(use, use)].copy()
        precision[np.arange(1, len(use)), np.arange(1, len(use))] += scale**-2.0
        inverse = np.linalg.inv(precision)
        found = inverse @ target
        volume = 0.5 * float(np.linalg.slogdet(precision)[1]) + float(np.log(scale).sum())
        evidence[row] = np.log(model.chance) + 0.5 * float(found @ target) - expected - volume
        # the prior of the relaxations is part of the one, the walk as it is of the other
        seen = float(inverse[0] @ spread[np.ix_(use, use)] @ inverse[0])
        slope[row], error[row] = found[0], np.sqrt(max(seen, inverse[0, 0]))
        parts[row, use] = found
    weight = np.exp(evidence - evidence.max())
    kept = weight > 1e-4
    weight = weight[kept] / weight[kept].sum()
    relaxing = np.array([any(column > 1 for column in model.columns) for model in models])[kept]
    relaxation = prepared.columns[:, 1:] @ (weight @ parts[kept])[1:]
    return _summary(lags, weight, slope[kept], error[kept], relaxation, freedom, float(weight[relaxing].sum()))


def _summary(
    lags: tuple[int, ...],
    weight: FloatArray,
    slope: FloatArray,
    error: FloatArray,
    relaxation: FloatArray,
    freedom: int,
    share: float,
) -> AveragedLine:
    """Return median, interval and window of the mixture of models."""
    unsettled = np.flatnonzero(np.abs(np.diff(relaxation) / np.diff(lags)) > _SETTLED * abs(float(weight @ slope)))
    settled = 0 if not len(unsettled) else int(unsettled[-1]) + 1
    rest = (float(relaxation[-1]), settled)
    lowest = _quantile(slope, error, weight, freedom, 0.025)
    positive = slope > 0
    if not positive.any():
        return AveragedLine(float(weight @ slope), lowest, 0.0, False, *rest, share, relaxation)
    # symmetric in the logarithm: the coefficient is a scale and its error grows with it
    relative = error[positive] / slope[positive]
    chance = weight[positive] / weight[positive].sum()
    low, middle, high = (
        float(np.exp(_quantile(np.log(slope[positive]), relative, chance, freedom, p))) for p in (0.025, 0.5, 0.975)
    )
    return AveragedLine(middle, low, high, lowest > 0, *rest, share, relaxation)


def _quantile(centre: FloatArray, width: FloatArray, weight: FloatArray, freedom: int, probability: float) -> float:
    """Return a quantile of a mixture of Student distributions, by narrowing a grid about it."""
    from scipy.special import stdtr, stdtrit

    each = centre + float(stdtrit(freedom, probability)) * width
    low, high = float(each.min()), float(each.max())
    for _ in range(3):
        if high <= low:
            break
        grid = np.linspace(low, high, 65)
        below = weight @ stdtr(freedom, (grid - centre[:, None]) / width[:, None])
        at = int(np.clip(np.searchsorted(below, probability), 1, len(grid) - 1))
        low, high = float(grid[at - 1]), float(grid[at])
    return 0.5 * (low + high)
