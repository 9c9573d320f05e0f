"""Diffusion of one carrier on a periodic network of sites, exactly: no random walk, no statistical error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

A2_S_TO_CM2_S = 1e-16


@dataclass(frozen=True)
class NetworkHop:
    """A hop from one site of the cell to another.

    Attributes
    ----------
    start, end
        Sites, by number.
    vector_A
        Displacement of the carrier, shape (3,), in Å; says which image of the end is meant.
    rate_Hz
        Rate in 1/s.
    """

    start: int
    end: int
    vector_A: tuple[float, float, float]
    rate_Hz: float


@dataclass(frozen=True)
class NetworkDiffusion:
    """How a carrier diffuses on a network.

    Attributes
    ----------
    tensor_cm2_s
        Diffusion tensor, shape (3, 3), in cm²/s.
    occupation
        Share of time on each site.
    """

    tensor_cm2_s: Array
    occupation: Array

    @property
    def mean_cm2_s(self) -> float:
        """A third of the trace."""
        return float(np.trace(self.tensor_cm2_s) / 3)

    @property
    def dimensions(self) -> int:
        """Number of directions in which the network goes on for ever."""
        values = np.linalg.eigvalsh(self.tensor_cm2_s)
        return int((values > 1e-9 * max(values.max(), 1e-300)).sum())


def network_diffusion(sites: int, hops: Sequence[NetworkHop]) -> NetworkDiffusion:
    """Solve the master equation of one carrier for its diffusion tensor.

    With stationary occupations p and rates k the tensor is D = ½ Σ p_i k_ij v ⊗ v, where v is the displacement
    corrected by χ_j − χ_i and χ solves Σ_j k_ij (d_ij + χ_j − χ_i) = 0; the correction holds what successive hops
    remember of each other. It is the effective-medium (homogenisation) limit of a random walk, as in
    D. R. Trinkle, Philos. Mag. 97 (2017) 2514.

    Parameters
    ----------
    sites
        Number of sites in the cell.
    hops
        All hops, both directions listed; their rates obey detailed balance.

    Raises
    ------
    InputError
        If a site is not there, a rate is not positive, hops do not come back, or the network falls into parts.
    """
    rates = np.zeros((sites, sites))
    mean = np.zeros((sites, 3))
    for hop in hops:
        if not (0 <= hop.start < sites and 0 <= hop.end < sites):
            raise InputError(f"there is no hop from site {hop.start} to {hop.end} among {sites} sites")
        if not (np.isfinite(hop.rate_Hz) and hop.rate_Hz > 0):
            raise InputError(f"the rate {hop.rate_Hz} from site {hop.start} to {hop.end} is not positive")
        rates[hop.start, hop.end] += hop.rate_Hz
        mean[hop.start] += hop.rate_Hz * np.asarray(hop.vector_A)
    if not sites or not hops:
        raise InputError("a network needs sites and hops")
    scale = rates.max()
    generator = (rates - np.diag(rates.sum(axis=1))) / scale
    values = np.linalg.svd(generator, compute_uv=False)
    if sites > 1 and values[-2] <= 1e-12 * values[0]:
        raise InputError("the network falls into parts that no hop joins", remedy="Add the hops between them.")
    # left null vector: occupations
    left = np.linalg.svd(generator.T)[2][-1]
    occupation = left / left.sum()
    if (occupation < -1e-9).any():
        raise InputError("the rates have no stationary state", remedy="List both directions of every hop.")
    occupation = np.clip(occupation, 0, None)
    flow = occupation[:, None] * rates
    if np.abs(flow - flow.T).max() > 1e-6 * flow.max():
        raise InputError(
            "the rates do not obey detailed balance", remedy="Take forward and reverse barriers of the same saddles."
        )
    corrector = -np.linalg.pinv(generator) @ (mean / scale)
    tensor = np.zeros((3, 3))
    for hop in hops:
        step = np.asarray(hop.vector_A) + corrector[hop.end] - corrector[hop.start]
        tensor += 0.5 * occupation[hop.start] * hop.rate_Hz * np.outer(step, step)
    return NetworkDiffusion(tensor * A2_S_TO_CM2_S, occupation)
