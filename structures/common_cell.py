"""The one planar cell that all layers of a stack share, and how each crystal is strained into it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .matching import Match, plane_sublattices, search
from .primitive import integer_basis
from .surface import Termination, choose_termination, slab_atoms, slab_heights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .oriented import OrientedCell
    from .side import Side

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

_NARROWEST_A = 10.0


@dataclass(frozen=True)
class Limits:
    """What a common cell may be.

    Attributes
    ----------
    max_strain
        Largest principal strain as a fraction, were one side to take all of it.
    max_area_A2
        Largest area in Å².
    max_atoms
        Largest number of atoms of the whole stack.
    """

    max_strain: float = 0.05
    max_area_A2: float = 400.0
    max_atoms: int = 1000


@dataclass(frozen=True)
class Fit:
    """How one crystal lies in the common cell.

    Attributes
    ----------
    cell
        The crystal turned to its plane.
    termination
        Which cut.
    heights
        Lower and upper cut, in units of the repeat.
    supercell
        Rows of integers, shape (2, 2): the common cell in the crystal's primitive plane vectors.
    strain
        Symmetric in-plane strain tensor in the frame of the common cell, shape (2, 2).
    """

    cell: OrientedCell
    termination: Termination
    heights: tuple[float, float]
    supercell: Integers
    strain: Array

    @property
    def index(self) -> int:
        """Primitive planes in the common cell."""
        return round(abs(float(np.linalg.det(self.supercell))))

    @property
    def atoms(self) -> int:
        """Atoms of the slab in the common cell."""
        return self.index * len(slab_atoms(self.cell, *self.heights)[0])


@dataclass(frozen=True)
class CommonCell:
    """The planar cell of a stack.

    Attributes
    ----------
    plane
        Vectors as rows, shape (2, 2), in Å; the first along x, the second with positive y.
    fits
        For each layer how its crystal lies in it, None for a glass.
    match
        The match of the two crystals that decided it; None with fewer than two.
    share
        Part of the strain that the upper of these two takes, between 0 and 1.
    """

    plane: Array
    fits: tuple[Fit | None, ...]
    match: Match | None
    share: float


def common_cell(
    sides: Sequence[Side], limits: Limits, *, share: float | str = "stiffness", area_A2: float | None = None
) -> CommonCell:
    """Find the best cell for a stack of layers.

    Two crystals are matched, best by strain and atoms together; further crystals (interlayers) must fit the cell of
    the first and last one and take their own strain. One crystal gives its own, unstrained cell, repeated to be at
    least 10 Å wide; glasses take any cell.

    Parameters
    ----------
    sides
        Layers from bottom to top.
    limits
        Largest strain, area and number of atoms.
    share
        Part of the strain that the last crystal takes: ``"stiffness"`` divides it so that the stiffer one takes
        less, in the ratio of the bulk moduli; ``"lower"`` or ``"upper"`` give it all to that one; or a number.
    area_A2
        Area for a stack of glasses only, in Å².

    Returns
    -------
    CommonCell

    Raises
    ------
    InputError
        When nothing meets the limits; the message says the best found.
    """
    return next(common_cells(sides, limits, share=share, area_A2=area_A2))


def common_cells(
    sides: Sequence[Side], limits: Limits, *, share: float | str = "stiffness", area_A2: float | None = None
) -> Iterator[CommonCell]:
    """Go through all cells of a stack, best first; see :func:`common_cell`.

    Parameters
    ----------
    sides, limits, share, area_A2
        As in :func:`common_cell`.

    Yields
    ------
    CommonCell
        Only one if fewer than two layers are crystals.

    Raises
    ------
    InputError
        When nothing meets the limits; the message says the best found.
    """
    crystals = [k for k, side in enumerate(sides) if side.is_crystal]
    if not crystals:
        edge = float(np.sqrt(area_A2)) if area_A2 else 14.0
        yield CommonCell(np.eye(2) * edge, tuple(None for _ in sides), None, 0.5)
        return
    if len(crystals) == 1:
        yield _own_cell(sides, crystals[0], limits)
        return
    ends = (crystals[0], crystals[-1])
    part = _share(sides[ends[0]], sides[ends[1]], share)
    found = _pairs(sides, ends, limits)
    yielded = False
    for match, lower, upper in found:
        plane, strains = shared_plane(match, lower.cell.plane, upper.cell.plane, part)
        fits: list[Fit | None] = [None] * len(sides)
        fits[ends[0]] = replace(lower, strain=strains[0])
        fits[ends[1]] = replace(upper, strain=strains[1])
        between = [_fit_to(sides[k], plane, limits.max_strain) for k in crystals[1:-1]]
        if all(fit is not None for fit in between):
            for k, fit in zip(crystals[1:-1], between, strict=True):
                fits[k] = fit
            made = CommonCell(plane, tuple(fits), match, part)
            if count_atoms(sides, made) <= limits.max_atoms:
                yielded = True
                yield made
    if not yielded:
        raise _nothing(sides, ends, crystals, limits, found)


def shared_plane(match: Match, lower: Array, upper: Array, share: float) -> tuple[Array, tuple[Array, Array]]:
    """Strain two planes onto each other.

    The upper cell is taken onto the lower one by a rotation and a stretch V; the upper side gets V to the power of
    its share and the lower side the inverse of the rest, so that both end in one cell.

    Parameters
    ----------
    match
        Which cells meet.
    lower, upper
        Primitive planes as rows, shape (2, 2), in Å.
    share
        Part of the logarithmic strain that the upper side takes.

    Returns
    -------
    plane : ndarray, shape (2, 2)
        The common cell, first vector along x.
    strains : tuple of ndarray, shape (2, 2)
        Strain of the lower and of the upper side in the frame of ``plane``.
    """
    below, above = np.array(match.lower) @ lower, np.array(match.upper) @ upper
    u, stretches, vt = np.linalg.svd(np.linalg.solve(above, below))
    del u  # the rotation only turns the upper crystal
    axes = vt.T

    def stretch(power: float) -> Array:
        return np.asarray(axes @ np.diag(stretches**power) @ axes.T)

    plane = below @ stretch(share - 1.0)
    angle = np.arctan2(plane[0, 1], plane[0, 0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    plane = plane @ turn
    plane[0, 1] = 0.0
    strains = [turn.T @ (stretch(power) - np.eye(2)) @ turn for power in (share - 1.0, share)]
    return plane, (strains[0], strains[1])


def shift_cell(below: Fit, above: Fit, plane: Array) -> Array:
    """Cell of in-plane shifts that give different interfaces: the lattice both planes generate together.

    Parameters
    ----------
    below, above
        The two crystals.
    plane
        Common cell as rows, shape (2, 2), in Å.

    Returns
    -------
    ndarray, shape (2, 2)
        Vectors as rows in Å.
    """
    number = below.index * above.index
    vectors = [np.linalg.inv(fit.supercell) * number for fit in (below, above)]
    basis = integer_basis(np.rint(np.concatenate(vectors)).astype(np.int64)) / number
    cell = basis @ plane
    while True:  # Gauss reduction
        if cell[0] @ cell[0] > cell[1] @ cell[1] + 1e-9:
            cell = cell[::-1].copy()
        step = np.rint(cell[0] @ cell[1] / (cell[0] @ cell[0]))
        if step == 0 or abs(cell[0] @ cell[1]) <= (0.5 + 1e-9) * (cell[0] @ cell[0]):
            return np.asarray(cell)
        cell[1] -= step * cell[0]


def _share(lower: Side, upper: Side, share: float | str) -> float:
    if isinstance(share, str):
        soft, hard = upper.stiffness_GPa[0], lower.stiffness_GPa[0]
        known = {"stiffness": hard / (hard + soft), "lower": 0.0, "upper": 1.0}
        if share not in known:
            raise InputError(
                f"{share!r} is no way to share the strain",
                remedy="Use stiffness, lower, upper, or a number from 0 to 1.",
            )
        return known[share]
    if not 0.0 <= share <= 1.0:
        raise InputError(
            f"a share of {share:g} is outside 0 to 1", remedy="0 strains the lower side only, 1 the upper."
        )
    return float(share)


def _bare_fit(side: Side, cell: OrientedCell, supercell: Integers) -> Fit:
    termination = choose_termination(cell, side.termination)
    heights = slab_heights(cell, termination, side.thickness_A)
    return Fit(cell, termination, heights, supercell, np.zeros((2, 2)))


def _pairs(
    sides: Sequence[Side], ends: tuple[int, int], limits: Limits, *, only_best: bool = False
) -> list[tuple[Match, Fit, Fit]]:
    """All matches of the first and last crystal over their planes, best first."""
    found = []
    one = np.eye(2, dtype=np.int64)
    lowers, uppers = ([_bare_fit(sides[k], cell, one) for cell in sides[k].planes] for k in ends)
    for lower, upper in product(lowers, uppers):
        density = sum(fit.atoms / fit.cell.area_A2 for fit in (lower, upper))
        planes = lower.cell.plane, upper.cell.plane
        for match in search(*planes, limits.max_area_A2, limits.max_strain, density, only_best=only_best):
            fits = (
                replace(lower, supercell=np.array(match.lower)),
                replace(upper, supercell=np.array(match.upper)),
            )
            found.append((replace(match, atoms=fits[0].atoms + fits[1].atoms), *fits))
    return sorted(found, key=lambda item: item[0].score)


def _fit_to(side: Side, plane: Array, max_strain: float) -> Fit | None:
    """Lay an interlayer crystal into a given cell with the least strain."""
    area = abs(float(np.linalg.det(plane)))
    best: tuple[float, Fit] | None = None
    for cell in side.planes:
        # only the target itself as the lower cell, whatever its primitive lattice is
        found = [
            m for m in search(plane, cell.plane, area * (1 + 3 * max_strain), max_strain) if m.area_A2 < 1.01 * area
        ]
        for match in found:
            change = np.linalg.inv(np.array(match.lower))
            supercell = np.rint(change @ np.array(match.upper)).astype(np.int64)
            own = supercell @ cell.plane
            stretches, vt = np.linalg.svd(np.linalg.solve(own, plane))[1:]
            strain = vt.T @ np.diag(stretches) @ vt - np.eye(2)
            size = float(np.abs(stretches - 1).max())
            if size <= max_strain + 1e-9 and (best is None or size < best[0] - 1e-9):
                best = (size, replace(_bare_fit(side, cell, supercell), strain=strain))
    return best[1] if best else None


def _own_cell(sides: Sequence[Side], which: int, limits: Limits) -> CommonCell:
    """Repeat of a single crystal's plane that is wide enough and as square as possible."""
    side = sides[which]
    options: list[tuple[float, int, Fit]] = []
    for cell in side.planes:
        bare = _bare_fit(side, cell, np.eye(2, dtype=np.int64))
        groups, grams = plane_sublattices(cell.plane, min(limits.max_area_A2, 40 * max(cell.area_A2, 25.0)))
        for bases, (aa, bb, ab) in zip(groups, grams, strict=True):
            width = float(np.sqrt(aa * bb - ab * ab) / np.sqrt(bb))
            fit = replace(bare, supercell=bases[0])
            penalty = 0.0 if width >= _NARROWEST_A else 5.0 * (_NARROWEST_A - width)
            skew = abs(ab) / aa
            options.append((penalty + np.log(aa * bb - ab * ab) + 0.5 * (bb / aa - 1.0) + skew, len(options), fit))
    if not options:
        raise InputError(
            f"the plane of {side.label} alone has more than {limits.max_area_A2:g} Å²",
            remedy="Allow a larger area or take another plane.",
        )
    for _, _, fit in sorted(options, key=lambda item: item[:2]):
        rows = fit.supercell @ fit.cell.plane
        angle = np.arctan2(rows[0, 1], rows[0, 0])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        plane = rows @ turn
        plane[0, 1] = 0.0
        fits: list[Fit | None] = [None] * len(sides)
        fits[which] = fit
        made = CommonCell(plane, tuple(fits), None, 0.5)
        if count_atoms(sides, made) <= limits.max_atoms:
            return made
    raise InputError(
        f"no cell of {side.label} gives a stack of {limits.max_atoms} atoms or fewer",
        remedy="Allow more atoms, or make the layers thinner.",
    )


def count_atoms(sides: Sequence[Side], common: CommonCell) -> int:
    """Return about how many atoms a stack has in a cell."""
    from .density import atoms_per_volume

    area = abs(float(np.linalg.det(common.plane)))
    total = 0.0
    for side, fit in zip(sides, common.fits, strict=True):
        if fit is not None:
            total += fit.atoms
        elif side.glass is not None:
            total += area * side.thickness_A * atoms_per_volume(side.composition, side.glass.density_g_cm3)
    return round(total)


def _nothing(
    sides: Sequence[Side],
    ends: tuple[int, int],
    crystals: list[int],
    limits: Limits,
    found: list[tuple[Match, Fit, Fit]],
) -> InputError:
    names = " | ".join(sides[k].label for k in crystals)
    wanted = (
        f"no cell of {names} has a strain of {100 * limits.max_strain:g} % or less, {limits.max_area_A2:g} Å² or less "
        f"and {limits.max_atoms} atoms or fewer"
    )
    if found and len(crystals) > 2:
        said = "the outer two match, but no cell of theirs fits the interlayer"
    elif found:
        match = min(found, key=lambda item: item[0].atoms)[0]
        said = f"within the strain, the fewest are {match.atoms} atoms ({100 * match.strain:.2f} %)"
    else:
        wide = Limits(0.3, limits.max_area_A2, limits.max_atoms)
        near = _pairs(sides, ends, wide, only_best=True)
        if near:
            match = min(near, key=lambda item: item[0].strain)[0]
            said = f"the best found is {100 * match.strain:.2f} % at {match.area_A2:.0f} Å² with {match.atoms} atoms"
        else:
            said = "one of the planes alone has a larger cell"
    return InputError(f"{wanted}; {said}", remedy="Loosen a limit, thin the layers, or take other planes.")
