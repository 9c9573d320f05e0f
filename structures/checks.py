"""Hard checks of a finished stack, made from the structure alone: what fails them is not handed out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .distances import MINIMUM_FRACTION, closest_pairs, periodic_pairs
from .stack import layered_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    from .common_cell import CommonCell, Fit
    from .side import Side

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

_INTERLOCK_A = 4.0


@dataclass(frozen=True)
class Contacts:
    """Shortest distances across each contact of a stack.

    Attributes
    ----------
    gaps_A
        By ``"lower | upper"``; the periodic contact of a sandwich is one of them.
    pairs
        The two elements that are nearest there.
    """

    gaps_A: Mapping[str, float]
    pairs: Mapping[str, str]


def check_stack(
    structure: Structure,
    owner: Sequence[int],
    sides: Sequence[Side],
    common: CommonCell,
    *,
    periodic: bool,
    minimum_distance_A: Mapping[tuple[str, str], float] | None = None,
) -> Contacts:
    """Check distances, composition, charge, order of the layers, and that the slab matched is the slab built.

    Parameters
    ----------
    structure
        The finished cell, its third vector along the normal.
    owner
        Layer of each atom.
    sides, common
        What it was built from.
    periodic
        Whether the last layer touches the first one's image.
    minimum_distance_A
        Minimum distances that replace the default, by pair of symbols.

    Returns
    -------
    Contacts

    Raises
    ------
    InputError
        One sentence on the first thing that is wrong.
    """
    layer = np.asarray(owner)
    contacts = _distances(structure, layer, sides, common, periodic, minimum_distance_A)
    for k, side in enumerate(sides):
        members = np.flatnonzero(layer == k)
        part = structure.__class__.from_sites([structure[int(m)] for m in members])
        if not part.composition.reduced_composition.almost_equals(
            side.composition.reduced_composition, rtol=0.0 if side.is_crystal else 0.02, atol=1e-8
        ):
            raise _wrong(f"the layer {side.label} has the composition {part.composition.reduced_formula}")
        if side.charges:
            charge = sum(side.charges.get(site.specie.symbol, 0.0) for site in part)
            if abs(charge) > 1e-6 and side.is_crystal:
                raise _wrong(f"the layer {side.label} has a formal charge of {charge:+g} e")
        fit = common.fits[k]
        if fit is not None:
            _same_crystal(part, fit, side)
    _order(structure, layer, sides)
    return contacts


def _wrong(what: str, remedy: str = "Report this stack: the builder has failed its own check.") -> InputError:
    return InputError(what, where="finished stack", remedy=remedy)


def _distances(
    structure: Structure,
    layer: NDArray[np.int64],
    sides: Sequence[Side],
    common: CommonCell,
    periodic: bool,
    minimum: Mapping[tuple[str, str], float] | None,
) -> Contacts:
    symbols = [site.specie.symbol for site in structure]
    table, kinds = layered_table(symbols, layer.tolist(), minimum)
    i, j, shift, distance = periodic_pairs(structure.lattice.matrix, structure.cart_coords, 6.0)
    wanted = table[kinds[i], kinds[j]]
    through = np.abs(shift[:, 2]) > 1e-6
    for k, side in enumerate(sides):
        inside = (layer[i] == k) & (layer[j] == k) & ~through
        if side.is_crystal:
            # a crystal keeps its own distances, as far as its strain allows
            strain = common.fits[k]
            squeeze = 1.0 if strain is None else 1.0 - 1.05 * float(np.abs(np.linalg.eigvalsh(strain.strain)).max())
            assert side.bulk is not None
            for (a, b), shortest in closest_pairs(side.bulk, cutoff=6.0).items():
                of_pair = inside & _is_pair(symbols, i, j, a, b)
                if of_pair.any() and distance[of_pair].min() < squeeze * shortest - 1e-3:
                    found = float(distance[of_pair].min())
                    raise _wrong(
                        f"{a} and {b} in {side.label} are {found:.2f} Å apart, in the crystal {shortest:.2f} Å"
                    )
        else:
            short = inside & (distance < wanted - 1e-9) & ~_bonded(symbols, i, j, distance)
            if short.any():
                raise _too_short(symbols, i, j, distance, wanted, short, side.label)
    gaps, pairs = {}, {}
    for k in range(len(sides) if periodic else len(sides) - 1):
        m = (k + 1) % len(sides)
        name = f"{sides[k].label} | {sides[m].label}" + (" (through the border)" if m == 0 else "")
        border = through if m == 0 else ~through
        across = border & (((layer[i] == k) & (layer[j] == m)) | ((layer[i] == m) & (layer[j] == k)))
        if not across.any():
            raise _wrong(f"the contact {name} is open: no pair within 6 Å", "Make the gap smaller.")
        short = across & (distance < wanted - 1e-9)
        if short.any():
            raise _too_short(symbols, i, j, distance, wanted, short, name)
        nearest = np.flatnonzero(across)[int(np.argmin(distance[across]))]
        gaps[name] = float(distance[nearest])
        pairs[name] = "-".join(sorted((symbols[i[nearest]], symbols[j[nearest]])))
    # anything else that is too near, whatever layers it is in
    other = (layer[i] != layer[j]) & (distance < wanted - 1e-9)
    if other.any():
        raise _too_short(symbols, i, j, distance, wanted, other, "layers that should not meet")
    return Contacts(gaps, pairs)


def _is_pair(symbols: list[str], i: Indices, j: Indices, a: str, b: str) -> NDArray[np.bool_]:
    names = np.array(symbols)
    return np.asarray(((names[i] == a) & (names[j] == b)) | ((names[i] == b) & (names[j] == a)))


def _bonded(symbols: list[str], i: Indices, j: Indices, distance: Array) -> NDArray[np.bool_]:
    """Pairs inside molecular units, whose bonds may be shorter than a contact."""
    from .distances import is_polyanion_bond

    return np.array(
        [is_polyanion_bond(symbols[a], symbols[b], d) for a, b, d in zip(i, j, distance, strict=True)], dtype=bool
    )


def _too_short(
    symbols: list[str],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    distance: Array,
    wanted: Array,
    short: NDArray[np.bool_],
    where: str,
) -> InputError:
    worst = np.flatnonzero(short)[int(np.argmin((distance - wanted)[short]))]
    return InputError(
        f"{symbols[i[worst]]} and {symbols[j[worst]]} are {distance[worst]:.2f} Å apart at {where}, less than the "
        f"{wanted[worst]:.2f} Å that is {MINIMUM_FRACTION:g} of their contact",
        where=f"atoms {i[worst] + 1} and {j[worst] + 1}",
        remedy="Give a larger gap or another shift, or leave both to the builder.",
    )


def _same_crystal(part: Structure, fit: Fit, side: Side) -> None:
    """Undo the strain and compare the surroundings of an atom in the middle with the bulk."""
    if len(part) != fit.atoms:
        raise _wrong(f"the layer {side.label} has {len(part)} atoms where the slab matched has {fit.atoms}")
    plane = part.lattice.matrix[:2, :2] @ np.linalg.inv(np.eye(2) + fit.strain)
    own = fit.supercell @ fit.cell.plane
    if not np.allclose(plane @ plane.T, own @ own.T, rtol=1e-6, atol=1e-6):
        raise _wrong(f"the cell of {side.label} is not the one that was matched")
    positions = np.array(part.cart_coords)
    positions[:, :2] = positions[:, :2] @ np.linalg.inv(np.eye(2) + fit.strain)
    cell = np.array(part.lattice.matrix)
    cell[:2, :2] = plane
    symbols = [site.specie.symbol for site in part]
    middle = 0.5 * (positions[:, 2].max() + positions[:, 2].min())
    chosen = int(np.argmin(np.abs(positions[:, 2] - middle)))
    room = float(min(np.ptp(positions[:, 2]) / 2, 4.0))
    here = _shell(cell, positions, chosen, room - 0.1, (True, True, False))
    bulk = fit.cell
    where = bulk.fractional @ bulk.matrix
    for k, symbol in enumerate(bulk.symbols):
        if symbol != symbols[chosen]:
            continue
        there = _shell(bulk.matrix, where, k, room - 0.1, (True, True, True))
        if len(there) >= len(here) and np.allclose(there[: len(here)], here, atol=0.02) and len(there) - len(here) < 3:
            return
    # a slab thinner than the shell has no bulk-like atom to compare
    if room > 3.0:
        raise _wrong(f"the middle of the layer {side.label} is not the crystal it was cut from")


def _shell(cell: Array, positions: Array, atom: int, cutoff: float, periodic: tuple[bool, bool, bool]) -> Array:
    if cutoff <= 0.5:
        return np.zeros(0)
    i, j, _, distance = periodic_pairs(cell, positions, cutoff, periodic=periodic)
    twice = np.concatenate([distance[i == atom], distance[j == atom]])
    return np.sort(twice)


def _order(structure: Structure, layer: NDArray[np.int64], sides: Sequence[Side]) -> None:
    heights = structure.cart_coords[:, 2]
    middles = [float(np.median(heights[layer == k])) for k in range(len(sides))]
    if middles != sorted(middles):
        raise _wrong("the layers are not in the order asked for")
    for k in range(len(sides) - 1):
        overlap = float(heights[layer == k].max() - heights[layer == k + 1].min())
        if overlap > _INTERLOCK_A:
            raise _wrong(f"{sides[k].label} and {sides[k + 1].label} reach {overlap:.1f} Å into each other")
