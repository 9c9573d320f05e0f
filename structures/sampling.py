"""Metropolis swaps of occupants between sites, the inner loop of ordering and of quasi-random alloys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def anneal(
    occupant: NDArray[np.int64],
    charges: NDArray[np.float64],
    bodies: NDArray[np.float64],
    coulomb: NDArray[np.float64],
    clash: NDArray[np.float64],
    members: NDArray[np.int64],
    starts: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    temperatures_eV: NDArray[np.float64],
    penalty_eV: float,
    rng: np.random.Generator,
) -> float:
    """Swap occupants within groups of sites, one trial per temperature; `occupant` ends as the best state seen.

    The energy is ½ qᵀ J q plus `penalty_eV` for each pair of occupied sites that exclude each other.

    Parameters
    ----------
    occupant
        shape (N,), index of the species on each site, changed in place.
    charges, bodies
        shape (S,), charge in e of each species, and 1 or 0 for whether it takes part in exclusions.
    coulomb
        shape (N, N), J in eV/e².
    clash
        shape (N, N), 1 where two sites exclude each other.
    members, starts
        Sites of the groups one after the other, and where each group starts, the end included.
    allowed
        shape (N, S), which species a site may hold.
    temperatures_eV
        shape (trials,), k T of each trial.
    penalty_eV
        Energy of one clash.
    rng
        Source of the random numbers.

    Returns
    -------
    float
        Energy of the best state without its charge-independent part, in eV, penalties included.
    """
    count = len(occupant)
    field = np.zeros(count)
    crowd = np.zeros(count)
    for j in range(count):
        q, b = charges[occupant[j]], bodies[occupant[j]]
        for i in range(count):
            field[i] += coulomb[i, j] * q
            crowd[i] += clash[i, j] * b
    energy = 0.0
    for i in range(count):
        energy += 0.5 * field[i] * charges[occupant[i]] + 0.5 * penalty_eV * crowd[i] * bodies[occupant[i]]
    best = occupant.copy()
    lowest = energy
    # groups are drawn in proportion to their size
    total = len(members)
    group_of = np.zeros(total, dtype=np.int64)
    for group in range(len(starts) - 1):
        group_of[starts[group] : starts[group + 1]] = group
    for temperature in temperatures_eV:
        slot = int(rng.integers(0, total))
        group = group_of[slot]
        low, high = starts[group], starts[group + 1]
        i = members[slot]
        j = members[rng.integers(low, high)]
        one, two = occupant[i], occupant[j]
        if one == two or not allowed[i, two] or not allowed[j, one]:
            continue
        dq = charges[two] - charges[one]
        db = bodies[two] - bodies[one]
        change = dq * (field[i] - field[j]) + 0.5 * dq * dq * (coulomb[i, i] + coulomb[j, j] - 2 * coulomb[i, j])
        crowding = db * (crowd[i] - crowd[j]) - db * db * clash[i, j]
        change += penalty_eV * crowding
        if change > 0 and (temperature <= 0 or rng.random() >= np.exp(-change / temperature)):
            continue
        occupant[i], occupant[j] = two, one
        energy += change
        for k in range(count):
            field[k] += dq * (coulomb[k, i] - coulomb[k, j])
            crowd[k] += db * (clash[k, i] - clash[k, j])
        if energy < lowest - 1e-9:
            lowest = energy
            best[:] = occupant
    occupant[:] = best
    return lowest
