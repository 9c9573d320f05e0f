"""Hops of a mobile species: which jumps there are, which of them symmetry makes equal, and their endpoints.

In a perfect crystal the list is one hop for each orbit of site pairs under the space group. In a glass, at an
interface or around a defect every pair is its own, and the hops are told apart by the surroundings of both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..errors import InputError
from .distances import ANION_RADII_A, BOND_REACH, contact_distance, periodic_pairs
from .primitive import symmetry_operations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

KINDS = ("vacancy", "chain", "interstitial", "kick-out")
_SAMPLES = 7
_VOID_SEPARATION_A = 1.2


@dataclass(frozen=True)
class Hop:
    """One distinct jump.

    Attributes
    ----------
    kind
        ``"vacancy"``: an atom jumps into the empty site of another; ``"interstitial"``: an atom jumps from one void
        to the next; ``"kick-out"``: an atom in a void takes a lattice site, whose atom goes on to the next void;
        ``"chain"``: an atom takes the site of a second one while that jumps into an empty site.
    species
        Element that moves.
    atoms
        Indices of the atoms of the structure that take part: for a vacancy hop the one that moves and the one
        whose site is empty; for a chain both that move and the one whose site is empty; for an interstitial hop
        none; for a kick-out the one that is pushed on.
    path
        Fractional positions from start over (kick-out and chain only) the lattice site to the end, shape (2 or 3, 3);
        not wrapped, so that straight lines between them are the short way.
    distance_A
        Length of the path in Å.
    multiplicity
        Equal hops in the cell, each direction counted once.
    environments
        Neighbours at the start and the end, such as ``"S4"``.
    bottleneck_A
        Shortest distance from the straight path to any atom that does not take part, in Å.
    sides
        Layer of the start and of the end in an interface (site property ``side``); None elsewhere.
    heights_A
        Height of start and end along the normal of the first two cell vectors, in Å.
    """

    kind: str
    species: str
    atoms: tuple[int, ...]
    path: tuple[tuple[float, float, float], ...]
    distance_A: float
    multiplicity: int
    environments: tuple[str, str]
    bottleneck_A: float
    sides: tuple[int, int] | None
    heights_A: tuple[float, float]


def hops(
    structure: Structure,
    species: str = "Li",
    *,
    cutoff_A: float = 5.0,
    kind: str = "vacancy",
    voids: Sequence[Sequence[float]] | None = None,
    min_void_radius_A: float = 1.5,
    symmetry_tolerance_A: float = 0.01,
) -> list[Hop]:
    """List the symmetry-distinct hops of a species.

    Parameters
    ----------
    structure
        Ordered structure: crystal, glass or interface.
    species
        Element that moves.
    cutoff_A
        Longest jump in Å (for a kick-out and a chain, of each of the two legs).
    kind
        ``"vacancy"``, ``"chain"``, ``"interstitial"`` or ``"kick-out"``.
    voids
        Fractional positions of interstitial sites, shape (V, 3); by default the centres of the empty spheres
        (:func:`~anodeflow.structures.voids.void_sites`), completed by symmetry.
    min_void_radius_A
        Smallest empty sphere that counts as a site.
    symmetry_tolerance_A
        How far atoms may be from their symmetric places, in Å.

    Returns
    -------
    list of Hop
        Shortest first.

    Raises
    ------
    InputError
        If the species is not there, the structure has partly occupied sites, or the kind is unknown.
    """
    if kind not in KINDS:
        raise InputError(f"{kind!r} is no kind of hop", remedy=f"Use {', '.join(KINDS)}.")
    if not structure.is_ordered:
        raise InputError("hops need an ordered structure", remedy="Order it first: anodeflow build ordered.")
    if not (np.isfinite(cutoff_A) and cutoff_A > 0):
        raise InputError(f"a cut-off of {cutoff_A} Å is no distance", remedy="Give a number above 0.")
    symbols = [site.specie.symbol for site in structure]
    if species not in symbols:
        there = ", ".join(sorted(set(symbols)))
        raise InputError(f"{species} is not in {structure.composition.reduced_formula}", remedy=f"It has {there}.")
    cell = np.array(structure.lattice.matrix)
    fractional = np.array(structure.frac_coords)
    operations = symmetry_operations(cell, fractional % 1.0, symbols, tolerance_A=symmetry_tolerance_A)
    mobile = np.array([k for k, s in enumerate(symbols) if s == species])
    context = _Context(structure, cell, fractional, symbols, species)
    if kind == "vacancy":
        orbits = _pair_orbits(cell, fractional[mobile], operations, cutoff_A, symmetry_tolerance_A)
        found = [
            context.hop(
                kind, (int(mobile[i]), int(mobile[j])), np.array([fractional[mobile[i]], fractional[mobile[j]] + n]), m
            )
            for i, j, n, m in orbits
        ]
    elif kind == "chain":
        found = _two_legs(context, "chain", np.empty((0, 3)), mobile, operations, cutoff_A, symmetry_tolerance_A)
    else:
        sites = _void_positions(structure, voids, operations, min_void_radius_A, symmetry_tolerance_A)
        if kind == "interstitial":
            orbits = _pair_orbits(cell, sites, operations, cutoff_A, symmetry_tolerance_A)
            found = [context.hop(kind, (), np.array([sites[i], sites[j] + n]), m) for i, j, n, m in orbits]
        else:
            found = _two_legs(context, "kick-out", sites, mobile, operations, cutoff_A, symmetry_tolerance_A)
    return sorted(found, key=lambda hop: (round(hop.distance_A, 4), hop.atoms, hop.path))


def endpoints(structure: Structure, hop: Hop) -> tuple[Structure, Structure]:
    """Start and end of a hop with the same atoms in the same order.

    Parameters
    ----------
    structure
        What :func:`hops` was given.
    hop
        One of its results.

    Returns
    -------
    start, end : Structure
        For a vacancy hop or a chain one atom fewer than ``structure``, for the others one more, which is the last.
        Moving atoms are not wrapped, so that a straight line between the two is the hop.
    """
    start, end = structure.copy(), structure.copy()
    if hop.kind in ("vacancy", "chain"):
        *movers, gone = hop.atoms
        for leg, mover in enumerate(movers):
            for side, place in ((start, hop.path[leg]), (end, hop.path[leg + 1])):
                side.replace(mover, side[mover].species, coords=list(place), properties=side[mover].properties)
        start.remove_sites([gone])
        end.remove_sites([gone])
        return start, end
    last = hop.path[-1] if hop.kind == "interstitial" else hop.path[1]
    properties = dict.fromkeys(structure.site_properties)
    start.append(hop.species, list(hop.path[0]), properties=properties)
    end.append(hop.species, list(last), properties=properties)
    if hop.kind == "kick-out":
        (pushed,) = hop.atoms
        start.replace(pushed, start[pushed].species, coords=list(hop.path[1]), properties=start[pushed].properties)
        end.replace(pushed, end[pushed].species, coords=list(hop.path[2]), properties=end[pushed].properties)
    return start, end


class _Context:
    """Surroundings of a structure, looked up many times."""

    def __init__(self, structure: Structure, cell: Array, fractional: Array, symbols: list[str], species: str) -> None:
        self.cell, self.fractional, self.symbols, self.species = cell, fractional, symbols, species
        self.sides = structure.site_properties.get("side")
        normal = np.cross(cell[0], cell[1])
        self.normal = normal / np.linalg.norm(normal)
        reach = 4.0
        self._reach = reach
        wide = reach * np.linalg.norm(np.linalg.inv(cell), axis=0)
        wrapped = fractional % 1.0
        ranges = [np.arange(-int(np.ceil(w)), int(np.ceil(w)) + 1) for w in wide]
        grid = np.array(np.meshgrid(*ranges)).reshape(3, -1).T
        images = (wrapped[:, None] + grid[None]).reshape(-1, 3)
        owner = np.repeat(np.arange(len(wrapped)), len(grid))
        near = ((images > -wide - 1e-9) & (images < 1 + wide + 1e-9)).all(axis=1)
        self._owner, self._points = owner[near], images[near] @ cell
        self._tree = cKDTree(self._points)
        elements = sorted(set(symbols))
        anions = [s for s in elements if s in ANION_RADII_A or s == "H"]
        self._bond = {
            s: BOND_REACH * contact_distance(species, s, elements=elements) for s in anions or elements if s != species
        }

    def hop(self, kind: str, atoms: tuple[int, ...], path: Array, multiplicity: int) -> Hop:
        """Describe a hop along a path of fractional positions, shape (2 or 3, 3)."""
        legs = np.diff(path @ self.cell, axis=0)
        ends = (path[0], path[-1])
        nearest = [self._nearest_atom(point) for point in ends] if self.sides is not None else []
        return Hop(
            kind=kind,
            species=self.species,
            atoms=atoms,
            path=tuple((float(a), float(b), float(c)) for a, b, c in path),
            distance_A=float(np.linalg.norm(legs, axis=1).sum()),
            multiplicity=multiplicity,
            environments=(self.environment(ends[0]), self.environment(ends[1])),
            bottleneck_A=self._bottleneck(path, atoms),
            sides=(int(self.sides[nearest[0]]), int(self.sides[nearest[1]])) if self.sides is not None else None,
            heights_A=(float(ends[0] @ self.cell @ self.normal), float(ends[1] @ self.cell @ self.normal)),
        )

    def environment(self, point: Array) -> str:
        """Name the bonded neighbours of a position: anions where there are any, else whatever does not move."""
        counts: dict[str, int] = {}
        for atom, distance in self._around(point):
            symbol = self.symbols[atom]
            if 0.1 < distance < self._bond.get(symbol, 0.0):
                counts[symbol] = counts.get(symbol, 0) + 1
        return "".join(f"{s}{counts[s]}" for s in sorted(counts)) or "none"

    def _around(self, point: Array) -> list[tuple[int, float]]:
        where = (point % 1.0) @ self.cell
        found = self._tree.query_ball_point(where, self._reach)
        distances = np.linalg.norm(self._points[found] - where, axis=1)
        return [(int(self._owner[k]), float(d)) for k, d in zip(found, distances, strict=True)]

    def _nearest_atom(self, point: Array) -> int:
        return int(self._owner[self._tree.query((point % 1.0) @ self.cell)[1]])

    def _bottleneck(self, path: Array, atoms: tuple[int, ...]) -> float:
        parts = np.linspace(0, 1, _SAMPLES)[:, None]
        line = np.concatenate([a + parts * (b - a) for a, b in pairwise(path)]) % 1.0
        distances, which = self._tree.query(line @ self.cell, k=min(8, len(self._points)))
        taking_part = np.isin(self._owner[which], atoms) if atoms else np.zeros(which.shape, dtype=bool)
        # an atom that sits in the void itself is the one that moves
        free = np.where(taking_part, np.inf, distances)
        shortest = float(free.min())
        return shortest if np.isfinite(shortest) else float(distances.max())


def _site_maps(
    cell: Array, sites: Array, operations: list[tuple[Integers, Array]], tolerance: float
) -> tuple[Integers, Integers, Integers]:
    """Where each operation puts each site: site number and lattice shift; operations that miss are left out."""
    numbers, shifts, rotations = [], [], []
    for rotation, translation in operations:
        moved = sites @ rotation.T + translation
        apart = moved[:, None, :] - sites[None, :, :]
        offset = np.rint(apart)
        gap = np.linalg.norm((apart - offset) @ cell, axis=2)
        target = np.argmin(gap, axis=1)
        rows = np.arange(len(sites))
        if (gap[rows, target] > max(3 * tolerance, 0.05)).any() or len(set(target.tolist())) < len(sites):
            continue
        numbers.append(target)
        shifts.append(offset[rows, target].astype(np.int64))
        rotations.append(rotation)
    return np.array(numbers), np.array(shifts), np.array(rotations)


def _pair_orbits(
    cell: Array, sites: Array, operations: list[tuple[Integers, Array]], cutoff: float, tolerance: float
) -> list[tuple[int, int, Integers, int]]:
    """One pair of sites for each orbit: first site, second site, image of the second, size of the orbit."""
    i, j, shift, distance = periodic_pairs(cell, sites @ cell, cutoff)
    image = np.rint(shift @ np.linalg.inv(cell)).astype(np.int64)
    if not len(i):
        return []
    count = len(i)
    # both directions of each pair, so that any operation lands on a known one
    first, second = np.concatenate([i, j]), np.concatenate([j, i])
    images = np.concatenate([image, -image])
    base = int(np.abs(images).max()) + 2
    keys = _encode(first, second, images, len(sites), base)
    order = np.argsort(keys)
    sorted_keys = keys[order]
    links = [(np.arange(count), np.arange(count) + count)]
    if len(operations) > 1:
        numbers, shifts, rotations = _site_maps(cell, sites, operations, tolerance)
        for number, moved, rotation in zip(numbers, shifts, rotations, strict=True):
            there = images[:count] @ rotation.T + moved[second[:count]] - moved[first[:count]]
            inside = (np.abs(there) < base).all(axis=1)
            target = _encode(number[first[:count]], number[second[:count]], there, len(sites), base)
            position = np.searchsorted(sorted_keys, target)
            position[position == len(keys)] = 0
            known = inside & (sorted_keys[position] == target)
            links.append((np.flatnonzero(known), order[position[known]]))
    rows, columns = (np.concatenate(part) for part in zip(*links, strict=True))
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(2 * count, 2 * count))
    label = connected_components(graph, directed=False)[1][:count]
    result = []
    for orbit in range(int(label.max()) + 1):
        members = np.flatnonzero(label == orbit)
        if len(members):
            k = min(members, key=lambda m: (round(float(distance[m]), 6), int(i[m]), int(j[m]), tuple(image[m])))
            result.append((int(i[k]), int(j[k]), image[k], len(members)))
    return result


def _encode(first: Integers, second: Integers, images: Integers, sites: int, base: int) -> Integers:
    width = 2 * base + 1
    code = first * sites + second
    for axis in range(3):
        code = code * width + images[:, axis] + base
    return code


def _void_positions(
    structure: Structure,
    voids: Sequence[Sequence[float]] | None,
    operations: list[tuple[Integers, Array]],
    min_radius: float,
    tolerance: float,
) -> Array:
    """Interstitial sites with all their symmetric copies, shape (V, 3)."""
    cell = np.array(structure.lattice.matrix)
    # of the corners of one cavity only the roomiest is a site
    separation = _VOID_SEPARATION_A if voids is None else 0.3
    if voids is None:
        from .voids import void_sites

        seeds = [centre for centre, _ in void_sites(structure, min_radius_A=min_radius)]
    else:
        seeds = [np.asarray(point, dtype=float) for point in voids]
    if not seeds:
        raise InputError(
            f"no void of {min_radius:g} Å or more in {structure.composition.reduced_formula}",
            remedy="Allow smaller voids, or give the interstitial sites.",
        )
    found: list[Array] = []
    for seed in seeds:
        orbit = _orbit(cell, seed, operations, separation)
        if not found or min(_gap(cell, np.array(found), point) for point in orbit) > separation:
            found += orbit
    return np.array(found)


def _orbit(cell: Array, point: Array, operations: list[tuple[Integers, Array]], separation: float) -> list[Array]:
    """All symmetric copies of a point; copies that nearly fall together are put onto the symmetry element."""
    for _ in range(3):
        copies = np.array([(point @ rotation.T + translation) for rotation, translation in operations])
        apart = copies - point
        apart -= np.rint(apart)
        mine = np.linalg.norm(apart @ cell, axis=1) < separation
        point = point + apart[mine].mean(axis=0)
    orbit: list[Array] = []
    for rotation, translation in operations:
        copy = (point @ rotation.T + translation) % 1.0
        if not orbit or _gap(cell, np.array(orbit), copy) > 0.1:
            orbit.append(copy)
    return orbit


def _gap(cell: Array, points: Array, point: Array) -> float:
    """Shortest distance from a point to others, nearest images, in Å."""
    apart = points - point
    apart -= np.rint(apart)
    return float(np.linalg.norm(apart @ cell, axis=1).min())


def _two_legs(
    context: _Context,
    kind: str,
    voids: Array,
    mobile: Integers,
    operations: list[tuple[Integers, Array]],
    cutoff: float,
    tolerance: float,
) -> list[Hop]:
    """Pairs of legs that meet at one lattice site, one for each orbit: from void to void, or from site to site."""
    cell, fractional = context.cell, context.fractional
    everything = np.concatenate([voids, fractional[mobile]])
    number = len(voids)
    i, j, shift, _ = periodic_pairs(cell, everything @ cell, cutoff)
    image = np.rint(shift @ np.linalg.inv(cell)).astype(np.int64)
    legs: dict[int, list[tuple[int, Integers]]] = {}
    for a, b, n in zip(i.tolist(), j.tolist(), image, strict=True):
        for first, second, there in ((a, b, n), (b, a, -n)):
            if second >= number and (first < number or kind == "chain"):
                legs.setdefault(second - number, []).append((first, -there))
    maps = _site_maps(cell, everything, operations, tolerance)
    seen: dict[tuple[int, ...], int] = {}
    found: list[tuple[tuple[int, ...], Array]] = []
    for lattice_site, ends in sorted(legs.items()):
        for k, (first, n) in enumerate(ends):
            for second, m in ends[k + 1 :]:
                key = _triple_key(maps, number, lattice_site, (first, n), (second, m))
                if key in seen:
                    seen[key] += 1
                    continue
                seen[key] = 1
                middle = int(mobile[lattice_site])
                path = np.array([everything[first] + n, fractional[middle], everything[second] + m])
                atoms = (middle,) if kind != "chain" else (int(mobile[first]), middle, int(mobile[second]))
                found.append((atoms, path))
    counts = list(seen.values())
    return [context.hop(kind, atoms, path, m) for (atoms, path), m in zip(found, counts, strict=True)]


def _triple_key(
    maps: tuple[Integers, Integers, Integers],
    number: int,
    lattice_site: int,
    first: tuple[int, Integers],
    second: tuple[int, Integers],
) -> tuple[int, ...]:
    """Smallest of all symmetric names of a void, site, void triple; the same for both directions."""
    numbers, shifts, rotations = maps
    middle = number + lattice_site
    best: tuple[int, ...] | None = None
    for target, moved, rotation in zip(numbers, shifts, rotations, strict=True):
        ends = []
        for site, image in (first, second):
            there = rotation @ image + moved[site] - moved[middle]
            ends.append((int(target[site]), *(int(v) for v in there)))
        ends.sort()
        name = (int(target[middle]), *ends[0], *ends[1])
        best = name if best is None or name < best else best
    if best is None:
        raise AssertionError("the identity is always an operation")
    return best
