"""Ordered cells from partial occupancies: neutral, seeded, without atoms on top of each other.

Occupancies are rounded to whole atoms so that the cell is neutral and as near to the refined occupancies as
possible. Where the atoms go is decided by Metropolis swaps with the Coulomb energy of formal charges, whose matrix
over the sites is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core import Species, Structure

from ..errors import InputError
from ..units import BOLTZMANN_EV_K
from .ewald import ewald_matrix
from .record import BuildRecord, Source, make_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

VACANCY = ""
SHORTEST_MOBILE_A = 2.0
"""Default distance within which two atoms of partially occupied sites exclude each other."""

_PENALTY_EV = 50.0
_HOT_EV = 4.0  # formal charges one site apart differ by some eV
_COLD_EV = 0.02
_WARN_SHIFT = 1.0
_TRIALS_WANTED = 8_000_000


@dataclass(frozen=True)
class OrderedCell:
    """One ordered arrangement of a disordered crystal.

    Attributes
    ----------
    structure
        The cell, without oxidation states; site property ``charge`` holds the formal charges when they are known.
    energy_eV
        Coulomb energy of the formal charges; comparable between arrangements of one crystal only.
    record
        How it was made.
    """

    structure: Structure
    energy_eV: float
    record: BuildRecord


@dataclass(frozen=True)
class _Sublattice:
    """Sites with one set of occupancies, and the whole numbers of atoms they get."""

    sites: NDArray[np.int64]
    targets: Mapping[str, float]
    has_vacancies: bool


def order(
    structure: Structure,
    *,
    source: Source | None = None,
    oxidation_states: Mapping[str, float] | None = None,
    supercell: Sequence[int] = (1, 1, 1),
    count: int = 1,
    seed: int = 1,
    min_distance_A: float = SHORTEST_MOBILE_A,
    temperature_K: float | None = None,
    sweeps: int = 8000,
) -> list[OrderedCell]:
    """Turn partial occupancies into ordered, neutral arrangements.

    Without a temperature each arrangement is the end of an annealing run, the lowest Coulomb energy first, and no
    two are equal by the crystal's symmetry. With a temperature they are samples at that temperature, which is what
    a molecular dynamics ensemble wants to start from.

    Parameters
    ----------
    structure
        Crystal with partial occupancies.
    source
        Where it came from, for the record; its oxidation states are used unless given here.
    oxidation_states
        Formal charge of each element. An empty mapping orders at random (alloys).
    supercell
        Repetitions along a, b, c.
    count
        Arrangements wanted; fewer are returned where fewer are distinct.
    seed
        Seed of the random numbers.
    min_distance_A
        Atoms on partially occupied sites keep at least this distance from each other, in Å.
    temperature_K
        None for the lowest energy, or the temperature of the sampling.
    sweeps
        Trials per site with partial occupancy in each run.

    Returns
    -------
    list of OrderedCell
        Sorted by energy, or in the order of the samples.

    Raises
    ------
    InputError
        The occupancies cannot be balanced, or no arrangement keeps the distance.
    """
    if count < 1 or sweeps < 1:
        raise InputError("count and sweeps must be at least 1")
    states = _states(structure, source, oxidation_states)
    parent = structure.copy()
    parent.remove_oxidation_states()
    cell = parent.copy()
    cell.make_supercell([int(n) for n in supercell])
    sublattices = _sublattices(cell, min_distance_A)
    numbers, warnings = whole_numbers(cell, sublattices, states)
    inputs = {
        "structure": source.name if source else structure.composition.reduced_formula,
        "supercell": list(supercell),
        "count": count,
        "min_distance_A": min_distance_A,
        "temperature_K": temperature_K,
        "sweeps": sweeps,
        "oxidation_states": dict(states),
    }
    species, codes = _species(cell, sublattices)
    charges = np.array([states.get(symbol, 0.0) for symbol in species])
    coulomb = ewald_matrix(cell) if charges.any() else np.zeros((len(cell), len(cell)))
    clash = _clashes(cell, sublattices, min_distance_A)
    allowed = _allowed(len(cell), species, sublattices)
    groups = _groups(sublattices)
    runs = _number_of_runs(count, temperature_K, sweeps * sum(len(group) for group in groups))
    found: list[tuple[float, NDArray[np.int64]]] = []
    worst_pairs = 0
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        occupant = _start(codes, sublattices, numbers, species, rng)
        energy = _run(occupant, charges, species, coulomb, clash, groups, allowed, temperature_K, sweeps, rng)
        occupied = (occupant != species.index(VACANCY)).astype(float)
        pairs = round(float(0.5 * occupied @ clash @ occupied))
        if pairs:
            worst_pairs = pairs if not worst_pairs else min(pairs, worst_pairs)
            continue
        found.append((energy, occupant))
    if not found:
        raise InputError(
            f"no arrangement keeps {min_distance_A} Å between atoms of partially occupied sites; the best has "
            f"{worst_pairs} closer pairs",
            remedy="Lower the distance or take a larger cell.",
        )
    if temperature_K is None:
        found.sort(key=lambda item: item[0])
    if count > 1 and temperature_K is None:
        found = _distinct(parent, cell, sublattices, found)
    cells = []
    for energy, occupant in found[:count]:
        ordered = _decorate(cell, occupant, species, states)
        record = make_record(
            ordered,
            "ordered",
            inputs,
            sources=_sources(source, states),
            seed=seed,
            warnings=[*warnings, *_moved(sublattices, occupant, species)],
        )
        cells.append(OrderedCell(ordered, energy, record))
    return cells


def _number_of_runs(count: int, temperature_K: float | None, trials: int) -> int:
    """Return how many independent runs to make: enough to find a low minimum, few in large cells."""
    if trials == 0 or temperature_K is not None:
        return count if trials else 1
    return count * int(np.clip(_TRIALS_WANTED // trials, 1, 8))


def _sources(source: Source | None, states: Mapping[str, float]) -> list[Source]:
    if source is None:
        return []
    from dataclasses import replace

    return [replace(source, oxidation_states=dict(states))]


def _states(structure: Structure, source: Source | None, given: Mapping[str, float] | None) -> Mapping[str, float]:
    symbols = {element.symbol for element in structure.composition.elements}
    states: Mapping[str, float]
    if given is not None:
        states = given
    elif source is not None and source.oxidation_states:
        states = source.oxidation_states
    else:
        states = {
            specie.symbol: float(specie.oxi_state)
            for specie in structure.composition.elements
            if isinstance(specie, Species) and specie.oxi_state is not None
        }
    if given is None and not states and len(symbols) > 1:
        guess = structure.composition.get_integer_formula_and_factor()[0]
        from pymatgen.core import Composition

        guesses = Composition(guess).oxi_state_guesses(max_sites=-1)
        states = {key: float(value) for key, value in guesses[0].items()} if guesses else {}
        if not states:
            raise InputError(
                f"the oxidation states of {' '.join(sorted(symbols))} are not known",
                remedy="Give them, or {} to order at random.",
            )
    unknown = symbols - set(states) if states else set()
    if unknown:
        raise InputError(f"no oxidation state is given for {', '.join(sorted(unknown))}")
    return states


def _sublattices(cell: Structure, distance_A: float) -> list[_Sublattice]:
    """Group the partially occupied sites by their occupancies.

    A full site too near to a partly empty one of the same element joins in: one of the two must be empty, whatever
    the refined average says.
    """
    keys = [tuple(sorted((element.symbol, round(float(x), 6)) for element, x in site.species.items())) for site in cell]
    open_sites = np.array([sum(x for _, x in key) < 1 - 1e-6 for key in keys])
    first, second, _, _ = cell.get_neighbor_list(distance_A, exclude_self=True)
    crowded = {
        int(i)
        for i, j in zip(first, second, strict=True)
        if open_sites[j] and not open_sites[i] and {s for s, _ in keys[i]} & {s for s, _ in keys[j]}
    }
    groups: dict[tuple[tuple[tuple[str, float], ...], bool], list[int]] = {}
    for index, key in enumerate(keys):
        empties = bool(open_sites[index]) or index in crowded
        if empties or len(key) > 1:
            groups.setdefault((key, empties), []).append(index)
    return [
        _Sublattice(np.array(sites), {symbol: amount * len(sites) for symbol, amount in key}, empties)
        for (key, empties), sites in groups.items()
    ]


def whole_numbers(
    cell: Structure, sublattices: Sequence[_Sublattice], states: Mapping[str, float]
) -> tuple[list[dict[str, int]], list[str]]:
    """Round the occupancies of each sublattice to whole atoms so that the cell is neutral.

    The smallest sum of relative deviations wins (an integer linear programme); the total of each element counts
    ten times as much as its share on each sublattice.

    Parameters
    ----------
    cell
        The disordered cell.
    sublattices
        Its partially occupied sites.
    states
        Formal charges; empty leaves the charge out of account.

    Returns
    -------
    numbers
        Atoms of each element for each sublattice.
    warnings
        One sentence where an element's number is off by more than one atom.

    Raises
    ------
    InputError
        No whole numbers of atoms make the cell neutral.
    """
    variables = [(k, symbol) for k, sub in enumerate(sublattices) for symbol in sub.targets]
    if not variables:
        _check_ordered_charge(cell, states)
        return [], []
    from scipy.optimize import Bounds, LinearConstraint, milp

    targets = np.array([sublattices[k].targets[symbol] for k, symbol in variables])
    elements = sorted({symbol for _, symbol in variables})
    n, m = len(variables), len(elements)
    # unknowns: n numbers, n deviations, m deviations of the totals
    totals = np.array([sum(t for t, (_, s) in zip(targets, variables, strict=True) if s == e) for e in elements])
    cost = np.concatenate([np.zeros(n), 1 / np.maximum(targets, 1), 10 / np.maximum(totals, 1)])
    cost[n : 2 * n] *= 1 + 1e-3 * np.arange(n) / n  # ties break the same way everywhere
    rows, lower, upper = [], [], []

    def constrain(row: NDArray[np.float64], low: float, high: float) -> None:
        rows.append(row)
        lower.append(low)
        upper.append(high)

    for i in range(n):
        for sign in (1, -1):
            row = np.zeros(2 * n + m)
            row[i], row[n + i] = sign, -1
            constrain(row, -np.inf, sign * targets[i])
    for e, element in enumerate(elements):
        mine = np.array([symbol == element for _, symbol in variables], dtype=float)
        for sign in (1, -1):
            row = np.zeros(2 * n + m)
            row[:n], row[2 * n + e] = sign * mine, -1
            constrain(row, -np.inf, sign * float(mine @ targets))
    for k, sub in enumerate(sublattices):
        row = np.zeros(2 * n + m)
        row[:n] = [owner == k for owner, _ in variables]
        constrain(row, 0 if sub.has_vacancies else len(sub.sites), len(sub.sites))
    if states:
        partial = {int(i) for sub in sublattices for i in sub.sites}
        fixed = sum(states[site.specie.symbol] for i, site in enumerate(cell) if i not in partial)
        row = np.zeros(2 * n + m)
        row[:n] = [states[symbol] for _, symbol in variables]
        constrain(row, -fixed - 1e-6, -fixed + 1e-6)
    answer = milp(
        cost,
        constraints=LinearConstraint(np.array(rows), np.array(lower), np.array(upper)),
        integrality=np.concatenate([np.ones(n), np.zeros(n + m)]),
        bounds=Bounds(0, np.inf),
    )
    if not answer.success:
        raise InputError(
            f"the occupancies of {cell.composition.reduced_formula} cannot be charge-balanced with "
            + ", ".join(f"{symbol}{charge:+g}" for symbol, charge in states.items()),
            remedy="Check the occupancies and oxidation states, or take a larger supercell.",
        )
    numbers: list[dict[str, int]] = [{} for _ in sublattices]
    for (k, symbol), value in zip(variables, answer.x[:n], strict=True):
        numbers[k][symbol] = round(float(value))
    return numbers, _shift_warnings(numbers, sublattices)


def _shift_warnings(numbers: list[dict[str, int]], sublattices: Sequence[_Sublattice]) -> list[str]:
    warnings = []
    for symbol in sorted({symbol for sub in sublattices for symbol in sub.targets}):
        target = sum(sub.targets.get(symbol, 0.0) for sub in sublattices)
        got = sum(number.get(symbol, 0) for number in numbers)
        if abs(got - target) > _WARN_SHIFT:
            warnings.append(
                f"The refined occupancies give {target:.2f} {symbol} on the partially occupied sites of this cell; "
                f"it has {got} so that it is neutral."
            )
    return warnings


def _check_ordered_charge(cell: Structure, states: Mapping[str, float]) -> None:
    if not states:
        return
    charge = sum(states[site.specie.symbol] for site in cell)
    if abs(charge) > 1e-6:
        raise InputError(
            f"the ordered structure {cell.composition.reduced_formula} has a formal charge of {charge:+g} e"
        )


def _species(cell: Structure, sublattices: Sequence[_Sublattice]) -> tuple[list[str], NDArray[np.int64]]:
    """Return all species, vacancy last, and the species index of each fully occupied site."""
    symbols = [*sorted({element.symbol for element in cell.composition.elements}), VACANCY]
    codes = np.full(len(cell), len(symbols) - 1)
    partial = {int(i) for sub in sublattices for i in sub.sites}
    for index, site in enumerate(cell):
        if index not in partial:
            codes[index] = symbols.index(site.specie.symbol)
    return symbols, codes


def _clashes(cell: Structure, sublattices: Sequence[_Sublattice], distance_A: float) -> NDArray[np.float64]:
    """Return 1 for each pair of sites with vacancies that lie closer than `distance_A`."""
    clash = np.zeros((len(cell), len(cell)))
    mobile = np.zeros(len(cell), dtype=bool)
    for sub in sublattices:
        if sub.has_vacancies:
            mobile[sub.sites] = True
    first, second, _, _ = cell.get_neighbor_list(distance_A, exclude_self=True)
    both = mobile[first] & mobile[second] & (first != second)
    clash[first[both], second[both]] = 1.0
    return clash


def _groups(sublattices: Sequence[_Sublattice]) -> list[NDArray[np.int64]]:
    """Return the sets of sites that exchange occupants.

    Mixed sites without vacancies keep the occupancies of their own sublattice. Sites with vacancies that share an
    element exchange among each other: a refined occupancy is an average, and split sites rarely allow it exactly.
    """
    groups: list[tuple[set[str], list[NDArray[np.int64]]]] = []
    closed = []
    for sub in sublattices:
        if not sub.has_vacancies:
            closed.append(sub.sites)
            continue
        elements, sites = set(sub.targets), [sub.sites]
        for group in [group for group in groups if group[0] & elements]:
            groups.remove(group)
            elements |= group[0]
            sites = group[1] + sites
        groups.append((elements, sites))
    return [np.concatenate(sites) for _, sites in groups] + closed


def _allowed(count: int, species: list[str], sublattices: Sequence[_Sublattice]) -> NDArray[np.bool_]:
    allowed = np.zeros((count, len(species)), dtype=bool)
    for sub in sublattices:
        for symbol in sub.targets:
            allowed[sub.sites, species.index(symbol)] = True
        allowed[sub.sites, species.index(VACANCY)] = sub.has_vacancies
    return allowed


def _moved(sublattices: Sequence[_Sublattice], occupant: NDArray[np.int64], species: list[str]) -> list[str]:
    """Say where the distances forced another distribution over split sites than the refined one."""
    sentences = []
    for sub in sublattices:
        for symbol, target in sub.targets.items():
            got = int((occupant[sub.sites] == species.index(symbol)).sum())
            if sub.has_vacancies and abs(got - target) > 0.15 * len(sub.sites):
                sentences.append(
                    f"{got} of {len(sub.sites)} sites with a refined {symbol} occupancy of "
                    f"{target / len(sub.sites):.3f} are filled; distances and energy decide between split sites."
                )
    return sentences


def _start(
    codes: NDArray[np.int64],
    sublattices: Sequence[_Sublattice],
    numbers: Sequence[Mapping[str, int]],
    species: list[str],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    occupant = codes.astype(np.int64).copy()
    for sub, number in zip(sublattices, numbers, strict=True):
        filling = [species.index(symbol) for symbol, amount in number.items() for _ in range(amount)]
        filling += [len(species) - 1] * (len(sub.sites) - len(filling))
        occupant[sub.sites] = rng.permutation(filling)
    return occupant


def _run(
    occupant: NDArray[np.int64],
    charges: NDArray[np.float64],
    species: list[str],
    coulomb: NDArray[np.float64],
    clash: NDArray[np.float64],
    groups: Sequence[NDArray[np.int64]],
    allowed: NDArray[np.bool_],
    temperature_K: float | None,
    sweeps: int,
    rng: np.random.Generator,
) -> float:
    from .sampling import anneal

    if not groups:
        return float(0.5 * charges[occupant] @ coulomb @ charges[occupant])
    members = np.concatenate(groups)
    starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])])
    bodies = np.array([0.0 if symbol == VACANCY else 1.0 for symbol in species])
    trials = sweeps * len(members)
    if temperature_K is None:
        temperatures = np.geomspace(_HOT_EV, _COLD_EV, trials)
    else:
        cold = BOLTZMANN_EV_K * temperature_K
        temperatures = np.concatenate([np.geomspace(max(_HOT_EV, cold), cold, trials // 2), np.full(trials // 2, cold)])
    best = anneal(occupant, charges, bodies, coulomb, clash, members, starts, allowed, temperatures, _PENALTY_EV, rng)
    return float(best)


def _distinct(
    parent: Structure,
    cell: Structure,
    sublattices: Sequence[_Sublattice],
    found: list[tuple[float, NDArray[np.int64]]],
) -> list[tuple[float, NDArray[np.int64]]]:
    """Keep one of each set of arrangements that the symmetry of the disordered crystal maps onto each other."""
    permutations = site_permutations(parent, cell)
    kept: dict[bytes, tuple[float, NDArray[np.int64]]] = {}
    for energy, occupant in found:
        images = occupant.astype(np.int8)[permutations]
        order_of_rows = np.lexsort(images.T[::-1])
        kept.setdefault(images[order_of_rows[0]].tobytes(), (energy, occupant))
    return list(kept.values())


def site_permutations(parent: Structure, cell: Structure) -> NDArray[np.int64]:
    """Return how the symmetry of a disordered crystal permutes the sites of a supercell of it.

    Parameters
    ----------
    parent
        The crystal with partial occupancies.
    cell
        A supercell of it.

    Returns
    -------
    ndarray, shape (operations, sites)
        Row by row the site that each site is mapped onto. Operations that do not map the cell onto itself are
        left out.
    """
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
    from scipy.spatial import cKDTree

    operations = SpacegroupAnalyzer(parent, symprec=0.01).get_symmetry_operations(cartesian=True)
    inverse = np.linalg.inv(cell.lattice.matrix)
    fractional = np.asarray(cell.frac_coords) % 1.0 % 1.0
    tree = cKDTree(fractional, boxsize=1.0)
    shifts = np.asarray(parent.lattice.get_fractional_coords(cell.lattice.matrix))
    repeats = round(abs(float(np.linalg.det(shifts))))
    corners = _lattice_points(parent, cell, repeats)
    rows = []
    tolerance = 0.05 / max(cell.lattice.abc)
    for operation in operations:
        turned = np.asarray(cell.cart_coords) @ operation.rotation_matrix.T + operation.translation_vector
        base = turned @ inverse
        for corner in corners:
            distance, index = tree.query((base + corner) % 1.0 % 1.0)
            if distance.max() < tolerance and len(np.unique(index)) == len(index):
                rows.append(index)
    return np.array(rows)


def _lattice_points(parent: Structure, cell: Structure, repeats: int) -> NDArray[np.float64]:
    """Return the translations of the parent lattice inside the supercell, in fractional coordinates of it."""
    inverse = np.linalg.inv(cell.lattice.matrix)
    reach = np.arange(-1, max(2, int(np.ceil(max(cell.lattice.abc) / min(parent.lattice.abc))) + 1))
    grid = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    points = (grid @ parent.lattice.matrix) @ inverse
    inside = np.all((points > -1e-6) & (points < 1 - 1e-6), axis=1)
    found: NDArray[np.float64] = points[inside]
    return found[:repeats] if len(found) >= repeats else found


def _decorate(
    cell: Structure, occupant: NDArray[np.int64], species: list[str], states: Mapping[str, float]
) -> Structure:
    kept = [i for i in range(len(cell)) if species[occupant[i]] != VACANCY]
    symbols = [species[occupant[i]] for i in kept]
    order_of_atoms = sorted(range(len(kept)), key=lambda k: symbols[k])
    symbols = [symbols[k] for k in order_of_atoms]
    coordinates = np.asarray(cell.frac_coords)[[kept[k] for k in order_of_atoms]]
    properties = {"charge": [float(states[symbol]) for symbol in symbols]} if states else None
    return Structure(cell.lattice, symbols, coordinates, site_properties=properties)
