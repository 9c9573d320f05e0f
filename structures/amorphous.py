"""Random packings: the starting point of a glass, with every minimum distance held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..units import G_MOL_A3_TO_G_CM3
from .density import estimated_density_g_cm3, parse_composition, whole_atoms
from .distances import distance_table
from .molecular_units import scatter_counts
from .packing import remove_overlaps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray
    from pymatgen.core import Structure

    from .record import BuildRecord

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]


def pack(
    composition: str | Mapping[str, float],
    *,
    atoms: int,
    density_g_cm3: float | None = None,
    cell: ArrayLike | None = None,
    minimum_distance_A: Mapping[tuple[str, str], float] | None = None,
    molecular_units: bool = True,
    network: bool = False,
    seed: int,
) -> Structure:
    """Pack atoms at random into a periodic cell so that no pair is closer than its minimum distance.

    Parameters
    ----------
    composition
        Formula, e.g. ``"Li15Si4"``, or amounts by symbol.
    atoms
        Wanted number of atoms; rounded to whole formula units, which ``properties["notes"]`` then says.
    density_g_cm3
        Density; by default that of additive volumes, which ``properties["notes"]`` then says
        (:func:`~anodeflow.structures.density.estimated_density_g_cm3`).
    cell
        Cell vectors as rows, shape (3, 3), in Å: any triclinic cell, instead of a cube. With a
        density too, it gives the shape and is scaled; alone, it is kept.
    minimum_distance_A
        Minimum distance in Å by pair of symbols; pairs left out get 0.85 of their contact distance
        (:func:`~anodeflow.structures.distances.contact_distance`).
    molecular_units
        Pack PS4, P2S7, PO4, P2O7 and their nitrogen relatives as whole units in the numbers that the composition
        asks for (:mod:`~anodeflow.structures.molecular_units`); ``properties["units"]`` counts them.
    network
        Bond every atom: Si and Ge have four neighbours, O, S and Se two, carbon four, and nothing dangles
        (:mod:`~anodeflow.structures.network`). Only for these elements, with Li, Na, K, Mg or Ca between them.
    seed
        Seed of the random start; the same seed gives the same structure.

    Returns
    -------
    Structure
        Atoms grouped by element in the order of the formula, or by unit. ``properties`` holds ``density_g_cm3``,
        ``minimum_distance_A`` (by ``"Li-Si"``), ``seed`` and ``notes``.

    Raises
    ------
    InputError
        For an impossible composition, a cell without volume, or a density too high for the distances; the
        message then says the highest density reached.

    Examples
    --------
    >>> glass = pack("Li15Si4", atoms=95, density_g_cm3=1.18, seed=7)
    >>> glass.composition.formula
    'Li75 Si20'
    """
    from pymatgen.core import Composition, Lattice, Structure

    content = parse_composition(composition)
    counts, note = whole_atoms(content, atoms)
    notes = [note] if note else []
    names = list(counts)
    table = distance_table(names, minimum_distance_A)
    rng = np.random.default_rng(seed)
    mass = float(Composition(counts).weight)
    if density_g_cm3 is None and cell is None:
        density_g_cm3 = estimated_density_g_cm3(counts)
        notes.append(f"density {density_g_cm3:.3f} g/cm3 from additive volumes")
    matrix = cell_of(cell, mass, density_g_cm3)
    density = mass / abs(float(np.linalg.det(matrix))) * G_MOL_A3_TO_G_CM3
    if network:
        return _network(counts, matrix, density, minimum_distance_A, notes, seed)
    scattered = scatter_counts(counts, rng, molecular_units=molecular_units)
    units = np.array(scattered.units)
    kinds = np.array([names.index(symbol) for symbol in scattered.symbols])
    start = (rng.random((int(units.max()) + 1, 3)) @ matrix)[units] + scattered.local
    packed = remove_overlaps(matrix, start, kinds, table, units=units, rng=rng)
    if packed.tightest < 1.0:
        reached = _highest_density(matrix, packed.positions, density, kinds, table, units)
        raise InputError(
            f"{density:.3f} g/cm3 is too dense for these minimum distances; the highest reached is {reached:.3f} g/cm3",
            where=f"packing {content.reduced_formula}",
            remedy="Lower the density or the minimum distances.",
        )
    fractional = packed.positions @ np.linalg.inv(matrix)
    return Structure(
        Lattice(matrix),
        list(scattered.symbols),
        fractional % 1.0,
        properties={
            "density_g_cm3": density,
            "minimum_distance_A": distances_by_name(names, table),
            "seed": seed,
            "units": scattered.counts,
            "notes": notes,
        },
    )


def _network(
    counts: dict[str, int],
    matrix: Array,
    density: float,
    given: Mapping[tuple[str, str], float] | None,
    notes: list[str],
    seed: int,
) -> Structure:
    from pymatgen.core import Lattice, Structure

    from .network import build_network

    made = build_network(counts, matrix, np.random.default_rng(seed), minimum_distance_A=dict(given or {}))
    relaxed = made.relaxed
    notes.append(f"network without dangling bonds; the worst bond is off by {100 * relaxed.bond_error:.1f} %")
    return Structure(
        Lattice(matrix),
        list(made.symbols),
        made.positions,
        coords_are_cartesian=True,
        to_unit_cell=True,
        properties={
            "density_g_cm3": density,
            "minimum_distance_A": made.minimum_distance_A,
            "seed": seed,
            "units": {},
            "notes": notes,
        },
    )


def packing_record(structure: Structure, inputs: Mapping[str, Any]) -> BuildRecord:
    """Write down how a packing was made.

    Parameters
    ----------
    structure
        From :func:`pack`.
    inputs
        Arguments of :func:`pack`.

    Returns
    -------
    BuildRecord
    """
    from .record import Source, make_record

    made = structure.properties
    source = Source(f"a-{structure.composition.reduced_formula}", "packed", origin="random packing")
    return make_record(
        structure,
        "amorphous",
        {**inputs, "density_g_cm3": made["density_g_cm3"], "minimum_distance_A": made["minimum_distance_A"]},
        sources=[source],
        seed=made["seed"],
        warnings=made["notes"],
    )


def distances_by_name(names: list[str], table: Array) -> dict[str, float]:
    """Write a table of minimum distances as ``{"Li-Si": 2.45, ...}``."""
    return {f"{names[i]}-{names[j]}": float(table[i, j]) for i in range(len(names)) for j in range(i, len(names))}


def cell_of(cell: ArrayLike | None, mass: float, density_g_cm3: float | None) -> Array:
    """Cell of a mass in g/mol at a density: a cube, or a given shape that is scaled.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in Å, or None for a cube.
    mass
        Molar mass of its content in g/mol.
    density_g_cm3
        Density; None keeps the cell as it is.

    Returns
    -------
    ndarray, shape (3, 3)
        Cell vectors as rows in Å.

    Raises
    ------
    InputError
        For a density that is not a positive number, or a cell without volume.
    """
    if density_g_cm3 is not None and not (np.isfinite(density_g_cm3) and density_g_cm3 > 0):
        raise InputError(f"the density {density_g_cm3} g/cm3 is not a positive number")
    matrix = np.eye(3) if cell is None else np.array(getattr(cell, "matrix", cell), dtype=float)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-6:
        raise InputError(
            "the cell has no volume", remedy="Give three cell vectors as rows that do not lie in one plane."
        )
    if density_g_cm3 is not None:
        volume = mass / density_g_cm3 * G_MOL_A3_TO_G_CM3
        matrix = matrix * (volume / abs(np.linalg.det(matrix))) ** (1 / 3)
    return matrix


def _highest_density(
    matrix: Array, positions: Array, density: float, kinds: Indices, table: Array, units: Indices
) -> float:
    """Highest density at which the distances hold, by halving between what holds and what was asked."""
    low, high = 0.0, density
    number = int(units.max()) + 1
    size = np.bincount(units, minlength=number)
    while high - low > 0.02 * density and high > 1e-3 * density:
        middle = 0.5 * (low + high)
        scale = (density / middle) ** (1 / 3)
        # units keep their size when their middles move apart
        middles = np.stack([np.bincount(units, positions[:, k], number) for k in range(3)], axis=1) / size[:, None]
        start = positions + (scale - 1.0) * middles[units]
        trial = remove_overlaps(matrix * scale, start, kinds, table, units=units, max_steps=400)
        if trial.tightest >= 1.0:
            low = middle
        else:
            high = middle
    return float(low)
