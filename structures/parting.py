"""Contacts of a stack, planes to cleave it, and the stack with a gap at one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .oriented import LAYER_TOLERANCE_A

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Laid:
    """Heights of the atoms of a periodic stack, no side cut by the end of the cell.

    Attributes
    ----------
    height_A
        Along the normal, shape (N,); side 0 lowest.
    period_A
        Height of the cell.
    contacts_A
        Height of each contact: between side k and k + 1, the last one between the last side and the image of side 0.
    """

    height_A: Array
    period_A: float
    contacts_A: tuple[float, ...]


def lay_out(structure: Structure, sides: Sequence[int]) -> Laid:
    """Find where the sides of a periodic stack meet.

    A contact lies where the fewest atoms are on the wrong side of it, and of such places in the widest gap.

    Parameters
    ----------
    structure
        Third vector across the stack; its first two span the plane.
    sides
        Side of each atom, from 0 at the bottom.

    Raises
    ------
    InputError
        If sides and atoms do not belong together.
    """
    owner = np.asarray(sides)
    count = int(owner.max()) + 1 if len(owner) else 0
    if len(owner) != len(structure) or count < 2 or set(owner.tolist()) != set(range(count)):
        raise InputError(f"{len(owner)} labels of sides for {len(structure)} atoms do not make a stack")
    fraction = np.array(structure.frac_coords)[:, 2]
    period = structure.volume / float(np.linalg.norm(np.cross(*np.asarray(structure.lattice.matrix)[:2])))
    centres: list[float] = []
    for k in range(count):
        angle = 2 * np.pi * fraction[owner == k]
        centre = float(np.arctan2(np.sin(angle).mean(), np.cos(angle).mean())) / (2 * np.pi)
        centres.append(centre if not centres else centres[0] + (centre - centres[0]) % 1.0)
    middle = np.array(centres)[owner]
    height = (middle + (fraction - middle + 0.5) % 1.0 - 0.5) * period
    contacts = []
    for k in range(count):
        above = (k + 1) % count
        lift = period if above == 0 else 0.0
        low, high = centres[k] * period, centres[above] * period + lift
        contacts.append(_contact(height[owner == k], height[owner == above] + lift, low, high))
    return Laid(height, float(period), tuple(contacts))


def _contact(below: Array, above: Array, low: float, high: float) -> float:
    every = np.sort(np.concatenate([below, above]))
    every = every[(every > low) & (every < high)]
    if len(every) < 2:
        return 0.5 * (low + high)
    gaps, places = np.diff(every), 0.5 * (every[1:] + every[:-1])
    wrong = (below[None, :] > places[:, None]).sum(axis=1) + (above[None, :] < places[:, None]).sum(axis=1)
    best = wrong == wrong.min()
    return float(places[best][gaps[best].argmax()])


def cleavage_planes(laid: Laid, contact: int, *, within_A: float, most: int = 12) -> list[float]:
    """Return heights of planes beside a contact that part different atoms, the contact itself among them.

    Parameters
    ----------
    laid
        Of `lay_out`.
    contact
        Its number.
    within_A
        Largest distance from the contact.
    most
        Largest number; the widest gaps are kept.
    """
    own = laid.contacts_A[contact]
    wrapped = np.sort(own + (laid.height_A - own + 0.5 * laid.period_A) % laid.period_A - 0.5 * laid.period_A)
    gaps, places = np.diff(wrapped), 0.5 * (wrapped[1:] + wrapped[:-1])
    near = (np.abs(places - own) <= within_A) & (gaps > LAYER_TOLERANCE_A)
    order = np.argsort(-gaps[near], kind="stable")[:most]
    found = {float(place) for place in places[near][order]}
    # the contact itself is the middle of a gap; where that gap is too narrow it is tried all the same
    if not any(abs(place - own) < 1e-6 for place in found):
        found.add(own)
    return sorted(found)


def cleaved(structure: Structure, height_A: float, vacuum_A: float) -> Structure:
    """Return a periodic stack with a gap opened at one height.

    Parameters
    ----------
    structure
        Third vector across the stack.
    height_A
        Along the normal.
    vacuum_A
        Width of the gap.
    """
    from pymatgen.core import Lattice, Structure

    matrix = np.array(structure.lattice.matrix)
    normal = np.cross(matrix[0], matrix[1])
    normal /= np.linalg.norm(normal)
    period = float(matrix[2] @ normal)
    fraction = np.array(structure.frac_coords)
    fraction[:, 2] = (fraction[:, 2] - height_A / period) % 1.0
    cartesian = fraction @ matrix
    matrix[2] += vacuum_A * normal
    return Structure(Lattice(matrix), structure.species, cartesian, coords_are_cartesian=True)


def with_gaps(structure: Structure, sides: Sequence[int], extra_A: float) -> Structure:
    """Return a stack whose contacts are all wider by a distance, each side as it is.

    Parameters
    ----------
    structure
        Third vector across the stack.
    sides
        Side of each atom, from 0 at the bottom.
    extra_A
        Added to each contact; negative presses the sides together.
    """
    from pymatgen.core import Lattice, Structure

    laid = lay_out(structure, sides)
    matrix = np.array(structure.lattice.matrix)
    normal = np.cross(matrix[0], matrix[1])
    normal /= np.linalg.norm(normal)
    fraction = np.array(structure.frac_coords)
    fraction[:, 2] = laid.height_A / laid.period_A
    cartesian = fraction @ matrix + np.outer(np.asarray(sides) * extra_A, normal)
    matrix[2] += (max(sides) + 1) * extra_A * normal
    properties = {"side": list(sides)}
    return Structure(
        Lattice(matrix), structure.species, cartesian, coords_are_cartesian=True, site_properties=properties
    )


def one_side(structure: Structure, sides: Sequence[int], side: int, vacuum_A: float) -> Structure:
    """Return one side alone, in a cell of the same plane with vacuum.

    Parameters
    ----------
    structure, sides
        As for `with_gaps`.
    side
        Which.
    vacuum_A
        Least distance to its own image.
    """
    from pymatgen.core import Lattice, Structure

    laid = lay_out(structure, sides)
    chosen = np.flatnonzero(np.asarray(sides) == side)
    matrix = np.array(structure.lattice.matrix)
    normal = np.cross(matrix[0], matrix[1])
    normal /= np.linalg.norm(normal)
    fraction = np.array(structure.frac_coords)[chosen]
    fraction[:, 2] = laid.height_A[chosen] / laid.period_A
    cartesian = fraction @ matrix
    heights = cartesian @ normal
    matrix[2] = normal * (heights.max() - heights.min() + vacuum_A)
    species = [structure[int(k)].specie for k in chosen]
    lowered = cartesian - np.outer(np.full(len(chosen), heights.min()), normal)
    return Structure(Lattice(matrix), species, lowered, coords_are_cartesian=True)
