"""Random walks whose diffusion coefficient is known, against which every estimator is held.

All return unwrapped positions of shape ``(F, N, 3)`` in Å, one frame a unit of time, and the exact tracer
diffusion coefficient in Å² per frame unless said otherwise. They serve the tests, the coverage study
(``benchmarks/interval_coverage.py``) and whoever wants to see what an error bar is worth.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .gls import FloatArray


def brownian_walk(
    rng: np.random.Generator, ions: int = 64, frames: int = 500, diffusivity: float = 0.02
) -> tuple[FloatArray, float]:
    """Return free diffusion of independent ions and its coefficient."""
    steps = rng.normal(0.0, np.sqrt(2 * diffusivity), (frames, ions, 3))
    return np.cumsum(steps, axis=0), diffusivity


def hopping_walk(
    rng: np.random.Generator,
    ions: int = 64,
    frames: int = 500,
    hops: float = 50.0,
    hop_length: float = 3.0,
    vibration: float = 0.0,
) -> tuple[FloatArray, float]:
    """Return independent hops on a cubic lattice at random times, and the coefficient.

    Parameters
    ----------
    rng
        Source of randomness.
    ions, frames
        Size of the walk.
    hops
        Mean number of hops of an ion over the whole walk; 1 is the rare-hop case.
    hop_length
        Length of a hop in Å.
    vibration
        Standard deviation of an uncorrelated vibration along each axis, in Å.
    """
    rate = hops / frames
    forth = rng.poisson(rate / 6, (frames, ions, 3)).astype(float)
    back = rng.poisson(rate / 6, (frames, ions, 3)).astype(float)
    positions = hop_length * np.cumsum(forth - back, axis=0)
    if vibration:
        positions += rng.normal(0.0, vibration, positions.shape)
    return positions, rate * hop_length**2 / 6


def caged_walk(
    rng: np.random.Generator,
    ions: int = 64,
    frames: int = 500,
    amplitude: float = 0.5,
    relaxation: float = 5.0,
    diffusivity: float = 0.0,
) -> tuple[FloatArray, float]:
    """Return an Ornstein–Uhlenbeck motion about sites that diffuse, and the coefficient of the sites.

    Parameters
    ----------
    rng
        Source of randomness.
    ions, frames
        Size of the walk.
    amplitude
        Standard deviation of the confined motion along each axis, in Å.
    relaxation
        Its correlation time in frames.
    diffusivity
        Coefficient of the sites in Å² per frame; 0 for a crystal that only vibrates.
    """
    memory = np.exp(-1.0 / relaxation)
    kicks = rng.normal(0.0, amplitude * np.sqrt(1 - memory**2), (frames, ions, 3))
    confined = np.empty_like(kicks)
    confined[0] = rng.normal(0.0, amplitude, (ions, 3))
    for frame in range(1, frames):
        confined[frame] = memory * confined[frame - 1] + kicks[frame]
    sites, _ = brownian_walk(rng, ions, frames, diffusivity)
    return confined + sites, diffusivity


def persistent_walk(
    rng: np.random.Generator, ions: int = 64, frames: int = 500, speed: float = 0.1, relaxation: float = 8.0
) -> tuple[FloatArray, float]:
    """Return a walk with inertia, ballistic below `relaxation` frames, and its coefficient.

    `speed` is the standard deviation of the step along each axis in Å per frame.
    """
    memory = np.exp(-1.0 / relaxation)
    kicks = rng.normal(0.0, speed * np.sqrt(1 - memory**2), (frames, ions, 3))
    step = np.empty_like(kicks)
    step[0] = rng.normal(0.0, speed, (ions, 3))
    for frame in range(1, frames):
        step[frame] = memory * step[frame - 1] + kicks[frame]
    return np.cumsum(step, axis=0), 0.5 * speed**2 * (1 + memory) / (1 - memory)


def back_hopping_walk(
    rng: np.random.Generator,
    ions: int = 64,
    frames: int = 500,
    rate: float = 0.2,
    back: float = 0.5,
    hop_length: float = 3.0,
) -> tuple[FloatArray, float]:
    """Return hops on a cubic lattice that undo the one before with probability `back`, and the coefficient.

    Otherwise the direction is free, so that the mean cosine between successive hops is ``-back`` and the correlation
    factor ``(1 - back) / (1 + back)`` (K. Compaan, Y. Haven, Trans. Faraday Soc. 52 (1956) 786).

    Parameters
    ----------
    rng
        Source of randomness.
    ions, frames
        Size of the walk.
    rate
        Hops of an ion in a frame.
    back
        Probability that a hop undoes the one before.
    hop_length
        Length of a hop in Å.
    """
    done = np.cumsum(rng.poisson(rate, (frames, ions)), axis=0)
    directions = np.concatenate([np.eye(3), -np.eye(3)])
    hops = directions[rng.integers(6, size=(int(done.max()) + 1, ions))]
    undone = rng.random(hops.shape[:2]) < back
    for k in range(1, len(hops)):
        hops[k, undone[k]] = -hops[k - 1, undone[k]]
    places = hop_length * np.concatenate([np.zeros((1, ions, 3)), np.cumsum(hops, axis=0)])
    # the hop before the first one was made too: its direction is that of row 0, which is left out
    positions = places[done + 1, np.arange(ions)] - places[1]
    return positions, rate * hop_length**2 / 6 * (1 - back) / (1 + back)


def unequal_walk(
    rng: np.random.Generator, ions: int = 64, frames: int = 500, hops: float = 50.0, hop_length: float = 3.0
) -> tuple[FloatArray, float]:
    """Return hops along the diagonals of a cube by ions of which some hop four times as often, and the coefficient.

    Chance decides for each ion, evenly; the coefficient is the mean of both kinds.

    Parameters
    ----------
    rng
        Source of randomness.
    ions, frames
        Size of the walk.
    hops
        Mean number of hops of an ion over the whole walk.
    hop_length
        Length of a hop in Å.
    """
    rate = hops / frames * np.where(rng.random(ions) < 0.5, 1.6, 0.4)
    count = rng.poisson(rate, (frames, ions))
    steps = (2 * rng.binomial(count[..., None], 0.5, (frames, ions, 3)) - count[..., None]) * hop_length / np.sqrt(3)
    return np.cumsum(steps, axis=0), hops / frames * hop_length**2 / 6


def exclusion_gas(
    rng: np.random.Generator,
    ions: int = 64,
    frames: int = 500,
    edge: int = 5,
    attempts: float = 1.0,
    hop_length: float = 3.0,
) -> tuple[FloatArray, float]:
    """Return a lattice gas that allows one ion a site, and its *collective* coefficient.

    In the symmetric exclusion process the total displacement is a martingale, so the collective coefficient
    is exactly the attempt rate times the chance of an empty neighbour; tracers move more slowly, for a hop
    leaves a hole behind that draws the ion back.

    Parameters
    ----------
    rng
        Source of randomness.
    ions, frames
        Size of the walk.
    edge
        Sites along each edge of the simple cubic cell; ``edge**3`` must exceed `ions`.
    attempts
        Attempted hops of an ion in a frame.
    hop_length
        Distance between sites in Å.
    """
    sites = edge**3
    start = np.stack(np.unravel_index(rng.permutation(sites)[:ions], (edge,) * 3), axis=1).astype(np.int64)
    positions = _compiled_gas()(start, edge, frames, attempts, int(rng.integers(2**31)))
    empty = (sites - ions) / (sites - 1)
    return positions * hop_length, attempts * empty * hop_length**2 / 6


@cache
def _compiled_gas() -> Any:
    from numba import njit

    def gas(start: Any, edge: int, frames: int, attempts: float, seed: int) -> Any:
        np.random.seed(seed)  # noqa: NPY002 - the only generator that numba seeds inside compiled code
        ions = start.shape[0]
        site = start.copy()
        taken = np.zeros((edge, edge, edge), dtype=np.bool_)
        for ion in range(ions):
            taken[site[ion, 0], site[ion, 1], site[ion, 2]] = True
        unwrapped = site.copy()
        positions = np.empty((frames, ions, 3))
        for frame in range(frames):
            for _ in range(np.random.poisson(ions * attempts)):  # noqa: NPY002 - as above
                ion = np.random.randint(ions)  # noqa: NPY002 - as above
                direction = np.random.randint(6)  # noqa: NPY002 - as above
                axis = direction // 2
                sign = 1 if direction % 2 else -1
                target = site[ion].copy()
                target[axis] = (target[axis] + sign) % edge
                if taken[target[0], target[1], target[2]]:
                    continue
                taken[site[ion, 0], site[ion, 1], site[ion, 2]] = False
                taken[target[0], target[1], target[2]] = True
                site[ion] = target
                unwrapped[ion, axis] += sign
            positions[frame] = unwrapped
        return positions

    return njit(gas)
