"""A slab joined with a random packing that fills the rest of a periodic cell: the start of a reaction front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .amorphous import pack
from .density import estimated_density_g_cm3, parse_composition

if TYPE_CHECKING:
    from pymatgen.core import Structure

_G_MOL_A3 = 1.66053906660


def join_with_packing(
    slab: Structure, composition: str, *, thickness_A: float, gap_A: float = 2.2, seed: int
) -> Structure:
    """Put a random packing on a slab, both periodic in the plane, so that they meet at both faces of the slab.

    Parameters
    ----------
    slab
        Its third vector is taken as normal to the plane of the first two; vacuum in it is not kept.
    composition
        Formula of the packing, at the density of additive volumes.
    thickness_A
        Height of the packing.
    gap_A
        Distance left at each contact.
    seed
        Seed of the packing.

    Returns
    -------
    Structure
        Slab first, standing on z = 0; site property ``side`` is 0 for the slab and 1 for the packing.

    Raises
    ------
    InputError
        If the packing would hold no formula unit, or the thickness is not positive.
    """
    from pymatgen.core import Composition, Lattice, Structure

    if not thickness_A > 0 or not gap_A > 0:
        raise InputError(f"a packing {thickness_A:g} Å high with gaps of {gap_A:g} Å", remedy="Give some Å.")
    matrix = np.asarray(slab.lattice.matrix, dtype=float)
    normal = np.cross(matrix[0], matrix[1])
    area = float(np.linalg.norm(normal))
    normal /= area
    if np.dot(normal, matrix[2]) < 0:
        normal = -normal
    heights = np.asarray(slab.cart_coords) @ normal
    span = float(heights.max() - heights.min())
    content = parse_composition(composition)
    density = estimated_density_g_cm3(content)
    mass = float(Composition(content).weight) / sum(content.values())
    atoms = max(1, round(density * area * thickness_A / (mass * _G_MOL_A3)))
    inner = np.array([matrix[0], matrix[1], normal * thickness_A])
    packed = pack(composition, atoms=atoms, cell=inner, seed=seed)
    height = span + thickness_A + 2 * gap_A
    cell = np.array([matrix[0], matrix[1], normal * height])
    # a packing is periodic along the normal too: its outermost atoms already keep half a distance from its faces
    lower = np.asarray(slab.cart_coords) - np.outer(np.full(len(slab), heights.min()), normal)
    upper = np.asarray(packed.cart_coords) + (span + gap_A) * normal
    symbols = [site.specie.symbol for site in slab] + [site.specie.symbol for site in packed]
    return Structure(
        Lattice(cell),
        symbols,
        np.concatenate([lower, upper]),
        coords_are_cartesian=True,
        to_unit_cell=True,
        site_properties={"side": [0] * len(slab) + [1] * len(packed)},
    )
