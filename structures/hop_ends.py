"""From a hop in a crystal's own cell to the end points of its band in a supercell, and to all hops equal to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .distances import contact_distance
from .paths import Band, minimum_image

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

_SITE_TOLERANCE_A = 0.6
_SHORTEST_HOP_A = 0.1
_POINTS = {"interstitial": 2, "vacancy": 2, "kick-out": 3, "chain": 3}


@dataclass(frozen=True)
class CrystalHop:
    """A hop in the cell of a perfect crystal; the kinds are those of `anodeflow.structures.hops`.

    Attributes
    ----------
    kind
        ``interstitial``: an added atom goes from the first to the last point. ``vacancy``: the atom at the first point
        goes to the last, whose own atom is taken out. ``kick-out``: an added atom goes from the first to the second
        point, and the atom there to the last. ``chain``: the atom at the first point goes to the second and the one
        there to the last, whose own atom is taken out.
    species
        Element that hops.
    path
        Fractional coordinates of 2 points, or 3 for a kick-out or a chain; they may lie in neighbouring cells.
    """

    kind: str
    species: str
    path: tuple[tuple[float, float, float], ...]

    def __post_init__(self) -> None:
        if self.kind not in _POINTS:
            raise InputError(f"'{self.kind}' is no kind of hop", where="hop.kind", remedy=f"Use {', '.join(_POINTS)}.")
        if len(self.path) != _POINTS[self.kind] or any(len(point) != 3 for point in self.path):
            raise InputError(
                f"a {self.kind} hop has {_POINTS[self.kind]} points of 3 fractional coordinates", where="hop.path"
            )

    def vector_A(self, cell: ArrayLike) -> Array:
        """Return the displacement of the charge or mass that hops, shape (3,), in Å, for a cell of rows."""
        ends = np.array([self.path[0], self.path[-1]], dtype=float) @ np.asarray(cell, dtype=float)
        return np.asarray(ends[1] - ends[0])


def hop_ends(crystal: Structure, hop: CrystalHop, repeats: tuple[int, int, int]) -> Band:
    """Return the unrelaxed end points of a hop as a band of two images, atoms in the same order.

    Parameters
    ----------
    crystal
        Ordered unit cell.
    hop
        Where it goes from and to, in fractions of that cell.
    repeats
        Supercell along the three vectors.

    Raises
    ------
    InputError
        If the species is not there, a lattice site that the hop needs is not one, an interstitial has no room, or the
        hop leads to an image of its own start.
    """
    if not crystal.is_ordered:
        raise InputError("the crystal has partial occupancies", where="hop", remedy="Order it first.")
    supercell = crystal.copy()
    supercell.make_supercell(list(repeats), to_unit_cell=False)
    cell = np.asarray(supercell.lattice.matrix)
    points = np.asarray(hop.path) @ np.asarray(crystal.lattice.matrix)
    for leg in np.diff(points, axis=0):
        if np.linalg.norm(leg) < _SHORTEST_HOP_A:
            raise InputError(
                "the hop leads from a place to itself", where="hop.path", remedy="Give points that lie apart."
            )
        if np.linalg.norm(minimum_image(cell, leg)) < np.linalg.norm(leg) - 1e-6:
            raise InputError(
                "the hop is longer than half of the supercell, or leads to an image of its own start",
                where="hop",
                remedy="Take a larger supercell or a shorter hop.",
            )
    symbols = [site.specie.symbol for site in supercell]
    positions = np.asarray(supercell.cart_coords)
    if hop.kind in ("vacancy", "chain"):
        *movers, gone = (_site(positions, symbols, cell, place, hop.species) for place in points)
        if len({*movers, gone}) < len(points):
            raise InputError("the hop starts and ends on one and the same site", where="hop")
        second = positions.copy()
        for mover, target in zip(movers, [*movers[1:], gone], strict=True):
            second[mover] += minimum_image(cell, positions[target] - positions[mover])
        keep = [i for i in range(len(symbols)) if i != gone]
        return Band(tuple(symbols[i] for i in keep), cell, np.stack([positions[keep], second[keep]]))
    for name, place in (("start", points[0]), ("end", points[-1])):
        distance = np.linalg.norm(minimum_image(cell, positions - place), axis=1)
        nearest = int(distance.argmin())
        if distance[nearest] < 0.6 * contact_distance(hop.species, symbols[nearest]):
            raise InputError(
                f"the {name} of the hop is {distance[nearest]:.2f} Å from a {symbols[nearest]} atom",
                where="hop.path",
                remedy="Give a place with room for an interstitial.",
            )
    final = positions.copy()
    if hop.kind == "kick-out":
        pushed = _site(positions, symbols, cell, points[1], hop.species)
        final[pushed] += minimum_image(cell, points[2] - positions[pushed])
    both = np.stack([np.vstack([positions, points[0]]), np.vstack([final, points[1]])])
    return Band((*symbols, hop.species), cell, both)


def follow_sites(hop: CrystalHop, given: Structure, relaxed: Structure) -> CrystalHop:
    """Return a hop whose points go along with the lattice sites of its species when the crystal is relaxed.

    Parameters
    ----------
    hop
        In the crystal as it was given.
    given, relaxed
        The crystal with its atoms in the same order.
    """
    own = [index for index, site in enumerate(given) if site.specie.symbol == hop.species]
    if hop.kind == "interstitial" or not own:
        return hop
    first, last = (np.asarray(one.frac_coords)[own] for one in (given, relaxed))
    cell = np.asarray(given.lattice.matrix)
    moved = last - first
    moved -= np.rint(moved)
    path = []
    for point in np.asarray(hop.path, dtype=float):
        offset = first - point
        offset -= np.rint(offset)
        distance = np.linalg.norm(offset @ cell, axis=1)
        nearest = int(distance.argmin())
        a, b, c = (float(x) for x in point + (moved[nearest] if distance[nearest] < _SITE_TOLERANCE_A else 0.0))
        path.append((a, b, c))
    return CrystalHop(hop.kind, hop.species, tuple(path))


def relaxation_shifts_A(given: Structure, relaxed: Structure) -> Array:
    """Return how far each atom moved relative to the others when the crystal was relaxed, shape (N,), in Å."""
    moved = np.asarray(relaxed.frac_coords) - np.asarray(given.frac_coords)
    moved -= np.rint(moved)
    moved -= np.median(moved, axis=0)
    return np.asarray(np.linalg.norm(moved @ np.asarray(relaxed.lattice.matrix), axis=1))


def equal_hops(
    crystal: Structure, hop: CrystalHop, *, tolerance_A: float = 0.05
) -> tuple[list[CrystalHop], list[CrystalHop]]:
    """Return every hop that the crystal's symmetry makes equal to one, once per cell.

    Parameters
    ----------
    crystal
        Ordered unit cell.
    hop
        One of them.
    tolerance_A
        Points nearer than this are the same.

    Returns
    -------
    forward
        Those that run like `hop`.
    backward
        The same in reverse; empty where symmetry turns the hop around, so that `forward` holds both directions.
    """
    from .primitive import symmetry_operations

    cell = np.asarray(crystal.lattice.matrix)
    symbols = [site.specie.symbol for site in crystal]
    operations = symmetry_operations(cell, np.asarray(crystal.frac_coords) % 1.0, symbols)
    path = np.asarray(hop.path)
    forward: list[Array] = []
    backward: list[Array] = []
    moved = [path @ np.asarray(rotation).T + translation for rotation, translation in operations]
    for found, candidates in ((forward, moved), (backward, [one[::-1] for one in moved])):
        for candidate in candidates:
            if not any(_same_path(candidate, other, cell, tolerance_A) for other in (*forward, *found)):
                found.append(candidate - np.floor(candidate[0] + 1e-6))

    def hops(paths: list[Array]) -> list[CrystalHop]:
        return [
            CrystalHop(hop.kind, hop.species, tuple((float(a), float(b), float(c)) for a, b, c in one)) for one in paths
        ]

    return hops(forward), hops(backward)


def _same_path(one: Array, other: Array, cell: Array, tolerance: float) -> bool:
    offset = one - other
    offset = offset - np.rint(offset[0])  # the same hop in another cell
    return bool(np.linalg.norm(offset @ cell, axis=1).max() < tolerance)


def _site(positions: Array, symbols: list[str], cell: Array, place: Array, species: str) -> int:
    """Return the atom of a species that stands at a place."""
    own = [i for i, symbol in enumerate(symbols) if symbol == species]
    if not own:
        raise InputError(
            f"there is no {species} in the crystal",
            where="hop.species",
            remedy=f"It holds {', '.join(sorted(set(symbols)))}.",
        )
    distance = np.linalg.norm(minimum_image(cell, positions[own] - place), axis=1)
    if distance.min() > _SITE_TOLERANCE_A:
        raise InputError(
            f"the nearest {species} site is {distance.min():.2f} Å from where the hop starts or ends",
            where="hop.path",
            remedy="Give the fractional coordinates of a site.",
        )
    return own[int(distance.argmin())]
