"""From the cell that a screen asks for to its atoms, its sides, and the sites that a dopant is put on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    from ...structures.grain_boundary import GrainBoundary
    from ...structures.interface import Interface
    from .settings import CellSettings, GrainBoundarySettings, InterfaceCellSettings, ScreenSettings, SurfaceSettings

_FACE_GAP_A = 8.0
"""Vacuum above the atoms of a cell from which its upper face counts as free."""


@dataclass(frozen=True)
class Cell:
    """One cell of a screen.

    Attributes
    ----------
    structure
        Third vector along z where it has a contact or a face.
    sides
        Side of each atom, 0 below and 1 above; empty where there is no contact.
    near
        Sites at the contact, at the upper face, or the distinct ones of a crystal.
    far
        Sites farthest from any contact or face; empty for a crystal.
    place
        What the near ones are called.
    free_face
        Whether something can be put on its upper face.
    """

    structure: Structure
    sides: tuple[int, ...]
    near: tuple[int, ...]
    far: tuple[int, ...]
    place: str
    free_face: bool


def build_cell(name: str, screen: ScreenSettings, seed: int) -> Cell:
    """Return a cell with its sites.

    Parameters
    ----------
    name
        Of the cell.
    screen
        What is asked.
    seed
        Of glasses and of the ordering of partial occupancies.

    Raises
    ------
    InputError
        If it cannot be built or holds too few of the wanted atoms.
    """
    settings = screen.cells[name]
    where = f"screen.cells.{name}.{settings.kind}"
    try:
        if settings.grain_boundary is not None:
            cell = _contact(build_boundary(settings.grain_boundary, seed).interface, settings, screen)
        elif settings.interface is not None:
            cell = _contact(_interface(settings.interface, seed), settings, screen)
        elif settings.surface is not None:
            cell = _face(build_slab(settings.surface), settings, screen)
        else:
            assert settings.crystal is not None
            cell = _crystal(settings.crystal, settings, screen, seed)
    except InputError as error:
        inner = f"{where}: {error.where}" if error.where else where
        raise InputError(error.what, where=inner, remedy=error.remedy) from None
    wanted = 0 if not screen.dopants else 1 if cell.place == "site" else screen.boundary_sites
    if len(cell.near) < wanted or (screen.dopants and cell.far and len(cell.far) < screen.interior_sites):
        raise InputError(
            f"the cell holds {len(cell.near)} sites of {screen.element} for a dopant and {len(cell.far)} inside",
            where=where,
            remedy="Ask for fewer sites, another element or a thicker cell.",
        )
    return cell


def cell_elements(settings: CellSettings) -> set[str]:
    """Return the symbols of the elements of a cell, without building it."""
    from ...structures.phases import phase_elements
    from ...structures.side import side_elements

    if settings.interface is not None:
        return side_elements(settings.interface.lower) | side_elements(settings.interface.upper)
    built = settings.grain_boundary or settings.surface
    return phase_elements(built.crystal if built is not None else settings.crystal or "")


def build_boundary(options: GrainBoundarySettings, seed: int) -> GrainBoundary:
    """Return the grain boundary of settings, not repeated."""
    from ...structures.grain_boundary import grain_boundary

    return grain_boundary(
        options.crystal,
        plane=options.plane,
        axis=options.axis,
        sigma=options.sigma,
        thickness_A=options.thickness_A,
        seed=seed,
    )


def _interface(options: InterfaceCellSettings, seed: int) -> Interface:
    from ...structures.interface import interface

    return interface(
        options.lower,
        options.upper,
        thickness_A=options.thickness_A,
        max_strain=options.max_strain,
        max_area_A2=options.max_area_A2,
        max_atoms=options.max_atoms,
        seed=seed,
    )


def build_slab(options: SurfaceSettings) -> Structure:
    """Return the slab of settings."""
    from ...structures.phases import find_structure
    from ...structures.surface import slab

    structure, _ = find_structure(options.crystal)
    return slab(
        structure,
        options.plane,
        thickness_A=options.thickness_A,
        termination=options.termination,
        vacuum_A=options.vacuum_A,
    ).structure


def _contact(made: Interface, settings: CellSettings, screen: ScreenSettings) -> Cell:
    """Return a cell with a contact between two sides; the dopant goes on the side that holds more of the element."""
    from ...structures.grain_boundary import boundary_sites

    structure = made.structure.copy()
    repeat = settings.grain_boundary.repeat if settings.grain_boundary is not None else settings.repeat
    structure.make_supercell([*repeat, 1])
    made = replace(made, structure=structure)
    sides = tuple(int(side) for side in structure.site_properties["side"])
    if screen.element is None:
        return Cell(structure, sides, (), (), "boundary", False)
    every = boundary_sites(made, within_A=structure.lattice.c, element=screen.element)
    if settings.kind == "interface":
        held = [sum(1 for k in every if sides[k] == side) for side in (0, 1)]
        every = [k for k in every if sides[k] == int(np.argmax(held))]
    at_contact = boundary_sites(made, within_A=structure.lattice.c / 4, element=screen.element, contact=0)
    own = [k for k in at_contact if k in set(every)]
    kept = _distinct(structure, [*own, *every])
    own, every = ([k for k in some if k in set(kept)] for some in (own, every))
    near, far = own[: screen.boundary_sites], every[-screen.interior_sites :]
    if len(own) < screen.boundary_sites or set(near) & set(far):
        raise InputError(
            f"there are {len(own)} distinct atoms of {screen.element} near the contact and {len(every)} in all",
            remedy="Ask for fewer sites, another element or thicker sides.",
        )
    return Cell(structure, sides, tuple(near), tuple(far), "boundary", False)


def _face(structure: Structure, settings: CellSettings, screen: ScreenSettings) -> Cell:
    structure = structure.copy()
    structure.make_supercell([*settings.repeat, 1])
    heights = structure.cart_coords[:, 2]
    order = [int(k) for k in np.argsort(-heights, kind="stable") if structure[int(k)].specie.symbol == screen.element]
    order = _distinct(structure, order)
    middle = 0.5 * (heights.min() + heights.max())
    inside = sorted(order, key=lambda k: abs(heights[k] - middle))[: screen.interior_sites]
    near = order[: screen.boundary_sites]
    if set(near) & set(inside):
        raise InputError(
            f"the slab is too thin to tell {len(near)} distinct sites of {screen.element} at the face from "
            f"{len(inside)} inside",
            remedy="Ask for fewer sites or a thicker slab.",
        )
    return Cell(structure, (), tuple(near), tuple(inside), "surface", _has_free_face(structure))


def _crystal(name: str, settings: CellSettings, screen: ScreenSettings, seed: int) -> Cell:
    from ...structures.ordering import order
    from ...structures.phases import find_structure

    structure, source = find_structure(name)
    if not structure.is_ordered:
        structure = order(structure, source=source, count=1, seed=seed)[0].structure
    structure = structure.copy()
    structure.remove_oxidation_states()
    structure.make_supercell([*settings.repeat, 1])
    own = [k for k, site in enumerate(structure) if site.specie.symbol == screen.element]
    near = tuple(_distinct(structure, own)[: screen.boundary_sites])
    return Cell(structure, (), near, (), "site", _has_free_face(structure))


def _distinct(structure: Structure, sites: list[int]) -> list[int]:
    """Return the sites without those that symmetry makes equal to an earlier one; their energies would be no spread."""
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    bare = structure.copy()
    for key in list(bare.site_properties):
        bare.remove_site_property(key)
    same = SpacegroupAnalyzer(bare, symprec=0.01).get_symmetry_dataset().equivalent_atoms
    first: dict[int, int] = {}
    for k in sites:
        first.setdefault(int(same[k]), k)
    return list(first.values())


def _has_free_face(structure: Structure) -> bool:
    """Return whether the cell stands upright with vacuum in it along z."""
    matrix = np.asarray(structure.lattice.matrix)
    if np.abs(matrix[2, :2]).max() > 1e-6 or np.abs(matrix[:2, 2]).max() > 1e-6:
        return False
    return largest_gap(structure)[0] >= _FACE_GAP_A


def largest_gap(structure: Structure) -> tuple[float, float]:
    """Return the largest empty range along z and the height below it, the top of the atoms, both in Å."""
    height = float(structure.lattice.c)
    levels = np.sort(np.asarray(structure.frac_coords)[:, 2] % 1.0) * height
    gaps = np.diff(np.append(levels, levels[0] + height))
    widest = int(gaps.argmax())
    return float(gaps[widest]), float(levels[widest])


def on_top(structure: Structure) -> NDArray[np.float64]:
    """Return Cartesian positions in which the atoms lie below the largest gap along z, not cut by the cell's end.

    Shape ``(N, 3)`` in Å.
    """
    fractional = np.asarray(structure.frac_coords).copy()
    top = largest_gap(structure)[1] / structure.lattice.c
    fractional[:, 2] %= 1.0
    fractional[fractional[:, 2] > top + 1e-9, 2] -= 1.0
    return np.asarray(fractional @ np.asarray(structure.lattice.matrix))


def hollows(
    structure: Structure, symbol: str, site: int, count: int, *, spacing_A: float = 0.25
) -> list[NDArray[np.float64]]:
    """Return where a ball of an element rests on the upper face: on top of a site, and in the hollows nearest to it.

    The ball rolls over the atoms at the contact distance of each; a hollow is where its height has a minimum.

    Parameters
    ----------
    structure
        With vacuum along z.
    symbol
        Element of the ball.
    site
        Index of the atom that it is put on top of.
    count
        Number of hollows.
    spacing_A
        Of the grid in the plane.

    Returns
    -------
    list of NDArray
        Cartesian positions, shape ``(3,)`` in Å; the top site first.
    """
    from ...structures.distances import contact_distance

    matrix = np.asarray(structure.lattice.matrix)
    plane, atoms = matrix[:2, :2], on_top(structure)
    reach = np.array([contact_distance(symbol, one.specie.symbol) for one in structure])
    steps = [max(4, round(float(np.linalg.norm(plane[k])) / spacing_A)) for k in (0, 1)]
    u, v = np.meshgrid(*(np.arange(n) / n for n in steps), indexing="ij")
    grid = np.stack([u.ravel(), v.ravel()], axis=1)
    images = np.array([[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)], dtype=float)
    inverse = np.linalg.inv(plane)

    def apart(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        """Squared distance in the plane of each point to each other and its nearest image."""
        delta = points[:, None] - others[None]
        delta -= np.rint(delta)
        return np.asarray((((delta[:, :, None] + images) @ plane) ** 2).sum(axis=-1).min(axis=-1))

    flat = atoms[:, :2] @ inverse
    room = reach[None] ** 2 - apart(grid, flat)
    heights = np.where(room > 0, atoms[None, :, 2] + np.sqrt(np.maximum(room, 0)), -np.inf).max(axis=1).reshape(steps)
    lowest = np.ones(steps, dtype=bool)
    for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)):
        lowest &= heights <= np.roll(heights, (i, j), axis=(0, 1)) + 1e-9
    places = np.argwhere(lowest & np.isfinite(heights))
    here = flat[site][None]
    away = apart(places / np.array(steps), here)[:, 0]
    found = [np.array([*atoms[site, :2], atoms[site, 2] + reach[site]])]
    for k in np.argsort(away, kind="stable"):
        if len(found) > count:
            break
        point = np.array([*(places[k] / steps) @ plane, heights[tuple(places[k])]])
        near = [apart((point[:2] @ inverse)[None], (one[:2] @ inverse)[None])[0, 0] for one in found]
        if min(near) > 1.0:
            found.append(point)
    return found
