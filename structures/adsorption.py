"""Atoms put on surfaces: dropped onto a face until they touch."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .distances import contact_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymatgen.core import Structure

_LEAST_VACUUM_A = 6.0


def adsorb(structure: Structure, element: str, place: Sequence[float], *, distance_A: float | None = None) -> Structure:
    """Return a slab with one more atom, dropped along the normal onto its upper face.

    Parameters
    ----------
    structure
        A slab or layer with vacuum along the third cell vector; the first two span its face, in any directions.
    element
        Symbol of the adsorbate.
    place
        Where in the face, in fractions of the first two cell vectors.
    distance_A
        Distance to the nearest atom at which it stops; by default the contact distance of both elements.

    Returns
    -------
    Structure
        The adsorbate is its last atom.

    Raises
    ------
    InputError
        If there is no vacuum for it or something is no element.
    """
    from pymatgen.core import Element, Structure

    if not Element.is_valid_symbol(element):
        raise InputError(f"{element!r} is not an element", remedy="Use a symbol such as 'Li'.")
    if len(place) != 2 or not np.isfinite(place).all():
        raise InputError("a place on a face is two fractions of its cell vectors", where=str(place))
    matrix = np.array(structure.lattice.matrix)
    normal = np.cross(matrix[0], matrix[1])
    normal /= np.linalg.norm(normal)
    height = float(matrix[2] @ normal)
    normal, height = (normal, height) if height > 0 else (-normal, -height)
    positions = _as_slab(structure, normal, height)
    spot = place[0] * matrix[0] + place[1] * matrix[1]
    symbols = [site.specie.symbol for site in structure]
    reach = {s: distance_A or contact_distance(element, s, elements=[element, *symbols]) for s in set(symbols)}
    largest = max(reach.values())
    face = np.array([matrix[0], matrix[1]])
    inverse = np.linalg.pinv(face)
    spans = [int(np.ceil(largest * np.linalg.norm(row))) + 1 for row in inverse.T]
    # in the plane the images nearest to the spot, wherever the atoms themselves may be
    beside = positions - spot - np.rint((positions - spot) @ inverse) @ face
    best = -np.inf
    for i, j in product(range(-spans[0], spans[0] + 1), range(-spans[1], spans[1] + 1)):
        apart = beside + i * matrix[0] + j * matrix[1]
        above = apart @ normal
        aside = np.linalg.norm(apart - above[:, None] * normal, axis=1)
        for k in np.flatnonzero(aside < largest + 1e-9):
            touch = reach[symbols[k]]
            if aside[k] < touch:
                best = max(best, float(positions[k] @ normal + np.sqrt(touch**2 - aside[k] ** 2)))
    top, bottom = float((positions @ normal).max()), float((positions @ normal).min())
    if not np.isfinite(best):
        best = top  # a hole wider than the atom
    if height - (max(best, top) - bottom) < _LEAST_VACUUM_A:
        raise InputError(
            f"the vacuum leaves {height - (top - bottom):.1f} Å for an atom on the face",
            remedy=f"Give a slab with vacuum along its third cell vector, {_LEAST_VACUUM_A:g} Å beyond the adsorbate.",
        )
    place_A = spot + (best - float(spot @ normal)) * normal
    species = [*symbols, element]
    return Structure(structure.lattice, species, np.vstack([positions, place_A]), coords_are_cartesian=True)


def _as_slab(structure: Structure, normal: np.ndarray, height: float) -> np.ndarray:
    """Return positions of one whole slab: the widest gap along the normal is made the vacuum above it."""
    positions = np.array(structure.cart_coords)
    matrix = np.array(structure.lattice.matrix)
    levels = (positions @ normal) % height
    order = np.sort(levels)
    gaps = np.diff(np.append(order, order[0] + height))
    floor = order[(int(np.argmax(gaps)) + 1) % len(order)]
    wanted = floor + (levels - floor) % height
    cells = np.rint((wanted - positions @ normal) / height)
    return np.asarray(positions + cells[:, None] * (matrix[2] if matrix[2] @ normal > 0 else -matrix[2]))
