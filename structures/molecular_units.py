"""Glasses made of molecular units: PS4, P2S7, PO4, P2O7 and their nitrogen relatives, in the right numbers.

The units follow from the composition alone. With x anions per phosphorus, x ≥ 4 is isolated tetrahedra and free
anions; between 3.5 and 4, tetrahedra and pairs that share a corner; a composition with fewer anions is packed as
atoms. So (Li2S)0.75(P2S5)0.25 is all PS4, (Li2S)0.70(P2S5)0.30 is PS4 and P2S7 as 1 to 1, and in LiPON nitrogen
bridges before it replaces (Lacivita et al., J. Am. Chem. Soc. 140 (2018) 11029).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from .density import atoms_per_volume, whole_atoms

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Composition

    Array = NDArray[np.float64]

_BOND_A = {("P", "S"): 2.05, ("P", "O"): 1.54, ("P", "N"): 1.62}
_BRIDGE_A = {("P", "S"): 2.12, ("P", "O"): 1.60, ("P", "N"): 1.60}
_BRIDGE_ANGLE_DEG = {"S": 110.0, "O": 130.0, "N": 125.0}


@dataclass(frozen=True)
class Unit:
    """A rigid group of atoms.

    Attributes
    ----------
    name
        Formula.
    symbols
        Elements.
    positions
        Cartesian about the mean, shape (N, 3), in Å.
    """

    name: str
    symbols: tuple[str, ...]
    positions: Array


@dataclass(frozen=True)
class Scattered:
    """Atoms of a glass before they are placed.

    Attributes
    ----------
    symbols
        Elements.
    units
        Rigid unit of each atom, counted from 0.
    local
        Position of each atom from the middle of its unit, shape (N, 3), in Å, every unit turned at random.
    counts
        Number of units by name.
    """

    symbols: tuple[str, ...]
    units: tuple[int, ...]
    local: Array
    counts: dict[str, int]


def tetrahedron(centre: str, ligands: tuple[str, str, str, str]) -> Unit:
    """Build a tetrahedral unit such as PS4 or PO3N.

    Parameters
    ----------
    centre, ligands
        Element symbols.

    Returns
    -------
    Unit
    """
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3.0)
    bonds = np.array([_BOND_A[centre, ligand] for ligand in ligands])
    positions = np.concatenate([np.zeros((1, 3)), corners * bonds[:, None]])
    return _unit((centre, *ligands), positions)


def dimer(centre: str, ligand: str, bridge: str) -> Unit:
    """Build two tetrahedra that share a corner, such as P2S7 or P2O6N.

    Parameters
    ----------
    centre, ligand
        Element symbols of the middle and of the six outer corners.
    bridge
        Element of the shared corner.

    Returns
    -------
    Unit
    """
    half = np.radians(_BRIDGE_ANGLE_DEG[bridge]) / 2.0
    arm, bond = _BRIDGE_A[centre, bridge], _BOND_A[centre, ligand]
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3.0)
    halves = []
    for sign in (1.0, -1.0):
        axis = np.array([sign * np.sin(half), np.cos(half), 0.0])
        # turn the tetrahedron so that its first corner points back to the bridge
        turn = Rotation.align_vectors([-axis, [0, 0, 1]], [corners[0], corners[1]], weights=[1e3, 1.0])[0]
        twists = [Rotation.from_rotvec(axis * np.radians(angle)) for angle in range(0, 120, 10)]
        halves.append([arm * axis + bond * (twist * turn).apply(corners[1:]) for twist in twists])
    # the two twists that keep the outer corners farthest apart
    best = max(
        ((first, second) for first in halves[0] for second in halves[1]),
        key=lambda pair: float(np.linalg.norm(pair[0][:, None] - pair[1][None], axis=-1).min()),
    )
    middles = [arm * np.array([sign * np.sin(half), np.cos(half), 0.0]) for sign in (1.0, -1.0)]
    positions = np.array([np.zeros(3), middles[0], *best[0], middles[1], *best[1]])
    symbols = (bridge, *2 * (centre, ligand, ligand, ligand))
    return _unit(symbols, positions)


def units_for(counts: dict[str, int]) -> tuple[dict[str, int], dict[str, int], dict[str, Unit]]:
    """Divide atoms into molecular units and single atoms.

    Parameters
    ----------
    counts
        Atoms of each element.

    Returns
    -------
    units : dict
        Number of each unit by name.
    single : dict
        Atoms of each element that are left.
    shapes : dict
        The units by name.
    """
    left = {symbol: number for symbol, number in counts.items() if number}
    phosphorus = left.get("P", 0)
    ligand = "S" if left.get("S", 0) > left.get("O", 0) else "O"
    nitrogen = left.get("N", 0) if ligand == "O" else 0
    anions = left.get(ligand, 0) + nitrogen
    mixed = left.get("S", 0) > 0 and left.get("O", 0) > 0
    if not phosphorus or mixed or anions < 3.5 * phosphorus:
        return {}, left, {}
    pairs = max(0, 4 * phosphorus - anions)
    units: dict[str, int] = {}
    shapes: dict[str, Unit] = {}

    def add(unit: Unit, number: int) -> None:
        if number > 0:
            units[unit.name] = number
            shapes[unit.name] = unit
            for symbol in unit.symbols:
                left[symbol] -= number

    bridged = min(nitrogen, pairs)
    if bridged:
        add(dimer("P", ligand, "N"), bridged)
    add(dimer("P", ligand, ligand), pairs - bridged)
    alone = phosphorus - 2 * pairs
    ended = min(nitrogen - bridged, alone)
    if ended:
        add(tetrahedron("P", ("N", ligand, ligand, ligand)), ended)
    add(tetrahedron("P", (ligand,) * 4), alone - ended)
    return units, {symbol: number for symbol, number in left.items() if number}, shapes


def scatter(composition: Composition, density_g_cm3: float, volume_A3: float, rng: np.random.Generator) -> Scattered:
    """Choose the atoms of a piece of glass and turn its units at random.

    Parameters
    ----------
    composition
        What the glass is.
    density_g_cm3, volume_A3
        Density and volume; the number of atoms is rounded to whole formula units where the volume holds one.
    rng
        Random numbers.

    Returns
    -------
    Scattered
    """
    return scatter_counts(glass_atoms(composition, density_g_cm3, volume_A3), rng)


def glass_atoms(composition: Composition, density_g_cm3: float, volume_A3: float) -> dict[str, int]:
    """Count the atoms of a piece of glass, in whole formula units.

    Parameters
    ----------
    composition
        What the glass is.
    density_g_cm3, volume_A3
        Density and volume.

    Returns
    -------
    dict
        Atoms of each element; at least one formula unit.
    """
    wanted = max(len(composition), round(volume_A3 * atoms_per_volume(composition, density_g_cm3)))
    return whole_atoms(composition.reduced_composition, wanted)[0]


def scatter_counts(counts: dict[str, int], rng: np.random.Generator, *, molecular_units: bool = True) -> Scattered:
    """Turn the units that given numbers of atoms make; see :func:`scatter`.

    Parameters
    ----------
    counts
        Atoms of each element.
    rng
        Random numbers.
    molecular_units
        False leaves all atoms single.

    Returns
    -------
    Scattered
    """
    units, single, shapes = units_for(counts) if molecular_units else ({}, counts, {})
    symbols: list[str] = []
    owner: list[int] = []
    local: list[Array] = []
    number = 0
    for name, how_many in units.items():
        unit = shapes[name]
        turns = Rotation.random(how_many, rng=rng)
        for k in range(how_many):
            symbols += unit.symbols
            owner += [number] * len(unit.symbols)
            local.append(turns[k].apply(unit.positions))
            number += 1
    for symbol, how_many in single.items():
        symbols += [symbol] * how_many
        owner += range(number, number + how_many)
        local.append(np.zeros((how_many, 3)))
        number += how_many
    return Scattered(tuple(symbols), tuple(owner), np.concatenate(local), units)


def _unit(symbols: tuple[str, ...], positions: Array) -> Unit:
    names = list(dict.fromkeys(sorted(symbols, key=lambda s: (s != "P", s != "N" and s in ("S", "O"), s))))
    counts = {name: symbols.count(name) for name in names}
    formula = "".join(f"{name}{count if count > 1 else ''}" for name, count in counts.items())
    return Unit(formula, symbols, positions - positions.mean(axis=0))
