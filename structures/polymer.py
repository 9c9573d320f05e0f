"""Polymer electrolytes: chains of poly(ethylene oxide) with LiTFSI, packed at a density with all bonds and angles held.

Chains are grown with the torsions of the melt, anions are made from their bond lengths and angles, both are thrown
into the cell and bend until no two atoms overlap (:mod:`~anodeflow.structures.bonded`). Torsions are free: a start for
an equilibration with a force field, not a melt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from ..errors import InputError
from ..units import G_MOL_A3_TO_G_CM3
from .bonded import Relaxed, Springs, angle_span_A, relax_bonded
from .distances import contact_distance, periodic_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray
    from pymatgen.core import Structure

    from .record import BuildRecord

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

VAN_DER_WAALS_A = {"H": 1.20, "C": 1.70, "N": 1.55, "O": 1.52, "F": 1.47, "S": 1.80}
"""Radii of Bondi, J. Phys. Chem. 68 (1964) 441, in Å."""

DENSITY_G_CM3 = {"PEO": 1.12, "LiTFSI": 2.02}
"""Amorphous PEO and crystalline LiTFSI at room temperature; volumes are added, which is an estimate."""

_NEAREST_OF_RADII = 0.78  # share of two van der Waals radii that strangers keep: hydrogen 1.87, oxygen 2.37 Å
_NEAREST_OF_CONTACT = 0.92
_BOND_A = {
    frozenset("C"): 1.51,
    frozenset("CO"): 1.42,
    frozenset("CH"): 1.09,
    frozenset("SN"): 1.57,
    frozenset("SO"): 1.43,
    frozenset("SC"): 1.83,
    frozenset("CF"): 1.33,
}
_ANGLE_DEG = {
    ("C", "OC"): 111.0,
    ("O", "CC"): 112.0,
    ("C", "HH"): 108.0,
    ("C", "CH"): 110.0,
    ("C", "HO"): 109.5,
    ("N", "SS"): 125.6,
    ("S", "NO"): 111.5,
    ("S", "CN"): 103.0,
    ("S", "OO"): 118.5,
    ("S", "CO"): 104.5,
    ("C", "FS"): 110.5,
    ("C", "FF"): 108.4,
}
"""Angles by their middle and ends; TFSI as in LiTFSI (Nowinski et al., J. Mater. Chem. 4 (1994) 1579, rounded)."""

_ROOM = 1.015  # strangers are pushed this much farther apart, since springs push back
_BOND_TOLERANCE = 0.03
_SHAKES = 40
_HOPELESS = 0.9  # crossed chains come to 0.93 of a minimum distance; less is too high a density
_SHAKE_A = 1.0
_THIN = 0.55  # shaken chains are first this thin, so that they can slip through each other
_SLIP: dict[str, Any] = {"max_steps": 150, "overlap_weight": 1.0}
_FIRST: dict[str, Any] = {"max_steps": 1200, "overlap_weight": 3.0}
_AGAIN: dict[str, Any] = {"max_steps": 500, "overlap_weight": 3.0}
_GAUCHE_DEG = 70.0
_GAUCHE_SHARE = {"CC": 0.85, "CO": 0.20}
"""How often a bond of the chain is gauche (Mark and Flory, J. Am. Chem. Soc. 87 (1965) 1415, rounded)."""


@dataclass(frozen=True)
class Molecule:
    """Atoms on bonds.

    Attributes
    ----------
    symbols
        Elements.
    positions
        Cartesian in Å, shape (N, 3).
    bonds
        Pairs of atoms.
    """

    symbols: tuple[str, ...]
    positions: Array
    bonds: tuple[tuple[int, int], ...]


def peo_chain(monomers: int, rng: np.random.Generator) -> Molecule:
    """Grow CH3-O-(CH2-CH2-O)n-CH3 with random torsions.

    Parameters
    ----------
    monomers
        Number n of ethylene oxide units.
    rng
        Random numbers.

    Returns
    -------
    Molecule
    """
    if monomers < 1:
        raise InputError(f"a chain of {monomers} monomers is no chain", remedy="Ask for at least one.")
    backbone = ["C", "O", *["C", "C", "O"] * monomers, "C"]
    points = [np.zeros(3), np.array([1.42, 0.0, 0.0])]
    for k in range(2, len(backbone)):
        bond = _BOND_A[frozenset(backbone[k - 1 : k + 1])]
        angle = _angle(backbone[k - 1], backbone[k - 2], backbone[k])
        before = points[0] + np.array([0.0, 1.0, 0.0]) if k == 2 else points[k - 3]
        middle = "".join(sorted(backbone[k - 2 : k]))
        gauche = rng.random() < _GAUCHE_SHARE["CC" if middle == "CC" else "CO"]
        torsion = rng.choice([-_GAUCHE_DEG, _GAUCHE_DEG]) if gauche else 180.0
        points.append(_next(before, points[k - 2], points[k - 1], bond, angle, torsion + rng.normal(scale=8.0)))
    symbols = list(backbone)
    bonds = [(k, k + 1) for k in range(len(backbone) - 1)]
    for k, symbol in enumerate(backbone):
        if symbol == "C":
            near = [points[m] - points[k] for m in (k - 1, k + 1) if 0 <= m < len(backbone)]
            for arm in _free_corners(near, rng):
                bonds.append((k, len(symbols)))
                symbols.append("H")
                points.append(points[k] + _BOND_A[frozenset("CH")] * arm)
    return Molecule(tuple(symbols), np.array(points), tuple(bonds))


def tfsi(rng: np.random.Generator) -> Molecule:
    """Make an N(SO2CF3)2 anion with random torsions.

    Parameters
    ----------
    rng
        Random numbers.

    Returns
    -------
    Molecule
        Bonds are exact; angles at sulfur become so when it is relaxed.
    """
    half = np.radians(_ANGLE_DEG["N", "SS"]) / 2.0
    symbols, bonds, points = ["N"], [], [np.zeros(3)]

    def add(symbol: str, owner: int, arm: Array) -> int:
        bonds.append((owner, len(symbols)))
        points.append(points[owner] + _BOND_A[frozenset({symbols[owner], symbol})] * arm)
        symbols.append(symbol)
        return len(symbols) - 1

    for sign in (1.0, -1.0):
        sulfur = add("S", 0, np.array([sign * np.sin(half), np.cos(half), 0.0]))
        arms = _free_corners([points[0] - points[sulfur]], rng)
        carbon = add("C", sulfur, arms[0])
        for arm in arms[1:]:
            add("O", sulfur, arm)
        for arm in _free_corners([points[sulfur] - points[carbon]], rng):
            add("F", carbon, arm)
    return Molecule(tuple(symbols), np.array(points), tuple(bonds))


def polymer_electrolyte(
    *,
    chains: int = 4,
    monomers: int = 25,
    oxygen_per_lithium: float | None = 20.0,
    density_g_cm3: float | None = None,
    cell: ArrayLike | None = None,
    seed: int,
) -> Structure:
    """Pack chains of PEO with LiTFSI.

    Parameters
    ----------
    chains, monomers
        Number of chains and of ethylene oxide units in each; chains end in methyl.
    oxygen_per_lithium
        Ethylene oxide units per Li (EO:Li), rounded to whole salt units; None leaves the salt out.
    density_g_cm3
        Density; by default that of added volumes (`DENSITY_G_CM3`).
    cell
        Cell vectors as rows, shape (3, 3), in Å, scaled to the density, instead of a cube.
    seed
        Seed of torsions, places and orientations.

    Returns
    -------
    Structure
        Site property ``molecule`` numbers the chains, then anions, then lithium. ``properties`` holds
        ``density_g_cm3``, ``minimum_distance_A``, ``bonds`` (pairs of atoms), ``seed`` and ``notes``.

    Raises
    ------
    InputError
        For numbers that make no chain or salt, or a density at which atoms stay too close.

    Examples
    --------
    >>> melt = polymer_electrolyte(chains=2, monomers=10, oxygen_per_lithium=10, seed=1)
    >>> melt.composition.formula
    'Li2 H92 C48 S4 N2 O30 F12'
    """
    from pymatgen.core import Composition, Lattice, Structure

    from .amorphous import cell_of, distances_by_name

    if chains < 1:
        raise InputError(f"{chains} chains are no polymer", remedy="Ask for at least one.")
    if oxygen_per_lithium is not None and not oxygen_per_lithium > 0:
        raise InputError(f"{oxygen_per_lithium:g} ethylene oxide units per Li make no salt", remedy="Give 20, say.")
    rng = np.random.default_rng(seed)
    salts = 0 if oxygen_per_lithium is None else round(chains * monomers / oxygen_per_lithium)
    molecules = [peo_chain(monomers, rng) for _ in range(chains)] + [tfsi(rng) for _ in range(salts)]
    molecules += [Molecule(("Li",), np.zeros((1, 3)), ())] * salts
    notes = []
    if oxygen_per_lithium is not None and salts != chains * monomers / oxygen_per_lithium:
        actual = f"{chains * monomers / salts:.3g}" if salts else "no salt"
        notes.append(f"EO:Li = {oxygen_per_lithium:g} rounded to {actual} with {salts} LiTFSI")
    symbols = [s for molecule in molecules for s in molecule.symbols]
    weights = {name: float(Composition(formula).weight) for name, formula in _formulas(monomers).items()}
    mass = chains * weights["PEO"] + salts * weights["LiTFSI"]
    if density_g_cm3 is None:
        volumes = chains * weights["PEO"] / DENSITY_G_CM3["PEO"] + salts * weights["LiTFSI"] / DENSITY_G_CM3["LiTFSI"]
        density_g_cm3 = mass / volumes
        notes.append(f"density {density_g_cm3:.3f} g/cm3 from added volumes of PEO and LiTFSI")
    matrix = cell_of(cell, mass, density_g_cm3)
    places = [Rotation.random(rng=rng).apply(m.positions) + rng.random(3) @ matrix for m in molecules]
    springs = molecule_springs(molecules)
    names = sorted(set(symbols))
    kinds = np.array([names.index(s) for s in symbols])
    table = stranger_table(names)
    relaxed = relax_bonded(matrix, np.concatenate(places), kinds, _ROOM * table, springs, **_FIRST)
    for shake in range(_SHAKES):
        if _done(relaxed) or (shake > 2 and relaxed.tightest < _HOPELESS):
            break
        start = _shaken(matrix, relaxed, kinds, table, springs, rng)
        thin = relax_bonded(matrix, start, kinds, _THIN * table, springs, **_SLIP)
        relaxed = relax_bonded(matrix, thin.positions, kinds, _ROOM * table, springs, **_AGAIN)
    if not _done(relaxed):
        raise InputError(
            f"{density_g_cm3:.3f} g/cm3 does not fit these chains: two atoms come to "
            f"{100 * _ROOM * relaxed.tightest:.1f} % of their minimum distance, a bond is off by "
            f"{100 * relaxed.bond_error:.1f} %",
            remedy="Lower the density or try another seed.",
        )
    owner = [k for k, molecule in enumerate(molecules) for _ in molecule.symbols]
    return Structure(
        Lattice(matrix),
        symbols,
        relaxed.positions,
        coords_are_cartesian=True,
        to_unit_cell=True,
        site_properties={"molecule": owner},
        properties={
            "density_g_cm3": mass / abs(float(np.linalg.det(matrix))) * G_MOL_A3_TO_G_CM3,
            "minimum_distance_A": distances_by_name(names, table),
            "bonds": [
                [int(a), int(b)]
                for a, b, bond in zip(springs.first, springs.second, springs.is_bond, strict=True)
                if bond
            ],
            "bond_error": relaxed.bond_error,
            "angle_error": relaxed.angle_error,
            "seed": seed,
            "notes": notes,
        },
    )


def polymer_record(structure: Structure, inputs: Mapping[str, Any]) -> BuildRecord:
    """Write down how a polymer electrolyte was made.

    Parameters
    ----------
    structure
        From :func:`polymer_electrolyte`.
    inputs
        Its arguments.

    Returns
    -------
    BuildRecord
    """
    from .record import Source, make_record

    made = structure.properties
    given = {
        **inputs,
        "density_g_cm3": made["density_g_cm3"],
        "minimum_distance_A": made["minimum_distance_A"],
        "largest_bond_error": made["bond_error"],
        "largest_angle_span_error": made["angle_error"],
    }
    source = Source("PEO:LiTFSI", "packed", origin="chains grown with melt torsions, overlaps removed on springs")
    return make_record(structure, "polymer", given, sources=[source], seed=made["seed"], warnings=made["notes"])


def molecule_springs(molecules: Sequence[Molecule]) -> Springs:
    """Bonds and angles of molecules one after the other.

    Parameters
    ----------
    molecules
        In the order of their atoms.

    Returns
    -------
    Springs
    """
    rows: list[tuple[int, int, float, float, bool]] = []
    offset = 0
    for molecule in molecules:
        near: list[list[int]] = [[] for _ in molecule.symbols]
        for a, b in molecule.bonds:
            near[a].append(b)
            near[b].append(a)
            rows.append((a + offset, b + offset, _bond(molecule, a, b), 4.0, True))
        for middle, ends in enumerate(near):
            for m, a in enumerate(ends):
                for b in ends[:m]:
                    angle = _angle(molecule.symbols[middle], molecule.symbols[a], molecule.symbols[b])
                    span = angle_span_A(_bond(molecule, middle, a), _bond(molecule, middle, b), angle)
                    rows.append((a + offset, b + offset, span, 2.0, False))
        offset += len(molecule.symbols)
    first, second, length, weight, bond = zip(*rows, strict=True)
    return Springs(
        np.array(first),
        np.array(second),
        np.zeros((len(rows), 3), dtype=np.int64),
        np.array(length),
        np.array(weight),
        np.array(bond),
    )


def stranger_table(names: Sequence[str]) -> Array:
    """Minimum distances of atoms that share neither a bond nor an angle.

    Parameters
    ----------
    names
        Elements, ``n`` of them.

    Returns
    -------
    ndarray, shape (n, n)
        In Å: 0.78 of the sum of van der Waals radii; with a cation 0.92 of its contact distance.
    """
    radii = VAN_DER_WAALS_A
    return np.array(
        [
            [
                _NEAREST_OF_RADII * (radii[a] + radii[b])
                if a in radii and b in radii
                else _NEAREST_OF_CONTACT * contact_distance(a, b, elements=names)
                for b in names
            ]
            for a in names
        ]
    )


def _formulas(monomers: int) -> dict[str, str]:
    return {"PEO": f"C{2 * monomers + 2}H{4 * monomers + 6}O{monomers + 1}", "LiTFSI": "LiNS2O4C2F6"}


def _done(relaxed: Relaxed) -> bool:
    return _ROOM * relaxed.tightest >= 1.0 and relaxed.bond_error < _BOND_TOLERANCE


def _shaken(
    cell: Array, relaxed: Relaxed, kinds: Indices, table: Array, springs: Springs, rng: np.random.Generator
) -> Array:
    """Positions with the surroundings of every crossed pair of bonds thrown about, so that chains can slip past."""
    positions = relaxed.positions
    error = np.abs(springs.lengths(cell, positions) / springs.length_A - 1.0)
    stretched = springs.is_bond & (error > 0.5 * error[springs.is_bond].max())
    i, j, _, distance = periodic_pairs(cell, positions, 4.0)
    joined = {*zip(springs.first.tolist(), springs.second.tolist(), strict=True)}
    tight = np.array(
        [(a, b) not in joined and (b, a) not in joined for a, b in zip(i.tolist(), j.tolist(), strict=True)]
    ) & (distance < table[kinds[i], kinds[j]])
    trouble = np.zeros(len(positions), dtype=bool)
    for atoms in (springs.first[stretched], springs.second[stretched], i[tight], j[tight]):
        trouble[atoms] = True
    near = trouble.copy()
    near[i[trouble[j]]] = True
    near[j[trouble[i]]] = True
    result: Array = positions + np.where(near, _SHAKE_A, 0.0)[:, None] * rng.normal(size=positions.shape)
    return result


def _bond(molecule: Molecule, a: int, b: int) -> float:
    return _BOND_A[frozenset({molecule.symbols[a], molecule.symbols[b]})]


def _angle(middle: str, first: str, second: str) -> float:
    """Angle in degrees, whichever end comes first."""
    for ends in (first + second, second + first):
        if (middle, ends) in _ANGLE_DEG:
            return _ANGLE_DEG[middle, ends]
    raise AssertionError(f"no angle {first}-{middle}-{second}")


def _next(a: Array, b: Array, c: Array, bond: float, angle_deg: float, torsion_deg: float) -> Array:
    """Place of an atom bonded to the last of three, by its internal coordinates."""
    angle, torsion = np.radians(angle_deg), np.radians(torsion_deg)
    along = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(b - a, along)
    normal /= np.linalg.norm(normal)
    frame = np.array([along, np.cross(normal, along), normal])
    local = bond * np.array([-np.cos(angle), np.sin(angle) * np.cos(torsion), np.sin(angle) * np.sin(torsion)])
    result: Array = c + local @ frame
    return result


def _free_corners(arms: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    """Find unit vectors to the corners of a tetrahedron that one or two arms leave free."""
    unit = [arm / np.linalg.norm(arm) for arm in arms]
    if len(unit) == 2:
        inward = -(unit[0] + unit[1]) / np.linalg.norm(unit[0] + unit[1])
        across = np.cross(unit[0], unit[1])
        across /= np.linalg.norm(across)
        half = np.radians(54.0)
        return [np.cos(half) * inward + sign * np.sin(half) * across for sign in (1.0, -1.0)]
    side = np.cross(unit[0], rng.normal(size=3))
    side /= np.linalg.norm(side)
    third = np.cross(unit[0], side)
    turns = rng.random() * 2 * np.pi + np.array([0.0, 2.0, 4.0]) * np.pi / 3
    rise, run = 1.0 / 3.0, np.sqrt(8.0) / 3.0
    return [-rise * unit[0] + run * (np.cos(t) * side + np.sin(t) * third) for t in turns]
