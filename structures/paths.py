"""Paths between two states of a crystal: end points matched atom by atom, interpolated, evenly spaced and checked.

A path is a `Band`: images of the same atoms in the same order and the same cell, with positions that run on across the
cell's edges instead of being folded back, so that differences between images are displacements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .distances import distance_table, periodic_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

PATH_FRACTION = 0.6
"""Share of a contact distance that two atoms must keep along a path.

An atom that squeezes through a bottleneck is allowed closer than a relaxed neighbour, where
`distances.MINIMUM_FRACTION` holds; Li at the hexagonal site of silicon is at 0.95.
"""

MOVED_A = 0.5
"""An atom that is displaced by more than this, in Å, counts as moved by a hop."""


@dataclass(frozen=True)
class Band:
    """Images along a path, both ends included.

    Attributes
    ----------
    symbols
        Element of each of the N atoms.
    cell
        Cell vectors as rows, shape (3, 3), in Å; the same for all images.
    positions
        Cartesian positions, shape (images, N, 3), in Å, not folded into the cell.
    """

    symbols: tuple[str, ...]
    cell: Array
    positions: Array

    def __post_init__(self) -> None:
        if self.positions.ndim != 3 or self.positions.shape[1:] != (len(self.symbols), 3) or len(self.positions) < 2:
            raise InputError(f"positions of shape {self.positions.shape} are no band of {len(self.symbols)} atoms")

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def arc_length_A(self) -> Array:
        """Distance travelled up to each image, shape (images,), in Å, in the space of all coordinates."""
        steps = np.linalg.norm(np.diff(self.positions, axis=0).reshape(len(self) - 1, -1), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def displacements_A(self) -> Array:
        """How far each atom is from its start at the end, shape (N,), in Å."""
        return np.asarray(np.linalg.norm(self.positions[-1] - self.positions[0], axis=1))

    def structure(self, image: int) -> Structure:
        """Return an image as a structure, its atoms not folded into the cell."""
        from pymatgen.core import Lattice, Structure

        return Structure(Lattice(self.cell), self.symbols, self.positions[image], coords_are_cartesian=True)

    def at(self, arc_lengths_A: ArrayLike) -> Band:
        """Return the band with images at the given arc lengths, on a piecewise cubic curve through the present ones.

        Parameters
        ----------
        arc_lengths_A
            Increasing, shape (new images,), in Å; from 0 to the whole length.
        """
        from scipy.interpolate import PchipInterpolator

        curve = PchipInterpolator(self.arc_length_A, self.positions, axis=0)
        return Band(self.symbols, self.cell, np.asarray(curve(np.asarray(arc_lengths_A, dtype=float))))

    def respaced(self, images: int, *, through_A: float | None = None) -> Band:
        """Return the band with evenly spaced images.

        Parameters
        ----------
        images
            How many, both ends included.
        through_A
            Arc length, in Å, that one of the inner images has to stand on, such as the saddle of a cheaper model; the
            others are even on either side of it. None for even spacing throughout.

        Raises
        ------
        InputError
            If there are fewer than three images, or `through_A` is not inside the band.
        """
        if images < 3:
            raise InputError(f"a band of {images} images has no image between its ends", remedy="Ask for 3 or more.")
        length = float(self.arc_length_A[-1])
        if through_A is None:
            wanted = np.linspace(0.0, length, images)
        else:
            if not 0 < through_A < length:
                raise InputError(f"the arc length {through_A:.3g} Å is not inside a band of {length:.3g} Å")
            before = min(max(1, round((images - 1) * through_A / length)), images - 2)
            head = np.linspace(0.0, through_A, before + 1)
            wanted = np.concatenate([head, np.linspace(through_A, length, images - before)[1:]])
        return self.at(wanted) if through_A is not None else _evened(self.at(wanted))


def _evened(band: Band, rounds: int = 20) -> Band:
    """Even out the chords, which differ from the arcs of the curve where it bends."""
    for _ in range(rounds):
        steps = np.diff(band.arc_length_A)
        if steps.max() - steps.min() < 1e-6 * max(band.arc_length_A[-1], 1e-12):
            break
        band = band.at(np.linspace(0.0, band.arc_length_A[-1], len(band)))
    return band


def minimum_image(cell: ArrayLike, vectors: ArrayLike) -> Array:
    """Return the shortest periodic image of each vector.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å; any shape of cell.
    vectors
        Shape (..., 3), in Å.
    """
    from ase.geometry import find_mic

    vectors = np.asarray(vectors, dtype=float)
    shortest, _ = find_mic(vectors.reshape(-1, 3), np.asarray(cell, dtype=float), pbc=True)
    return np.asarray(shortest).reshape(vectors.shape)


def match_atoms(start: Structure, end: Structure) -> tuple[Indices, Array]:
    """Pair the atoms of two states of one crystal under periodic boundaries.

    The pairing has the least sum of squared displacements within each element (linear assignment), after a drift of
    the whole crystal was taken out. The drift is the median displacement, which a hop of a few atoms does not change.

    Where one atom passes over occupied sites the least sum belongs to a chain of short jumps instead. If the order of
    atoms is known, keep it (`align` with ``reorder=False``).

    Parameters
    ----------
    start, end
        Same composition and the same cell.

    Returns
    -------
    order : ndarray of int, shape (N,)
        ``end[order[i]]`` is where atom ``i`` of the start ends.
    displacements : ndarray, shape (N, 3)
        Of each atom of the start, in Å, drift removed.

    Raises
    ------
    InputError
        If the two do not hold the same atoms in the same cell, or more than half of all atoms move.
    """
    from scipy.optimize import linear_sum_assignment

    _check_same_crystal(start, end)
    cell = np.asarray(start.lattice.matrix)
    first, second = np.asarray(start.cart_coords), np.asarray(end.cart_coords)
    names = np.array([site.specie.symbol for site in start])
    others = np.array([site.specie.symbol for site in end])
    order = np.full(len(first), -1, dtype=np.int64)
    drift = np.zeros(3)
    for _ in range(10):
        previous = order.copy()
        for name in sorted(set(names.tolist())):
            rows, columns = np.flatnonzero(names == name), np.flatnonzero(others == name)
            vectors = minimum_image(cell, second[columns][None] - drift - first[rows][:, None])
            left, right = linear_sum_assignment((vectors**2).sum(axis=-1))
            order[rows[left]] = columns[right]
        displacements = minimum_image(cell, second[order] - drift - first)
        drift = drift + np.median(displacements, axis=0)
        if (order == previous).all():
            break
    displacements = minimum_image(cell, second[order] - drift - first)
    _check_mostly_still(displacements)
    return order, displacements


def align(start: Structure, end: Structure, *, reorder: bool = True) -> Band:
    """Return start and end as a band of two images: matched, unwrapped, and without drift.

    Parameters
    ----------
    start, end
        Two states of one crystal.
    reorder
        Pair the atoms by `match_atoms`. False if both list the atoms in the same order already, which a hop that was
        built or seen in a trajectory does.

    Raises
    ------
    InputError
        If the two do not hold the same atoms in the same cell, the orders differ where they must not, more than half
        of all atoms move, or nothing moves at all.
    """
    if reorder:
        _, displacements = match_atoms(start, end)
    else:
        _check_same_crystal(start, end)
        for index, (one, other) in enumerate(zip(start, end, strict=True)):
            if one.specie != other.specie:
                raise InputError(
                    f"atom {index} is {one.specie} at the start and {other.specie} at the end",
                    where="end points",
                    remedy="Let the atoms be matched.",
                )
        raw = minimum_image(start.lattice.matrix, np.asarray(end.cart_coords) - np.asarray(start.cart_coords))
        displacements = raw - np.median(raw, axis=0)
        _check_mostly_still(displacements)
    if np.linalg.norm(displacements, axis=1).max() < 1e-3:
        raise InputError("start and end are the same state", where="end points", remedy="Give two different ones.")
    first = np.asarray(start.cart_coords)
    symbols = tuple(site.specie.symbol for site in start)
    return Band(symbols, np.array(start.lattice.matrix), np.stack([first, first + displacements]))


def moved_atoms(band: Band, *, by_A: float = MOVED_A) -> list[int]:
    """Return the atoms that end farther than `by_A`, in Å, from where they start, the farthest first."""
    distances = band.displacements_A
    return [int(i) for i in np.argsort(-distances) if distances[i] > by_A]


def interpolate(ends: Band, images: int, *, minimum_distances_A: Mapping[tuple[str, str], float] | None = None) -> Band:
    """Return a path by the image-dependent pair potential, evenly spaced in arc length.

    Smidstrup, Pedersen, Stokbro, Jónsson, J. Chem. Phys. 140 (2014) 214106, through ASE.

    Parameters
    ----------
    ends
        From `align`; inner images, where there are any, are left out.
    images
        Number of images, both ends included.
    minimum_distances_A
        What two atoms have to keep along the path, in Å, by pair of symbols; `PATH_FRACTION` of the contact distance
        where nothing is given.

    Raises
    ------
    InputError
        If the path goes through an atom.
    """
    from ase.mep.neb import NEB, idpp_interpolate

    if images < 3:
        raise InputError(f"a band of {images} images has no image between its ends", remedy="Ask for 3 or more.")
    start, end = ends.positions[0], ends.positions[-1]
    parts = np.linspace(0.0, 1.0, images)[:, None, None]
    straight = _off_centre(Band(ends.symbols, ends.cell, start + parts * (end - start)))
    atoms = [_atoms(straight, image) for image in range(images)]
    idpp_interpolate(NEB(atoms, method="improvedtangent"), traj=None, log=None, fmax=0.05, steps=200, mic=True)
    positions = np.stack([start, *(image.get_positions() for image in atoms[1:-1]), end])
    if not np.isfinite(positions).all():
        raise InputError("two atoms coincide on the way", where="path", remedy="Choose other end points.")
    band = _evened(Band(ends.symbols, ends.cell, positions))
    check_distances(band, minimum_distances_A)
    return band


def check_distances(band: Band, minimum_distances_A: Mapping[tuple[str, str], float] | None = None) -> float:
    """Check that no two atoms come too close on a path, and return the smallest distance in Å.

    Parameters
    ----------
    band
        Path.
    minimum_distances_A
        As for `interpolate`.

    Raises
    ------
    InputError
        Naming the closest pair and the image.
    """
    elements = sorted(set(band.symbols))
    table = distance_table(elements, minimum_distances_A, fraction=PATH_FRACTION)
    kinds = np.array([elements.index(symbol) for symbol in band.symbols])
    smallest = np.inf
    reach = 2 * float(table.max())
    for image, positions in enumerate(band.positions):
        i, j, _, distance = periodic_pairs(band.cell, positions, reach)
        if not len(distance):
            continue
        smallest = min(smallest, float(distance.min()))
        lack = distance / table[kinds[i], kinds[j]]
        worst = int(lack.argmin())
        if lack[worst] < 1:
            a, b = int(i[worst]), int(j[worst])
            raise InputError(
                f"the path goes through an atom: {band.symbols[a]} {a} and {band.symbols[b]} {b} are "
                f"{distance[worst]:.2f} Å apart at image {image} of {len(band)}, and "
                f"{table[kinds[a], kinds[b]]:.2f} Å is the least that is allowed",
                where="path",
                remedy="Choose end points that are closer, or give a smaller minimum distance.",
            )
    return smallest if np.isfinite(smallest) else reach


def repeats_for(lattice_vectors: ArrayLike, image_distance_A: float) -> tuple[int, int, int]:
    """Return how often a cell is repeated along its vectors so that a defect is far from its images.

    Parameters
    ----------
    lattice_vectors
        Cell vectors as rows, shape (3, 3), in Å.
    image_distance_A
        Least distance between opposite faces of the supercell, in Å, which the distance between images is never below.
    """
    if not image_distance_A > 0:
        raise InputError(f"the image distance {image_distance_A} Å is not positive")
    widths = 1 / np.linalg.norm(np.linalg.inv(np.asarray(lattice_vectors, dtype=float)), axis=0)
    a, b, c = (max(1, int(np.ceil(image_distance_A / width - 1e-9))) for width in widths)
    return a, b, c


def _atoms(band: Band, image: int) -> Atoms:
    from ase import Atoms

    return Atoms(band.symbols, positions=band.positions[image], cell=band.cell, pbc=True)


def _off_centre(band: Band) -> Band:
    """Move a straight path off atoms that it hits head-on, where the pair potential knows no way out."""
    moved = moved_atoms(band)
    positions = band.positions.copy()
    still = [i for i in range(len(band.symbols)) if i not in moved]
    for atom in moved:
        direction = positions[-1, atom] - positions[0, atom]
        axis = np.eye(3)[int(np.abs(direction).argmin())]
        aside = np.cross(direction, axis)
        aside /= np.linalg.norm(aside)
        between = minimum_image(band.cell, positions[:, still] - positions[:, [atom]])
        if len(still) and np.linalg.norm(between, axis=-1).min() < 0.3:
            parts = np.linspace(0.0, 1.0, len(positions))
            positions[:, atom] += (0.4 * np.sin(np.pi * parts))[:, None] * aside
    return Band(band.symbols, band.cell, positions)


def _check_same_crystal(start: Structure, end: Structure) -> None:
    for structure in (start, end):
        if not structure.is_ordered:
            raise InputError("an end point has partial occupancies", where="end points", remedy="Order it first.")
    if start.composition != end.composition:
        raise InputError(
            f"the end points hold different atoms: {start.composition.formula} and {end.composition.formula}",
            where="end points",
            remedy="Take two states of the same supercell.",
        )
    difference = float(np.abs(np.asarray(start.lattice.matrix) - np.asarray(end.lattice.matrix)).max())
    if difference > 1e-3:
        raise InputError(
            f"the cells of the end points differ by up to {difference:.3g} Å",
            where="end points",
            remedy="Relax them in the same cell.",
        )


def _check_mostly_still(displacements: Sequence[Sequence[float]] | Array) -> None:
    far = np.linalg.norm(np.asarray(displacements), axis=1) > 2 * MOVED_A
    if far.sum() > max(1, len(far) / 2):
        raise InputError(
            f"{int(far.sum())} of {len(far)} atoms move by more than {2 * MOVED_A:g} Å between the end points",
            where="end points",
            remedy="Take two states of the same supercell.",
        )
