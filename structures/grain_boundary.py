"""Grain boundaries by coincidence-site lattice: tilt, twist and anything between, with rigid shifts and solutes.

A boundary is an interface of a crystal with itself turned about an axis. The turn is exact, the common cell is the
planar coincidence lattice of both grains, and no strain is needed; the rest (contact, registry, checks) is that of
any interface. In cubic lattices the turn about [uvw] by 2 atan(n √(u²+v²+w²) / m) has Σ = m² + n² (u²+v²+w²) without
factors of two (Ranganathan, Acta Cryst. 21 (1966) 197).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .common_cell import CommonCell, Fit, shift_cell
from .interface import Interface, finish
from .oriented import OrientedCell, miller_index, orient
from .primitive import integer_basis
from .side import Side, read_side
from .stack import build_stack
from .surface import choose_termination, slab_heights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

_LARGEST_DENOMINATOR = 400


@dataclass(frozen=True)
class GrainBoundary:
    """Two grains in one periodic cell, which therefore holds two boundaries.

    Attributes
    ----------
    interface
        The cell, its labels, contacts and record.
    sigma
        Volume of the coincidence cell over that of the primitive cell; None when the turn was given as an angle.
    angle_deg
        Angle of the turn.
    axis
        Axis of the turn, direction in the cell the user gave; None for the normal of the plane.
    planes
        Boundary plane as a Miller index in the lower and in the upper grain.
    kind
        ``"symmetric tilt"``, ``"twist"`` or ``"mixed"``.
    shift_cell
        Cell of rigid shifts that give different boundaries, rows in Å, shape (2, 2).
    """

    interface: Interface
    sigma: int | None
    angle_deg: float
    axis: tuple[int, int, int] | None
    planes: tuple[tuple[int, int, int], tuple[int, int, int]]
    kind: str
    shift_cell: Array

    @property
    def structure(self) -> Structure:
        """The finished cell."""
        return self.interface.structure


def coincidence_angles(axis: Sequence[int], sigma: int) -> list[float]:
    """Angles about an axis of a cubic lattice that give a Σ, smallest first.

    Parameters
    ----------
    axis
        Direction.
    sigma
        Odd number above 1.

    Returns
    -------
    list of float
        Degrees in (0, 180].

    Raises
    ------
    InputError
        If that Σ does not exist for the axis; the message names those up to 50 that do.
    """
    u = miller_index(list(axis))
    if sigma < 3 or sigma % 2 == 0:
        raise InputError(f"Σ{sigma} does not exist", remedy="Σ of a cubic lattice is an odd number from 3.")
    found = _angles(u, sigma)
    if not found:
        there = [s for s in range(3, 51, 2) if _angles(u, s)]
        raise InputError(
            f"no turn about [{' '.join(map(str, u))}] gives Σ{sigma}",
            remedy=f"Up to 50 there are {', '.join(map(str, there))}.",
        )
    return found


def _angles(u: tuple[int, int, int], sigma: int) -> list[float]:
    norm = sum(v * v for v in u)
    angles = set()
    reach = int(np.ceil(np.sqrt(4 * sigma))) + 1
    for m in range(reach + 1):
        for n in range(1, reach + 1):
            if gcd(m, n) != 1:
                continue
            value = m * m + n * n * norm
            while value % 2 == 0:
                value //= 2
            if value == sigma:
                angles.add(round(float(np.degrees(2 * np.arctan2(n * np.sqrt(norm), m))), 9))
    return sorted(angles)


def grain_boundary(
    crystal: str | Structure,
    *,
    plane: str | Sequence[int],
    axis: str | Sequence[int] | None = None,
    sigma: int | None = None,
    angle_deg: float | None = None,
    thickness_A: float = 15.0,
    termination: int = 1,
    shift: Sequence[float] | None = None,
    registry: bool = True,
    max_atoms: int = 2000,
    seed: int = 1,
) -> GrainBoundary:
    """Build a periodic cell with two grains and two boundaries.

    Parameters
    ----------
    crystal
        Phase, file or ordered structure.
    plane
        Boundary plane in the lower grain.
    axis
        Axis of the turn of the upper grain, as a direction; by default the normal of the plane (a twist).
    sigma
        Σ of a cubic crystal. Of the angles that give it, one that makes the boundary symmetric is preferred.
    angle_deg
        The angle instead of Σ, for any lattice; it must lead to a common cell. A twist by 180° always does.
    thickness_A
        Smallest thickness of each grain in Å.
    termination
        Number of the termination of both grains.
    shift
        Rigid in-plane shift of the upper grain in fractions of ``shift_cell``, instead of the best registry.
    registry
        Search the best shift.
    max_atoms
        Largest number of atoms.
    seed
        Seed for ordering partial occupancies.

    Returns
    -------
    GrainBoundary

    Raises
    ------
    InputError
        If the Σ or the common cell does not exist, the cell would be too large, or a check fails.
    """
    side = read_side(_with_plane(crystal, plane), thickness_A=thickness_A, seed=seed)
    side, lower = _chosen_plane(side, miller_index(plane))
    assert side.bulk is not None
    direction = None if axis is None else miller_index(axis)
    if (sigma is None) == (angle_deg is None):
        raise InputError("a boundary needs either a Σ or an angle", remedy="Give one of them.")
    if sigma is not None:
        _check_cubic(side.bulk)
        options = coincidence_angles(direction or lower.miller, sigma)
    else:
        assert angle_deg is not None
        options = [float(angle_deg)]
    chosen = _best_turn(side.bulk, lower, direction, options)
    if chosen is None:
        raise InputError(
            f"the plane ({' '.join(map(str, lower.miller))}) has no common cell with itself turned by "
            f"{options[0]:.3f}° about {'its normal' if direction is None else list(direction)}",
            where=side.label,
            remedy="Take an angle of the coincidence lattice, or another plane.",
        )
    angle, upper, supercells, kind = chosen
    label = side.label.split("(")[0]
    sides = [replace(side, label=f"{label} grain {k + 1}", termination=termination) for k in range(2)]
    fits = []
    for own, cell, supercell in zip(sides, (lower, upper), supercells, strict=True):
        cut = choose_termination(cell, own.termination)
        fits.append(Fit(cell, cut, slab_heights(cell, cut, thickness_A), supercell, np.zeros((2, 2))))
    atoms = sum(fit.atoms for fit in fits)
    if atoms > max_atoms:
        raise InputError(
            f"this boundary needs {atoms} atoms, more than the {max_atoms} allowed",
            where=side.label,
            remedy="Allow more atoms, make the grains thinner, or take a smaller Σ.",
        )
    rows = fits[0].supercell @ lower.plane
    angle_x = np.arctan2(rows[0, 1], rows[0, 0])
    turn = np.array([[np.cos(angle_x), -np.sin(angle_x)], [np.sin(angle_x), np.cos(angle_x)]])
    flat = rows @ turn
    flat[0, 1] = 0.0
    common = CommonCell(flat, tuple(fits), None, 0.5)
    cell_of_shifts = shift_cell(fits[0], fits[1], flat)
    move = None
    if shift is not None:
        move = (np.asarray(shift, dtype=float) @ cell_of_shifts @ np.linalg.inv(flat)).tolist()
    stack = build_stack(sides, common, vacuum_A=None, seed=seed, registry=registry, shift=move)
    if kind == "mixed":
        note = "the boundary is neither a symmetric tilt nor a twist"
        if direction is not None and np.dot(direction, lower.miller) != 0:
            note += f": the plane {lower.miller} does not contain the axis {direction}"
        stack = replace(stack, notes=(*stack.notes, note))
    inputs: dict[str, Any] = {
        "crystal": label,
        "sigma": sigma,
        "angle_deg": angle,
        "axis": None if direction is None else list(direction),
        "plane": list(lower.miller),
        "thickness_A": thickness_A,
        "termination": termination,
        "shift": None if shift is None else [float(v) for v in shift],
        "registry": registry,
    }
    made = finish(sides, common, stack, inputs, True, seed, builder="grain-boundary")
    return GrainBoundary(made, sigma, angle, direction, (lower.miller, upper.miller), kind, cell_of_shifts)


def sliding_grid(
    crystal: str | Structure, *, steps: tuple[int, int] = (4, 4), **options: Any
) -> Iterator[tuple[tuple[float, float], GrainBoundary]]:
    """Build a boundary at rigid shifts on a regular grid, for sliding and for finding the best one.

    Parameters
    ----------
    crystal
        As in :func:`grain_boundary`.
    steps
        Grid points along both vectors of the cell of distinct shifts.
    **options
        Further arguments of :func:`grain_boundary`, without ``shift``.

    Yields
    ------
    shift : tuple of float
        In fractions of ``shift_cell``.
    boundary : GrainBoundary
    """
    for i in range(steps[0]):
        for j in range(steps[1]):
            shift = (i / steps[0], j / steps[1])
            yield shift, grain_boundary(crystal, shift=shift, **options)


def boundary_sites(
    made: Interface, *, within_A: float = 3.0, element: str | None = None, contact: int | None = None
) -> list[int]:
    """Atoms near the contacts of a cell, nearest first.

    Parameters
    ----------
    made
        An interface or the interface of a grain boundary.
    within_A
        Largest distance along the normal from the middle of a contact, in Å.
    element
        Only atoms of this element.
    contact
        Only this one, counted from 0 at the bottom; the last one of a sandwich lies across the end of the cell.

    Returns
    -------
    list of int
        Indices of atoms.
    """
    heights = made.structure.cart_coords[:, 2]
    length = made.structure.lattice.c
    number = len(made.sides)
    middles = []
    for k in range(number if len(made.contacts.gaps_A) == number else number - 1):
        below = heights[made.atoms_of(k)].max()
        above = heights[made.atoms_of((k + 1) % number)].min() + (length if k + 1 == number else 0.0)
        middles.append(0.5 * (below + above))
    apart = heights[:, None] - np.array(middles)[None, :]
    apart = np.abs(apart - length * np.rint(apart / length))
    apart = apart.min(axis=1) if contact is None else apart[:, contact]
    return [
        int(k)
        for k in np.argsort(apart, kind="stable")
        if apart[k] <= within_A and element in (None, made.structure[int(k)].specie.symbol)
    ]


def with_solutes(made: Interface, element: str, sites: Sequence[int]) -> Structure:
    """Replace atoms by a solute.

    Parameters
    ----------
    made
        An interface or the interface of a grain boundary.
    element
        Symbol of the solute.
    sites
        Indices of atoms, for example from :func:`boundary_sites`.

    Returns
    -------
    Structure
        The same cell and site properties.

    Raises
    ------
    InputError
        For an index that is not there or something that is no element.
    """
    from pymatgen.core import Element

    if not Element.is_valid_symbol(element):
        raise InputError(f"{element!r} is not an element", remedy="Use a symbol such as 'P'.")
    structure = made.structure.copy()
    for k in sites:
        if not 0 <= k < len(structure):
            raise InputError(f"there is no atom {k}", where=f"{len(structure)} atoms", remedy="Count from 0.")
        structure.replace(int(k), element, properties=structure[int(k)].properties)
    return structure


def _with_plane(crystal: str | Structure, plane: str | Sequence[int]) -> str | Structure:
    if not isinstance(crystal, str):
        return crystal
    return f"{crystal}({' '.join(map(str, miller_index(plane)))})"


def _chosen_plane(side: Side, index: tuple[int, int, int]) -> tuple[Side, OrientedCell]:
    if side.bulk is None:
        raise InputError("a glass has no grain boundaries", where=side.label, remedy="Give a crystal.")
    cell = next((c for c in side.planes if c.miller == index), None) or orient(side.bulk, index)
    return replace(side, planes=(cell,)), cell


def _check_cubic(bulk: Structure) -> None:
    lattice = bulk.lattice
    if np.ptp(lattice.abc) > 1e-3 or max(abs(a - 90.0) for a in lattice.angles) > 1e-2:
        raise InputError(
            f"{bulk.composition.reduced_formula} is not cubic, and Σ is defined here for cubic cells",
            remedy="Give the angle of the turn instead (a twin is a turn by 180°).",
        )


def _best_turn(
    bulk: Structure, lower: OrientedCell, axis: tuple[int, int, int] | None, angles: list[float]
) -> tuple[float, OrientedCell, tuple[Integers, Integers], str] | None:
    """First symmetric boundary among the angles, else the one with the smallest cell."""
    matrix = np.array(bulk.lattice.matrix)
    normal = np.linalg.inv(matrix) @ np.array(lower.miller)
    direction = normal if axis is None else np.array(axis) @ matrix
    direction = direction / np.linalg.norm(direction)
    found = []
    for angle in angles:
        turn = _rotation(direction, np.radians(angle))
        # the same plane in the frame of the upper grain, which is turned by `turn`
        index = _whole(matrix @ (turn.T @ normal))
        if index is None:
            continue
        upper = orient(bulk, index)
        supercells = _coincidence(lower, upper, turn)
        if supercells is None:
            continue
        family = sorted(map(abs, upper.miller)) == sorted(map(abs, lower.miller))
        along = abs(float(direction @ normal / np.linalg.norm(normal)))
        kind = "twist" if along > 1 - 1e-6 else ("symmetric tilt" if family and along < 1e-6 else "mixed")
        size = abs(round(float(np.linalg.det(supercells[0]))))
        found.append((kind == "mixed", size, angle, upper, supercells, kind))
    if not found:
        return None
    _, _, angle, upper, supercells, kind = min(found, key=lambda item: item[:3])
    return angle, upper, supercells, kind


def _rotation(axis: Array, angle: float) -> Array:
    """Matrix that turns column vectors about a unit axis (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _whole(index: Array) -> tuple[int, int, int] | None:
    """Smallest whole numbers in the ratio of real ones, or None."""
    largest = float(np.abs(index).max())
    for multiple in range(1, 4 * _LARGEST_DENOMINATOR):
        scaled = index / largest * multiple
        if np.abs(scaled - np.rint(scaled)).max() < 1e-5 * multiple**0.5:
            h, k, m = (int(v) for v in np.rint(scaled))
            return miller_index((h, k, m))
    return None


def _coincidence(lower: OrientedCell, upper: OrientedCell, turn: Array) -> tuple[Integers, Integers] | None:
    """Supercells of both planes that are one lattice when the upper grain is turned."""
    below = lower.matrix[:2] @ lower.frame
    above = upper.matrix[:2] @ upper.frame @ turn.T
    # the upper vectors in terms of the lower ones: rational if there is a common cell
    change = np.linalg.lstsq(below.T, above.T, rcond=None)[0].T
    if np.abs(change @ below - above).max() > 1e-4:
        return None
    for denominator in range(1, _LARGEST_DENOMINATOR):
        scaled = change * denominator
        if np.abs(scaled - np.rint(scaled)).max() < 1e-4:
            break
    else:
        return None
    whole = np.rint(scaled).astype(np.int64)
    grid = np.array([(i, j) for i in range(denominator) for j in range(denominator)], dtype=np.int64)
    common = grid[((grid @ whole) % denominator == 0).all(axis=1)]
    vectors = np.concatenate([common[1:], denominator * np.eye(2, dtype=np.int64)])
    basis = _reduced(integer_basis(vectors), above)
    own = np.rint(basis @ change).astype(np.int64)
    if np.linalg.det(own) < 0:
        return None
    return own, basis


def _reduced(basis: Integers, vectors: Array) -> Integers:
    """Gauss reduction, right-handed."""
    first, second = basis
    while True:
        a, b = first @ vectors, second @ vectors
        if a @ a > b @ b + 1e-9:
            first, second = second, first
            continue
        step = int(np.rint((a @ b) / (a @ a)))
        if step == 0 or abs(a @ b) <= (0.5 + 1e-9) * (a @ a):
            break
        second = second - step * first
    if first[0] * second[1] - first[1] * second[0] < 0:
        second = -second
    return np.array([first, second])
