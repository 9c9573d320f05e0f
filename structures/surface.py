"""Slabs by Miller index, with every distinct termination kept and described."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .distances import BOND_REACH, contact_distance, is_polyanion_bond, periodic_pairs
from .oriented import LAYER_TOLERANCE_A, OrientedCell, orient
from .record import BuildRecord, Source, make_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Termination:
    """One of the distinct ways to cut a crystal along a plane.

    Attributes
    ----------
    number
        Counted from 1, best first: fewest cut bonds of networks (Si-O), then fewest cut bonds. Molecular
        ions (PS4, PO4, BH4) are never cut: they go whole to the side their middle is on.
    cut
        Index into :attr:`OrientedCell.cuts`.
    top, bottom
        Elements of the outermost layer of a slab's upper and lower face, e.g. ``"Li2O"``.
    bonds_cut_per_A2
        Nearest-neighbour bonds that the cut breaks, per Å².
    polyanion_bonds_cut_per_A2
        Those among them between network formers and anions; above 0 only in networks without end.
    symmetric
        Whether a symmetry operation turns the upper face into the lower one.
    """

    number: int
    cut: int
    top: str
    bottom: str
    bonds_cut_per_A2: float
    polyanion_bonds_cut_per_A2: float
    symmetric: bool

    @property
    def label(self) -> str:
        """Name such as ``1: Li2 above O``."""
        return f"{self.number}: {self.top} on top, {self.bottom} below"


@dataclass(frozen=True)
class Slab:
    """A slab of a crystal.

    Attributes
    ----------
    structure
        First vector along x, second in the xy plane, third along z, which is the surface normal; atoms sorted from
        bottom to top. Site property ``layer`` numbers the atomic layers from 0.
    miller
        Miller index in the cell the user gave.
    termination
        Which cut.
    thickness_A
        Distance between the lowest and the highest atom along z, in Å.
    area_A2
        Area of the cell in Å².
    vacuum_A
        Empty distance above the highest atom, in Å.
    stoichiometric
        Whether the slab has the composition of the bulk.
    symmetric
        Whether both faces are equal.
    charge
        Total formal charge in e, or None without oxidation states.
    dipole_e_A
        Formal dipole moment per area, e·Å/Å², about the middle of the slab; None without oxidation states.
    """

    structure: Structure
    miller: tuple[int, int, int]
    termination: Termination
    thickness_A: float
    area_A2: float
    vacuum_A: float
    stoichiometric: bool
    symmetric: bool
    charge: float | None
    dipole_e_A: float | None

    @property
    def polar(self) -> bool:
        """Whether formal charges leave a dipole across the slab."""
        return self.dipole_e_A is not None and abs(self.dipole_e_A) > 1e-3


def terminations(cell: OrientedCell) -> list[Termination]:
    """All distinct terminations of a plane, best first.

    Parameters
    ----------
    cell
        Crystal turned by :func:`~anodeflow.structures.oriented.orient`.

    Returns
    -------
    list of Termination
        Cuts that differ only by a symmetry operation which keeps the normal are listed once; a cut and its mirror
        image with the normal reversed are two, because an interface sees different faces of them.
    """
    bonds, strong = _cut_bonds(cell)
    found = []
    for cut in cell.distinct_cuts():
        top, bottom = _faces(cell, cut)
        symmetric = cell.same_down[cut] >= 0 and cell.same_up[cell.same_down[cut]] == cell.same_up[cut]
        found.append((strong[cut], bonds[cut], cut, top, bottom, bool(symmetric)))
    found.sort(key=lambda item: (round(item[0], 4), round(item[1], 4), item[2]))
    return [
        Termination(number, cut, top, bottom, float(all_bonds), float(strong_bonds), symmetric)
        for number, (strong_bonds, all_bonds, cut, top, bottom, symmetric) in enumerate(found, start=1)
    ]


def slab(
    bulk: Structure | OrientedCell,
    miller: str | Sequence[int] = (0, 0, 1),
    *,
    thickness_A: float,
    termination: int = 1,
    symmetric: bool = False,
    vacuum_A: float = 15.0,
    charges: Mapping[str, float] | None = None,
) -> Slab:
    """Cut a slab at least as thick as asked, from whole repeats so that it keeps the bulk's composition.

    Parameters
    ----------
    bulk
        Ordered crystal, or one already turned.
    miller
        Miller index in the cell of ``bulk``; not used when it is already turned.
    thickness_A
        Smallest thickness in Å.
    termination
        Number from :func:`terminations`, counted from 1.
    symmetric
        Make both faces equal, even if the slab then loses the bulk's composition (which it reports).
    vacuum_A
        Vacuum above the slab in Å.
    charges
        Formal charge of each element, for the dipole.

    Returns
    -------
    Slab

    Raises
    ------
    InputError
        For a bad Miller index, thickness or termination, a disordered crystal, or when no symmetric slab exists.
    """
    cell = bulk if isinstance(bulk, OrientedCell) else orient(bulk, miller)
    if not (np.isfinite(thickness_A) and thickness_A > 0 and vacuum_A >= 0):
        raise InputError(
            f"a thickness of {thickness_A:g} Å with {vacuum_A:g} Å of vacuum is no slab",
            remedy="Give a thickness above 0 and a vacuum of at least 0.",
        )
    chosen = choose_termination(cell, termination)
    bottom = float(cell.cuts[chosen.cut])
    tops = _top_cuts(cell, chosen.cut, thickness_A, symmetric)
    if tops is None:
        raise InputError(
            "no symmetric slab exists here: no symmetry operation reverses the normal",
            where=f"{_formula(cell.symbols)} ({' '.join(map(str, cell.miller))}), termination {chosen.label}",
            remedy="Leave out symmetric, or take another plane.",
        )
    index, top = tops
    return _build(cell, chosen, bottom, top, index, vacuum_A, charges)


def surfaces(
    bulk: Structure,
    miller: str | Sequence[int],
    *,
    thickness_A: float,
    symmetric: bool = False,
    vacuum_A: float = 15.0,
    charges: Mapping[str, float] | None = None,
) -> list[Slab]:
    """One slab for each distinct termination; see :func:`slab`.

    Parameters
    ----------
    bulk
        Ordered crystal.
    miller
        Miller index in its cell.
    thickness_A, symmetric, vacuum_A, charges
        As in :func:`slab`; with ``symmetric``, terminations that have no symmetric slab are left out.

    Returns
    -------
    list of Slab
        In the order of :func:`terminations`.
    """
    cell = orient(bulk, miller)
    found = []
    for choice in terminations(cell):
        if symmetric and _top_cuts(cell, choice.cut, thickness_A, symmetric) is None:
            continue
        found.append(
            slab(
                cell,
                thickness_A=thickness_A,
                termination=choice.number,
                symmetric=symmetric,
                vacuum_A=vacuum_A,
                charges=charges,
            )
        )
    return found


def surface_record(made: Slab, inputs: Mapping[str, Any], source: Source) -> BuildRecord:
    """Write down how a slab was made.

    Parameters
    ----------
    made
        From :func:`slab`.
    inputs
        Arguments of :func:`slab`.
    source
        Where the crystal is from.

    Returns
    -------
    BuildRecord
    """
    warnings = []
    if not made.stoichiometric:
        warnings.append("the slab does not have the composition of the bulk")
    if made.polar and made.dipole_e_A is not None:
        warnings.append(f"the surface is polar: formal charges leave {made.dipole_e_A:+.3f} e/Å of dipole per area")
    if made.termination.polyanion_bonds_cut_per_A2 > 0:
        warnings.append(
            f"the cut breaks {made.termination.polyanion_bonds_cut_per_A2:.3f} bonds per Å² of a network without end"
        )
    record = make_record(made.structure, "surface", inputs, sources=[source], warnings=warnings)
    return replace(
        record,
        charge=made.charge,
        area_A2=made.area_A2,
        miller={source.name: made.miller},
        terminations={source.name: made.termination.label},
    )


def choose_termination(cell: OrientedCell, number: int) -> Termination:
    """Pick a termination by its number.

    Parameters
    ----------
    cell
        The turned crystal.
    number
        Counted from 1, as in :func:`terminations`.

    Returns
    -------
    Termination

    Raises
    ------
    InputError
        If there are fewer; the message lists those there are.
    """
    choices = terminations(cell)
    if not 1 <= number <= len(choices):
        raise InputError(
            f"termination {number} does not exist",
            where=f"{_formula(cell.symbols)} ({' '.join(map(str, cell.miller))})",
            remedy=f"There are {len(choices)}: " + "; ".join(choice.label for choice in choices) + ".",
        )
    return choices[number - 1]


def slab_heights(cell: OrientedCell, termination: Termination, thickness_A: float) -> tuple[float, float]:
    """Heights of the lower and upper cut of the thinnest stoichiometric slab that is thick enough.

    Parameters
    ----------
    cell
        The turned crystal.
    termination
        Which cut.
    thickness_A
        Smallest distance between the lowest and highest atom in Å.

    Returns
    -------
    bottom, top : float
        In units of the repeat.
    """
    tops = _top_cuts(cell, termination.cut, thickness_A, symmetric=False)
    if tops is None:
        raise AssertionError("a cut is always equal to itself")
    return float(cell.cuts[termination.cut]), tops[1]


def slab_atoms(cell: OrientedCell, bottom: float, top: float) -> tuple[Integers, Array]:
    """Atoms of a crystal between two heights.

    Parameters
    ----------
    cell
        The turned crystal.
    bottom, top
        Heights in units of the repeat.

    Returns
    -------
    index : ndarray of int, shape (N,)
        Which atom of the cell each is.
    positions : ndarray, shape (N, 3)
        Cartesian in Å, sorted by height; not wrapped in the plane.
    """
    index, fractional = [], []
    for repeat in range(int(np.floor(bottom)) - 1, int(np.ceil(top)) + 1):
        height = cell.heights + repeat
        inside = np.flatnonzero((height > bottom) & (height < top))
        index.append(inside)
        fractional.append(cell.fractional[inside] + [0, 0, repeat])
    which = np.concatenate(index)
    positions = np.concatenate(fractional) @ cell.matrix
    order = np.lexsort((which, np.round(positions[:, 2], 4)))
    return which[order], positions[order]


def _top_cuts(cell: OrientedCell, cut: int, thickness: float, symmetric: bool) -> tuple[int, float] | None:
    """Cut for the upper face, as its index and its height, or None when no symmetric slab exists."""
    if symmetric:
        mirror = cell.same_down[cut]
        if mirror < 0:
            return None
        wanted = cell.same_up[mirror]
    else:
        wanted = cell.same_up[cut]
    equal = np.flatnonzero(cell.same_up == wanted)
    repeats = int(np.ceil(thickness / cell.repeat_A)) + 2
    heights = sorted((float(cell.cuts[k]) + n, int(k)) for k in equal for n in range(repeats + 1))
    start = float(cell.cuts[cut])
    for height, k in heights:
        if height <= start + 1e-6:
            continue
        inside = slab_atoms(cell, start, height)[1][:, 2]
        if len(inside) and np.ptp(inside) >= thickness - 0.05:
            return k, height
    raise AssertionError("the heights searched do not reach the thickness")


def _build(
    cell: OrientedCell,
    chosen: Termination,
    bottom: float,
    top: float,
    top_cut: int,
    vacuum: float,
    charges: Mapping[str, float] | None,
) -> Slab:
    from pymatgen.core import Lattice, Structure

    which, positions = slab_atoms(cell, bottom, top)
    symbols = [cell.symbols[k] for k in which]
    positions[:, 2] -= positions[:, 2].min()
    thickness = float(np.ptp(positions[:, 2]))
    matrix = cell.matrix.copy()
    matrix[2] = [0.0, 0.0, thickness + vacuum]
    if matrix[2, 2] < 0.5:
        raise InputError("one layer without vacuum is no cell", remedy="Give some vacuum.")
    fractional = positions @ np.linalg.inv(matrix)
    fractional[:, :2] %= 1.0
    heights = positions[:, 2]
    layer = np.concatenate([[0], np.cumsum(np.diff(heights) > LAYER_TOLERANCE_A)])
    structure = Structure(Lattice(matrix), symbols, fractional, site_properties={"layer": layer.tolist()})
    charge = dipole = None
    if charges is not None and set(symbols) <= set(charges):
        q = np.array([charges[s] for s in symbols], dtype=float)
        charge = float(q.sum())
        dipole = float(q @ (heights - 0.5 * thickness)) / cell.area_A2
    counts = np.bincount(which, minlength=len(cell.symbols))
    proportions = {s: sum(c for c, t in zip(counts, cell.symbols, strict=True) if t == s) for s in set(cell.symbols)}
    ratios = {proportions[s] / cell.symbols.count(s) for s in proportions}
    mirrored = cell.same_down[chosen.cut]
    equal_faces = mirrored >= 0 and cell.same_up[mirrored] == cell.same_up[top_cut]
    return Slab(
        structure=structure,
        miller=cell.miller,
        termination=chosen,
        thickness_A=thickness,
        area_A2=cell.area_A2,
        vacuum_A=vacuum,
        stoichiometric=bool(max(ratios) - min(ratios) < 1e-9),
        symmetric=bool(equal_faces),
        charge=charge,
        dipole_e_A=dipole,
    )


def _cut_bonds(cell: OrientedCell) -> tuple[Array, Array]:
    """Bonds, and polyanion bonds, that cross each cut, per Å²."""
    elements = sorted(set(cell.symbols))
    reach = {(a, b): BOND_REACH * contact_distance(a, b, elements=elements) for a in elements for b in elements}
    i, j, shift, distance = periodic_pairs(cell.matrix, cell.fractional @ cell.matrix, max(reach.values()))
    pairs = [(cell.symbols[a], cell.symbols[b]) for a, b in zip(i, j, strict=True)]
    near = distance < np.array([reach[pair] for pair in pairs], dtype=float)
    ionic = [is_polyanion_bond(*pair, d) for pair, d in zip(pairs, distance, strict=True)]
    strong = np.array(ionic, dtype=bool)[near]
    i, j, repeats = i[near], j[near], np.rint(shift[near, 2] / cell.repeat_A)
    ends = np.sort(np.stack([cell.heights[i], cell.heights[j] + repeats]), axis=0)
    crossing = np.floor(ends[1][None] - cell.cuts[:, None]) - np.floor(ends[0][None] - cell.cuts[:, None])
    return crossing.sum(axis=1) / cell.area_A2, crossing[:, strong].sum(axis=1) / cell.area_A2


def _faces(cell: OrientedCell, cut: int) -> tuple[str, str]:
    """Elements of the layers just below and just above a cut: the upper and the lower face of a slab."""
    repeat = cell.repeat_A
    below = (cell.cuts[cut] - cell.heights) % 1.0 * repeat
    above = (cell.heights - cell.cuts[cut]) % 1.0 * repeat
    faces = []
    for distance in (below, above):
        nearest = distance.min()
        members = [cell.symbols[k] for k in np.flatnonzero(distance < nearest + LAYER_TOLERANCE_A)]
        faces.append(_formula(members))
    return faces[0], faces[1]


def _formula(symbols: Sequence[str]) -> str:
    names = list(dict.fromkeys(sorted(symbols)))
    counts = [list(symbols).count(name) for name in names]
    divisor = int(np.gcd.reduce(counts))
    return "".join(f"{n}{c // divisor if c > divisor else ''}" for n, c in zip(names, counts, strict=True))
