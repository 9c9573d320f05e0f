"""Layers on top of each other in one cell: crystals placed in contact, glasses packed into what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .density import atoms_per_volume
from .distances import distance_table
from .molecular_units import glass_atoms, scatter
from .oriented import LAYER_TOLERANCE_A
from .packing import remove_overlaps
from .registry import Contact, Face, Registry, search_registry
from .surface import slab_atoms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .common_cell import CommonCell, Fit
    from .side import Side

    Array = NDArray[np.float64]

_INSET_A = {"crystal": 0.2, "glass": 0.7, "vacuum": 0.0}
_MORE_ROOM = (1.0, 1.03, 1.06, 1.10, 1.15)


@dataclass(frozen=True)
class Layer:
    """Atoms of one side in the finished stack.

    Attributes
    ----------
    symbols
        Elements.
    positions
        Cartesian in Å, shape (N, 3).
    bottom, top
        Heights in Å between which the layer's volume lies.
    """

    symbols: tuple[str, ...]
    positions: Array
    bottom: float
    top: float


@dataclass(frozen=True)
class Stack:
    """Layers from bottom to top in a cell whose third vector is the normal.

    Attributes
    ----------
    cell
        Vectors as rows, shape (3, 3), in Å.
    layers
        From bottom to top.
    registries
        The search over in-plane shifts at each contact of two crystals, by the number of the lower layer.
    notes
        What was decided on the way.
    """

    cell: Array
    layers: tuple[Layer, ...]
    registries: Mapping[int, Registry]
    notes: tuple[str, ...]


def build_stack(
    sides: Sequence[Side],
    common: CommonCell,
    *,
    vacuum_A: float | None,
    seed: int,
    registry: bool = True,
    shift: Sequence[float] | None = None,
    gap_A: float | None = None,
    minimum_distance_A: Mapping[tuple[str, str], float] | None = None,
) -> Stack:
    """Put layers on top of each other.

    Crystals that meet are shifted in the plane to the best registry and lowered until the nearest pair touches (the
    sum of radii); in a sandwich the periodic contact counts too. Glasses are then packed between whatever they
    touch, with every pair distance held.

    Parameters
    ----------
    sides
        From bottom to top.
    common
        Their cell.
    vacuum_A
        Vacuum above the last layer in Å; None makes a sandwich, whose last layer touches the first one's image.
    seed
        Seed of the packing.
    registry
        Search the best in-plane shift; otherwise crystals lie as cut.
    shift
        In-plane shift of every crystal against the one below in fractions of the common cell, instead of a search.
    gap_A
        Distance between the outermost atomic planes of crystals that meet, instead of touching.
    minimum_distance_A
        Minimum distances for packing, by pair of symbols.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        If a glass cannot be packed into its room.
    """
    from .common_cell import shift_cell

    plane = common.plane
    atoms = [None if fit is None else _crystal_atoms(fit, plane) for fit in common.fits]
    notes: list[str] = []
    registries: dict[int, Registry] = {}
    bottoms: list[float] = []
    tops: list[float] = []
    height = 0.0
    for k, (side, fit) in enumerate(zip(sides, common.fits, strict=True)):
        placed = atoms[k]
        if fit is None or placed is None:
            bottoms.append(height)
            height += _glass_thickness(side, abs(float(np.linalg.det(plane))))
            tops.append(height)
            continue
        below = atoms[k - 1] if k else None
        under = common.fits[k - 1] if k else None
        if below is not None and under is not None:
            contact = Contact(plane, _face(below, sides[k - 1]), _face(placed, side))
            back = []
            if vacuum_A is None and len(sides) == 2:
                back = [Contact(plane, _face(placed, side), _face(below, sides[0]))]
            move = np.zeros(2)
            if shift is not None:
                move = np.asarray(shift, dtype=float) @ plane
            elif registry:
                registries[k] = search_registry([contact, *back], shift_cell(under, fit, plane))
                move = registries[k].shifts[registries[k].best]
            if gap_A is None:
                rise = contact.height(move)
            else:
                rise = float(below[1][:, 2].max() - placed[1][:, 2].min()) + gap_A
            placed[1][:, :2] += move
            placed[1][:, 2] += rise
        else:
            placed[1][:, 2] += height - fit.heights[0] * fit.cell.repeat_A
        bottoms.append(float(placed[1][:, 2].min()) - _margin(fit, 0))
        height = float(placed[1][:, 2].max()) + _margin(fit, 1)
        tops.append(height)
    length = _length(sides, common, atoms, height, vacuum_A, gap_A)
    cell = np.zeros((3, 3))
    cell[:2, :2] = plane
    cell[2, 2] = length
    layers = [
        None if a is None else Layer(tuple(a[0]), a[1], b, t) for a, b, t in zip(atoms, bottoms, tops, strict=True)
    ]
    if any(layer is None for layer in layers):
        cell, layers = _fill(sides, cell, layers, bottoms, tops, vacuum_A is not None, seed, minimum_distance_A, notes)
    return Stack(cell, tuple(layer for layer in layers if layer is not None), registries, tuple(notes))


def atomic_layers(heights: Array) -> list[int]:
    """Give each atom the number of its atomic layer, from 0 at the bottom of its side.

    Parameters
    ----------
    heights
        Height of each atom in Å, shape (N,).

    Returns
    -------
    list of int
    """
    order = np.argsort(heights, kind="stable")
    steps = np.concatenate([[0], np.cumsum(np.diff(heights[order]) > LAYER_TOLERANCE_A)])
    number = np.empty(len(heights), dtype=int)
    number[order] = steps
    return [int(n) for n in number]


def _crystal_atoms(fit: Fit, plane: Array) -> tuple[list[str], Array]:
    """Atoms of a slab, repeated and strained into the common cell."""
    which, positions = slab_atoms(fit.cell, *fit.heights)
    fractional = positions[:, :2] @ np.linalg.inv(fit.cell.plane)
    inverse = np.linalg.inv(fit.supercell)
    reach = int(np.abs(fit.supercell).sum()) + 1
    grid = np.array([(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)])
    inside = grid @ inverse
    points = grid[((inside > -1e-9) & (inside < 1 - 1e-9)).all(axis=1)]
    if len(points) != fit.index:
        raise AssertionError(f"{len(points)} lattice points in a cell of {fit.index}")
    repeated = ((fractional[:, None, :] + points[None]) @ inverse) % 1.0
    flat = repeated.reshape(-1, 2) @ plane
    heights = np.repeat(positions[:, 2], len(points))
    symbols = [fit.cell.symbols[k] for k in np.repeat(which, len(points))]
    return symbols, np.column_stack([flat, heights])


def _glass_thickness(side: Side, area: float) -> float:
    """Thickness that the whole formula units of a glass layer fill at its density, in Å."""
    if side.glass is None:
        raise AssertionError("a layer without a crystal is a glass")
    counts = glass_atoms(side.composition, side.glass.density_g_cm3, area * side.thickness_A)
    return sum(counts.values()) / (area * atoms_per_volume(side.composition, side.glass.density_g_cm3))


def _face(atoms: tuple[list[str], Array], side: Side) -> Face:
    return Face(atoms[1], atoms[0], side.charges)


def _margin(fit: Fit, end: int) -> float:
    """Distance from the outermost atom to the cut at the lower (0) or upper (1) end, in Å."""
    heights = slab_atoms(fit.cell, *fit.heights)[1][:, 2]
    cut = fit.heights[end] * fit.cell.repeat_A
    return float(heights.min() - cut) if end == 0 else float(cut - heights.max())


def _length(
    sides: Sequence[Side],
    common: CommonCell,
    atoms: Sequence[tuple[list[str], Array] | None],
    height: float,
    vacuum: float | None,
    gap: float | None,
) -> float:
    """Length of the third cell vector."""
    first, last = atoms[0], atoms[-1]
    if vacuum is not None:
        highest = max(float(a[1][:, 2].max()) for a in atoms if a is not None) if last is not None else height
        lowest = float(first[1][:, 2].min()) if first is not None else 0.0
        return highest - lowest + vacuum
    if first is None or last is None or len(sides) == 1:
        return height
    if gap is not None:
        return float(last[1][:, 2].max() - first[1][:, 2].min()) + gap
    return Contact(common.plane, _face(last, sides[-1]), _face(first, sides[0])).height()


def _fill(
    sides: Sequence[Side],
    cell: Array,
    layers: Sequence[Layer | None],
    bottoms: list[float],
    tops: list[float],
    vacuum: bool,
    seed: int,
    minimum: Mapping[tuple[str, str], float] | None,
    notes: list[str],
) -> tuple[Array, list[Layer | None]]:
    """Pack all glasses; if they do not fit, give each a little more room and say so."""
    area = abs(float(np.linalg.det(cell[:2, :2])))
    reached = 0.0
    for room in _MORE_ROOM:
        trial, low, high, extra = [*layers], [*bottoms], [*tops], 0.0
        for k, layer in enumerate(layers):
            low[k] += extra
            if layer is None:
                extra += (tops[k] - bottoms[k]) * (room - 1.0)
            else:
                trial[k] = Layer(layer.symbols, layer.positions + np.array([0.0, 0.0, extra]), bottoms[k] + extra, 0.0)
            high[k] += extra
        larger = cell.copy()
        larger[2, 2] += extra
        tightest, filled = _pack(sides, larger, trial, low, high, vacuum, seed, minimum, area)
        if tightest >= 1.0:
            if room > 1.0:
                notes.append(f"glass layers were given {100 * (room - 1):.0f} % more room than their density asks for")
            return larger, filled
        reached = max(reached, tightest)
    raise InputError(
        f"the glass cannot be packed between its neighbours; distances reach {100 * reached:.1f} % of their minimum",
        remedy="Make the layer thicker, lower its density, or lower the minimum distances.",
    )


def _pack(
    sides: Sequence[Side],
    cell: Array,
    layers: Sequence[Layer | None],
    low: Sequence[float],
    high: Sequence[float],
    vacuum: bool,
    seed: int,
    minimum: Mapping[tuple[str, str], float] | None,
    area: float,
) -> tuple[float, list[Layer | None]]:
    rng = np.random.default_rng(seed)
    symbols: list[str] = []
    blocks: list[Array] = []
    owner: list[int] = []
    units: list[int] = []
    floor: list[float] = []
    ceiling: list[float] = []
    for k, (side, layer) in enumerate(zip(sides, layers, strict=True)):
        if layer is not None:
            names, places, belongs = list(layer.symbols), layer.positions, list(range(len(layer.symbols)))
        else:
            glass = side.glass
            if glass is None:
                raise AssertionError("a layer without atoms is a glass")
            thickness = sides[k].thickness_A
            scattered = scatter(side.composition, glass.density_g_cm3, area * thickness, rng)
            names, belongs = list(scattered.symbols), list(scattered.units)
            inset = [_inset(sides, layers, k, step, vacuum) for step in (-1, 1)]
            bottom, top = low[k] + inset[0], high[k] - inset[1]
            count = max(belongs) + 1
            box = np.array([cell[0], cell[1], [0.0, 0.0, top - bottom]])
            places = scattered.local + (rng.random((count, 3)) @ box + [0.0, 0.0, bottom])[belongs]
        floor += [bottom if layer is None else -np.inf] * len(names)
        ceiling += [top if layer is None else np.inf] * len(names)
        units += [u + (units[-1] + 1 if units else 0) for u in belongs]
        symbols += names
        blocks.append(places)
        owner += [k] * len(names)
    positions = np.concatenate(blocks)
    table, kinds = layered_table(symbols, owner, minimum)
    lowest, highest = np.array(floor), np.array(ceiling)

    def confine(where: Array) -> Array:
        inside = where.copy()
        inside[:, 2] = np.clip(where[:, 2], lowest, highest)
        return inside

    glassy = np.array([layers[k] is None for k in owner])
    packed = remove_overlaps(
        cell, positions, kinds, table, units=np.array(units), movable=glassy, confine=confine, rng=rng, max_steps=2000
    )
    filled = list(layers)
    for k, layer in enumerate(layers):
        if layer is None:
            mine = [n for n, o in enumerate(owner) if o == k]
            filled[k] = Layer(tuple(symbols[n] for n in mine), packed.positions[mine], low[k], high[k])
    return packed.tightest, filled


def layered_table(
    symbols: Sequence[str],
    owner: Sequence[int],
    minimum: Mapping[tuple[str, str], float] | None = None,
) -> tuple[Array, NDArray[np.int64]]:
    """Minimum distances that know which layer an atom is in.

    How network formers meet is decided by the elements of the one or two layers that a pair is in, and by no others.

    Parameters
    ----------
    symbols
        Element of each atom.
    owner
        Layer of each atom.
    minimum
        Distances in Å that replace the default, by pair of symbols.

    Returns
    -------
    table : ndarray, shape (n, n)
        Minimum distances in Å of every (layer, element).
    kinds : ndarray of int, shape (N,)
        Row of each atom.
    """
    rows = sorted(set(zip(owner, symbols, strict=True)))
    table = np.empty((len(rows), len(rows)))
    for a in sorted(set(owner)):
        for b in sorted(set(owner)):
            both = sorted({s for o, s in rows if o in (a, b)})
            given = {pair: d for pair, d in (minimum or {}).items() if set(pair) <= set(both)}
            pairs = distance_table(both, given)
            for m, (o, s) in enumerate(rows):
                for n, (p, t) in enumerate(rows):
                    if (o, p) == (a, b):
                        table[m, n] = pairs[both.index(s), both.index(t)]
    kinds = np.array([rows.index((o, s)) for o, s in zip(owner, symbols, strict=True)])
    return table, kinds


def _inset(sides: Sequence[Side], layers: Sequence[Layer | None], k: int, step: int, vacuum: bool) -> float:
    """How far the centres of a glass' atoms stay from the border to a neighbour."""
    neighbour = k + step
    if not 0 <= neighbour < len(sides):
        if vacuum:
            return _INSET_A["vacuum"]
        neighbour %= len(sides)
    if neighbour == k:
        return 0.0
    return _INSET_A["glass" if layers[neighbour] is None else "crystal"]
