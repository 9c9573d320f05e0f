"""A coated nanoparticle: a crystalline or amorphous core, a shell, and a matrix or vacuum around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .density import atoms_per_volume
from .distances import periodic_pairs
from .interface import file_order
from .molecular_units import scatter
from .packing import remove_overlaps
from .record import BuildRecord, make_record
from .side import Side, read_side
from .stack import layered_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

_INSET_A = 0.6


@dataclass(frozen=True)
class CoatedParticle:
    """A particle in a cubic periodic cell that has passed its checks.

    Attributes
    ----------
    structure
        The cell, the particle in its middle. Site property ``side``: 0 core, 1 shell, 2 matrix.
    parts
        Labels from the core outwards.
    radii_A
        Outer radius of the core and of the shell in Å.
    gaps_A
        Shortest distance across each contact.
    record
        How it was made.
    """

    structure: Structure
    parts: tuple[str, ...]
    radii_A: tuple[float, ...]
    gaps_A: dict[str, float]
    record: BuildRecord


def coated_particle(
    core: str | Structure,
    *,
    radius_A: float,
    shell: str | None = None,
    shell_thickness_A: float = 5.0,
    matrix: str | None = None,
    margin_A: float = 8.0,
    seed: int = 1,
) -> CoatedParticle:
    """Build a sphere, coat it, and embed it.

    Parameters
    ----------
    core
        Crystal (``"Si"``, ``"Li15Si4"``, a file, a structure), or a glass such as ``"a-Si"``. A crystal is cut to a
        sphere and loses its outermost surplus atoms until it has whole formula units.
    radius_A
        Radius of the core in Å.
    shell
        Glass of the coating, such as ``"a-SiO2"`` or ``"LiPON"``; None for none.
    shell_thickness_A
        Thickness of the coating in Å.
    matrix
        Glass around it, such as ``"a-Li3PS4"``; None for vacuum.
    margin_A
        Distance from the coating to the border of the cell in Å.
    seed
        Seed of packing and ordering.

    Returns
    -------
    CoatedParticle

    Raises
    ------
    InputError
        For a bad size, a shell or matrix that is not a glass, or a glass that cannot be packed into its room.
    """
    if not (radius_A > 0 and shell_thickness_A > 0 and margin_A >= 0):
        raise InputError("a particle needs a positive radius and thickness and a margin of at least 0")
    sides = [read_side(core, thickness_A=radius_A, seed=seed)]
    outer = [radius_A]
    for text, thickness in ((shell, shell_thickness_A), (matrix, margin_A)):
        if text is None:
            continue
        side = read_side(text if _says_glass(text) else f"a-{text}", thickness_A=thickness, seed=seed)
        sides.append(side)
        if text is shell:
            outer.append(radius_A + thickness)
    edge = 2.0 * (outer[-1] + margin_A)
    cell = np.eye(3) * edge
    middle = np.full(3, edge / 2)
    inner = [0.0, *outer]
    limits = [(inner[k], outer[k] if k < len(outer) else np.inf) for k in range(len(sides))]
    rng = np.random.default_rng(seed)
    symbols: list[str] = []
    owner: list[int] = []
    units: list[int] = []
    blocks: list[Array] = []
    for k, (side, (low, high)) in enumerate(zip(sides, limits, strict=True)):
        if side.bulk is not None:
            names, places = _sphere(side, high)
            places = places + middle
            belongs = list(range(len(names)))
        else:
            names, places, belongs = _glass(side, low, high, edge, rng)
            places = places + middle
        units += [u + (units[-1] + 1 if units else 0) for u in belongs]
        symbols += names
        owner += [k] * len(names)
        blocks.append(places)
    positions = np.concatenate(blocks)
    table, kinds = layered_table(symbols, owner)
    fixed = np.array([sides[k].bulk is not None for k in owner])
    low_of = np.array([limits[k][0] + (_INSET_A if k else 0.0) for k in owner])
    high_of = np.array([limits[k][1] - _INSET_A for k in owner])

    def confine(where: Array) -> Array:
        arm = where - middle
        arm -= edge * np.rint(arm / edge)
        distance = np.maximum(np.linalg.norm(arm, axis=1), 1e-9)
        wanted = np.clip(distance, low_of, high_of)
        return np.asarray(where + arm * ((wanted - distance) / distance)[:, None])

    if not fixed.all():
        packed = remove_overlaps(
            cell, positions, kinds, table, units=np.array(units), movable=~fixed, confine=confine, rng=rng
        )
        if packed.tightest < 1.0:
            raise InputError(
                f"the glass cannot be packed around the particle; distances reach {100 * packed.tightest:.1f} % of "
                "their minimum",
                remedy="Make the shell or the margin thicker, or the core larger.",
            )
        positions = packed.positions
    gaps = _gaps(cell, positions, symbols, owner, sides, table, kinds)
    return _finish(cell, positions, symbols, owner, sides, tuple(outer), gaps, seed, matrix, margin_A)


def _says_glass(text: str) -> bool:
    from .glasses import is_named_glass

    return text.startswith(("a-", "amorphous")) or is_named_glass(text.split(":")[0])


def _sphere(side: Side, radius: float) -> tuple[list[str], Array]:
    """Atoms of a crystal within a radius, in whole formula units, about the origin."""
    bulk = side.bulk
    assert bulk is not None
    matrix = np.array(bulk.lattice.matrix)
    reach = np.ceil((radius + 1.0) * np.linalg.norm(np.linalg.inv(matrix), axis=0)).astype(int) + 1
    ranges = [np.arange(-n, n + 1) for n in reach]
    grid = np.array(np.meshgrid(*ranges)).reshape(3, -1).T
    places = ((np.array(bulk.frac_coords)[None] + grid[:, None]) @ matrix).reshape(-1, 3)
    names = np.array([site.specie.symbol for site in bulk] * len(grid))
    distance = np.linalg.norm(places, axis=1)
    inside = np.flatnonzero(distance <= radius)
    if not len(inside):
        raise InputError(f"no atom of {side.label} is within {radius:g} Å", remedy="Make the core larger.")
    formula = {e.symbol: int(n) for e, n in bulk.composition.reduced_composition.items()}
    whole = min(int((names[inside] == s).sum()) // n for s, n in formula.items())
    if whole < 1:
        raise InputError(f"a sphere of {radius:g} Å holds no formula unit of {side.label}", remedy="Make it larger.")
    kept: list[int] = []
    for symbol, number in formula.items():
        mine = inside[names[inside] == symbol]
        kept += mine[np.lexsort((mine, np.round(distance[mine], 6)))][: whole * number].tolist()
    kept.sort(key=lambda k: (names[k], k))
    return [str(names[k]) for k in kept], places[kept]


def _glass(
    side: Side, low: float, high: float, edge: float, rng: np.random.Generator
) -> tuple[list[str], Array, list[int]]:
    """Atoms of a spherical shell (or of what is left of the cell) at random places, about the origin."""
    glass = side.glass
    assert glass is not None
    outside = not np.isfinite(high)
    volume = (edge**3 if outside else 4 / 3 * np.pi * high**3) - 4 / 3 * np.pi * low**3
    if volume * atoms_per_volume(side.composition, glass.density_g_cm3) < len(side.composition):
        raise InputError(f"there is no room for {side.label}", remedy="Make it thicker.")
    scattered = scatter(side.composition, glass.density_g_cm3, volume, rng)
    number = max(scattered.units) + 1
    centres = np.zeros((0, 3))
    while len(centres) < number:
        trial = (rng.random((4 * number, 3)) - 0.5) * (edge if outside else 2 * high)
        distance = np.linalg.norm(trial, axis=1)
        centres = np.concatenate([centres, trial[(distance > low) & (distance < high)]])
    owner = list(scattered.units)
    return list(scattered.symbols), centres[:number][owner] + scattered.local, owner


def _gaps(
    cell: Array,
    positions: Array,
    symbols: Sequence[str],
    owner: Sequence[int],
    sides: Sequence[Side],
    table: Array,
    kinds: NDArray[np.int64],
) -> dict[str, float]:
    """Shortest distances between parts, with the hard check on all of them."""
    part = np.array(owner)
    i, j, _, distance = periodic_pairs(cell, positions, 6.0)
    short = (part[i] != part[j]) & (distance < table[kinds[i], kinds[j]] - 1e-9)
    if short.any():
        k = np.flatnonzero(short)[0]
        raise InputError(
            f"{symbols[i[k]]} and {symbols[j[k]]} of different parts are {distance[k]:.2f} Å apart",
            where="finished particle",
            remedy="Give more room.",
        )
    gaps = {}
    for k in range(len(sides) - 1):
        across = ((part[i] == k) & (part[j] == k + 1)) | ((part[i] == k + 1) & (part[j] == k))
        if across.any():
            gaps[f"{sides[k].label} | {sides[k + 1].label}"] = float(distance[across].min())
    return gaps


def _finish(
    cell: Array,
    positions: Array,
    symbols: list[str],
    owner: list[int],
    sides: Sequence[Side],
    radii: tuple[float, ...],
    gaps: dict[str, float],
    seed: int,
    matrix: str | None,
    margin: float,
) -> CoatedParticle:
    from pymatgen.core import Lattice, Structure

    order = file_order(symbols)
    symbols, owner = [symbols[k] for k in order], [owner[k] for k in order]
    positions = positions[order]
    properties: dict[str, list[Any]] = {"side": owner}
    if any(side.charges for side in sides):
        properties["charge"] = [float(sides[k].charges.get(s, 0.0)) for k, s in zip(owner, symbols, strict=True)]
    structure = Structure(
        Lattice(cell), symbols, positions, coords_are_cartesian=True, to_unit_cell=True, site_properties=properties
    )
    inputs = {
        "core": sides[0].label,
        "radius_A": radii[0],
        "shell": sides[1].label if len(radii) > 1 else None,
        "shell_thickness_A": radii[1] - radii[0] if len(radii) > 1 else None,
        "matrix": matrix,
        "margin_A": margin,
    }
    notes = [note for side in sides for note in side.notes]
    record = make_record(
        structure, "particle", inputs, sources=[side.source for side in sides], seed=seed, warnings=notes
    )
    record = replace(
        record,
        charge=sum(properties["charge"]) if "charge" in properties else record.charge,
        gaps_A=gaps,
        layers={side.label: [n for n, k in enumerate(owner) if k == m] for m, side in enumerate(sides)},
    )
    return CoatedParticle(structure, tuple(side.label for side in sides), radii, gaps, record)
