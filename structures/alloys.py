"""Substitutional alloys: Vegard's cell for a solid solution, and special quasi-random structures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from pymatgen.core import Lattice, Structure

from ..errors import InputError
from .record import BuildRecord, Source, make_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class QuasiRandomCell:
    """An ordered cell whose pair correlations imitate a random alloy.

    Attributes
    ----------
    structure
        The ordered cell.
    deviation
        Sum over shells of the weighted absolute differences between the pair probabilities of the cell and of the
        random alloy; 0 is perfect.
    shells_A
        Distances of the shells that were matched.
    record
        How it was made.
    """

    structure: Structure
    deviation: float
    shells_A: tuple[float, ...]
    record: BuildRecord


def solid_solution(structures: Sequence[Structure], fractions: Sequence[float]) -> Structure:
    """Mix isotypic crystals on their sites, with Vegard's law for each cell parameter.

    Parameters
    ----------
    structures
        Crystals with the same sites in the same order, such as Si and Ge.
    fractions
        Fraction of each; they add up to 1.

    Returns
    -------
    Structure
        Partial occupancies on every site where the crystals differ.

    Raises
    ------
    InputError
        The crystals are not isotypic, or the fractions do not add up to 1.
    """
    if len(structures) != len(fractions) or abs(sum(fractions) - 1) > 1e-6 or min(fractions) < 0:
        raise InputError("the fractions of a solid solution must be one for each crystal and add up to 1")
    first = structures[0]
    for other in structures[1:]:
        same = len(other) == len(first)
        if same:
            shift = np.asarray(other.frac_coords) - np.asarray(first.frac_coords)
            same = bool(np.abs(shift - np.round(shift)).max() < 0.05)
        if not same:
            raise InputError(
                f"{first.composition.reduced_formula} and {other.composition.reduced_formula} do not have the same "
                "sites, so they cannot be mixed"
            )
    parameters = np.average([structure.lattice.parameters for structure in structures], axis=0, weights=fractions)
    species = []
    for sites in zip(*structures, strict=True):
        amounts: dict[str, float] = {}
        for site, fraction in zip(sites, fractions, strict=True):
            for element, occupancy in site.species.items():
                amounts[element.symbol] = amounts.get(element.symbol, 0.0) + fraction * float(occupancy)
        species.append({symbol: amount for symbol, amount in amounts.items() if amount > 0})
    return Structure(Lattice.from_parameters(*parameters), species, first.frac_coords)


def quasi_random(
    structure: Structure,
    *,
    supercell: Sequence[int] = (2, 2, 2),
    shells: int = 4,
    seed: int = 1,
    sweeps: int = 1000,
    sources: Sequence[Source] = (),
) -> QuasiRandomCell:
    """Return a special quasi-random structure of an alloy.

    Swaps on the mixed sites minimise how far the pair probabilities of the nearest shells are from those of the
    random alloy, near shells weighing more (Zunger et al., Phys. Rev. Lett. 65 (1990) 353). Triplets are not
    matched; icet's generator does that where it matters.

    Parameters
    ----------
    structure
        Alloy with partial occupancies and no vacancies, such as from `solid_solution`.
    supercell
        Repetitions along a, b, c.
    shells
        Number of neighbour shells.
    seed
        Seed of the random numbers.
    sweeps
        Swaps tried per mixed site.
    sources
        What it is made from, for the record.

    Raises
    ------
    InputError
        No site is mixed, a mixed site has vacancies, or the cell is too small to hold the composition.
    """
    cell = structure.copy()
    cell.make_supercell([int(n) for n in supercell])
    mixed = np.array([i for i, site in enumerate(cell) if len(site.species) > 1 or site.species.num_atoms < 0.999])
    if len(mixed) == 0:
        raise InputError("no site of the structure is mixed")
    if any(abs(cell[int(i)].species.num_atoms - 1) > 1e-3 for i in mixed):
        raise InputError("a mixed site has vacancies", remedy="Use: anodeflow build ordered.")
    rng = np.random.default_rng(seed)
    symbols, occupant, kinds = _random_filling(cell, mixed, rng)
    pairs, lengths = _shells(cell, mixed, shells)
    targets = _targets(kinds, occupant, pairs, len(symbols), len(lengths))
    weights = np.array([(lengths[0] / length) ** 2 for length in lengths])
    neighbours, starts, shell_of = _neighbour_lists(pairs, len(mixed))
    temperatures = np.geomspace(0.05, 1e-4, sweeps * len(mixed))
    deviation = _match(occupant, kinds, neighbours, starts, shell_of, targets, weights, temperatures, rng)
    ordered = cell.copy()
    for site, code in zip(mixed, occupant, strict=True):
        ordered.replace(int(site), symbols[code])
    ordered = ordered.get_sorted_structure()
    inputs = {"supercell": list(supercell), "shells": shells, "sweeps": sweeps}
    inputs["structure"] = structure.composition.reduced_formula
    record = make_record(ordered, "quasi-random", inputs, sources=sources, seed=seed)
    return QuasiRandomCell(ordered, float(deviation), tuple(float(x) for x in lengths), record)


def _random_filling(
    cell: Structure, mixed: NDArray[np.int64], rng: np.random.Generator
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return symbols, the species of each mixed site, and its sublattice."""
    keys = [tuple(sorted((e.symbol, round(float(x), 6)) for e, x in cell[int(i)].species.items())) for i in mixed]
    sublattices = list(dict.fromkeys(keys))
    kinds = np.array([sublattices.index(key) for key in keys])
    symbols = sorted({symbol for key in sublattices for symbol, _ in key})
    occupant = np.zeros(len(mixed), dtype=np.int64)
    for index, key in enumerate(sublattices):
        where = np.flatnonzero(kinds == index)
        exact = np.array([amount * len(where) for _, amount in key])
        numbers = np.floor(exact + 1e-6).astype(int)
        for extra in np.argsort(numbers - exact)[: len(where) - numbers.sum()]:
            numbers[extra] += 1
        if (numbers == 0).any():
            raise InputError("the cell is too small for the composition", remedy="Take a larger supercell.")
        filling = np.repeat([symbols.index(symbol) for symbol, _ in key], numbers)
        occupant[where] = rng.permutation(filling)
    return symbols, occupant, kinds


def _shells(cell: Structure, mixed: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return pairs (n, 3) as first, second, shell over the mixed sites, both directions, and shell distances."""
    position = np.full(len(cell), -1)
    position[mixed] = np.arange(len(mixed))
    cutoff = 4.0
    while True:
        first, second, _, distances = cell.get_neighbor_list(cutoff)
        both = (position[first] >= 0) & (position[second] >= 0)
        lengths = np.unique(np.round(distances[both], 2))
        groups = lengths[np.concatenate([[True], np.diff(lengths) > 0.05])] if len(lengths) else lengths
        if len(groups) > count or cutoff > 15:
            break
        cutoff *= 1.3
    groups = groups[:count]
    shell = np.searchsorted(groups, distances + 0.03, side="right") - 1
    near = both & (distances < groups[-1] + 0.05) & (shell >= 0)
    table = np.stack([position[first[near]], position[second[near]], shell[near]], axis=1)
    return table.astype(np.int64), groups


def _targets(
    kinds: NDArray[np.int64],
    occupant: NDArray[np.int64],
    pairs: NDArray[np.int64],
    species: int,
    shells: int,
) -> NDArray[np.float64]:
    """Return the pair probabilities (shells, S, S) of the random alloy with the same numbers of atoms."""
    sublattices = int(kinds.max()) + 1
    share = np.zeros((sublattices, species))
    for kind in range(sublattices):
        share[kind] = np.bincount(occupant[kinds == kind], minlength=species) / (kinds == kind).sum()
    targets = np.zeros((shells, species, species))
    for shell in range(shells):
        rows = pairs[pairs[:, 2] == shell]
        for one in range(sublattices):
            for two in range(sublattices):
                weight = ((kinds[rows[:, 0]] == one) & (kinds[rows[:, 1]] == two)).mean()
                targets[shell] += weight * np.outer(share[one], share[two])
    return targets


def _neighbour_lists(
    pairs: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    order = np.argsort(pairs[:, 0], kind="stable")
    starts = np.searchsorted(pairs[order, 0], np.arange(count + 1))
    return pairs[order, 1].copy(), starts.astype(np.int64), pairs[order, 2].copy()


@njit(cache=True)
def _match(
    occupant: NDArray[np.int64],
    kinds: NDArray[np.int64],
    neighbours: NDArray[np.int64],
    starts: NDArray[np.int64],
    shell_of: NDArray[np.int64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    temperatures: NDArray[np.float64],
    rng: np.random.Generator,
) -> float:
    """Swap to bring the pair counts to the targets; `occupant` ends as the best arrangement seen."""
    shells, species = targets.shape[0], targets.shape[1]
    counts = np.zeros((shells, species, species))
    totals = np.zeros(shells)
    for i in range(len(occupant)):
        for k in range(starts[i], starts[i + 1]):
            counts[shell_of[k], occupant[i], occupant[neighbours[k]]] += 1
            totals[shell_of[k]] += 1
    best = occupant.copy()
    lowest = 1e300
    current = 1e300
    for trial in range(len(temperatures) + 1):
        i, j = 0, 0
        if trial > 0:
            i = int(rng.integers(0, len(occupant)))
            j = int(rng.integers(0, len(occupant)))
            if occupant[i] == occupant[j] or kinds[i] != kinds[j]:
                continue
            _exchange(occupant, counts, neighbours, starts, shell_of, i, j)
        value = 0.0
        for s in range(shells):
            for a in range(species):
                for b in range(species):
                    value += weights[s] * abs(counts[s, a, b] / totals[s] - targets[s, a, b])
        if trial == 0:
            current = lowest = value
            continue
        if value <= current or rng.random() < np.exp((current - value) / temperatures[trial - 1]):
            current = value
            if value < lowest - 1e-12:
                lowest = value
                best[:] = occupant
        else:
            _exchange(occupant, counts, neighbours, starts, shell_of, i, j)
    occupant[:] = best
    return lowest


@njit(cache=True)
def _exchange(
    occupant: NDArray[np.int64],
    counts: NDArray[np.float64],
    neighbours: NDArray[np.int64],
    starts: NDArray[np.int64],
    shell_of: NDArray[np.int64],
    i: int,
    j: int,
) -> None:
    new = (occupant[j], occupant[i])
    for which in range(2):
        site = i if which == 0 else j
        old = occupant[site]
        for k in range(starts[site], starts[site + 1]):
            other, s = neighbours[k], shell_of[k]
            if other == site:  # its own periodic image
                counts[s, old, old] -= 1
                counts[s, new[which], new[which]] += 1
                continue
            counts[s, old, occupant[other]] -= 1
            counts[s, occupant[other], old] -= 1
            counts[s, new[which], occupant[other]] += 1
            counts[s, occupant[other], new[which]] += 1
        occupant[site] = new[which]
