"""Configurations to learn from, made without any energy model, and the choice of the most different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...structures.amorphous import pack
from ...structures.distances import closest_pairs, contact_distance
from .configurations import atoms_of, structure_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CLOSEST_FRACTION = 0.6
"""Two atoms are never put closer than this part of the distance at which they touch."""
_TRIES = 30
_SHEAR = 0.015
_SHRINK, _STRETCH = -0.03, 0.04
_SHAKE_A = (0.02, 0.30)
_LARGEST_PACKING = 80


def too_close(atoms: Atoms) -> bool:
    """Return whether two atoms are closer than `CLOSEST_FRACTION` of the distance at which they touch."""
    if not np.isfinite(atoms.positions).all():
        return True
    closest = closest_pairs(structure_of(atoms), cutoff=3.0)
    elements = set(atoms.get_chemical_symbols())
    return any(
        distance < CLOSEST_FRACTION * contact_distance(*pair, elements=elements) for pair, distance in closest.items()
    )


def strained(atoms: Atoms, count: int, rng: np.random.Generator) -> list[Atoms]:
    """Return copies with a random strain of the cell and every atom shaken.

    Parameters
    ----------
    atoms
        Crystal, glass or interface.
    count
        How many.
    rng
        Random numbers.

    Returns
    -------
    list of Atoms
        Lengths change by −3 to +4 %, with random shear besides; atoms are shaken by 0.02 to 0.3 Å (standard deviation
        of a coordinate), heavy ones less: by the square root of the mass, as heat would.
    """
    mass = atoms.get_masses()
    softness = np.sqrt(mass.min() / mass)[:, None]

    def one() -> Atoms:
        made: Atoms = atoms.copy()
        shear = rng.normal(scale=_SHEAR, size=(3, 3))
        strain = np.eye(3) * (1 + rng.uniform(_SHRINK, _STRETCH)) + (shear + shear.T) / 2
        made.set_cell(np.array(atoms.cell) @ strain, scale_atoms=True)
        made.positions += rng.normal(size=made.positions.shape) * softness * rng.uniform(*_SHAKE_A)
        made.info["origin"] = f"{atoms.info.get('origin', '')}, strained"
        return made

    return _several(one, count)


def defective(atoms: Atoms, count: int, rng: np.random.Generator) -> list[Atoms]:
    """Return copies with one defect each, shaken: an atom removed, two of different elements exchanged, or one moved.

    Parameters
    ----------
    atoms
        Crystal, glass or interface.
    count
        How many.
    rng
        Random numbers.
    """
    symbols = np.array(atoms.get_chemical_symbols())

    def one() -> Atoms:
        made: Atoms = atoms.copy()
        kind = rng.integers(3 if len(set(symbols)) > 1 else 2)
        atom = int(rng.integers(len(made)))
        if kind == 0 and len(made) > 8:
            del made[atom]
        elif kind == 2:
            other = int(rng.choice(np.flatnonzero(symbols != symbols[atom])))
            made.positions[[atom, other]] = made.positions[[other, atom]]
        else:
            made.positions[atom] = rng.random(3) @ np.array(made.cell)
        made.positions += rng.normal(size=made.positions.shape) * rng.uniform(0.02, 0.12)
        made.info["origin"] = f"{atoms.info.get('origin', '')}, defect"
        return made

    return _several(one, count)


def amorphous(atoms: Atoms, count: int, rng: np.random.Generator) -> list[Atoms]:
    """Return random packings of the composition of `atoms`, of at most 80 atoms, at 0.85 to 1.0 of its density.

    A composition that cannot be packed so densely gives fewer.
    """
    structure = structure_of(atoms)
    composition, density = structure.composition.reduced_formula, structure.density
    found: list[Atoms] = []
    for _ in range(count):
        try:
            packed = pack(
                composition,
                atoms=min(len(atoms), _LARGEST_PACKING),
                density_g_cm3=float(density * rng.uniform(0.85, 1.0)),
                seed=int(rng.integers(2**31 - 1)),
            )
        except InputError:
            continue
        found.append(atoms_of(packed, f"{atoms.info.get('origin', '')}, packed at random"))
    return found


def _several(make: Callable[[], Atoms], count: int) -> list[Atoms]:
    """Return `count` configurations without atoms too close; fewer where too many tries fail."""
    found: list[Atoms] = []
    for _ in range(_TRIES * count):
        if len(found) == count:
            break
        made = make()
        if not too_close(made):
            found.append(made)
    return found


def farthest_points(points: Array, count: int, known: Array | None = None) -> list[int]:
    """Return the indices of points that are far from each other and from known ones, in the order of choice.

    Each next one has the largest distance to its nearest neighbour among those chosen and known (T. F. Gonzalez, Theor.
    Comput. Sci. 38 (1985) 293). Each coordinate counts in units of its spread over all points.

    Parameters
    ----------
    points
        Shape (F, D).
    count
        How many are wanted at most.
    known
        Shape (K, D); without any the point nearest to the middle comes first.
    """
    if len(points) == 0 or count <= 0:
        return []
    together = points if known is None or not len(known) else np.concatenate([points, known])
    spread = together.std(axis=0)
    keep = spread > 1e-12
    scaled = (points - together.mean(axis=0))[:, keep] / spread[keep]
    chosen: list[int] = []
    if known is not None and len(known):
        others = (known - together.mean(axis=0))[:, keep] / spread[keep]
        distance = np.array([np.min(np.linalg.norm(others - point, axis=1)) for point in scaled])
    else:
        first = int(np.argmin(np.linalg.norm(scaled, axis=1)))
        chosen.append(first)
        distance = np.linalg.norm(scaled - scaled[first], axis=1)
    while len(chosen) < min(count, len(points)):
        next_one = int(np.argmax(distance))
        if distance[next_one] <= 0:
            break
        chosen.append(next_one)
        distance = np.minimum(distance, np.linalg.norm(scaled - scaled[next_one], axis=1))
    return chosen
