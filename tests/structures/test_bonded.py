"""Networks and polymers: every atom has the bonds it should have, counted from the positions alone."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.amorphous import pack
from anodeflow.structures.bonded import Springs, angle_span_A, relax_bonded
from anodeflow.structures.network import bond_counts
from anodeflow.structures.polymer import polymer_electrolyte, stranger_table

TRICLINIC = np.array([[14.8, 0.0, 0.0], [5.0, 14.0, 0.0], [-3.0, 4.0, 15.0]])


def neighbours(structure, symbol, others, reach):
    """Number of neighbours of each atom, by pymatgen."""
    return [
        sum(1 for near in structure.get_neighbors(site, reach) if near.specie.symbol in others)
        for site in structure
        if site.specie.symbol == symbol
    ]


@pytest.mark.parametrize(
    ("formula", "atoms", "density", "cell", "bonds"),
    [
        ("SiO2", 72, 2.20, None, {"Si": (["O"], 1.93, 4), "O": (["Si"], 1.93, 2)}),
        ("SiO2", 150, 2.20, TRICLINIC, {"Si": (["O"], 1.93, 4), "O": (["Si"], 1.93, 2)}),
        ("GeS2", 72, 2.75, None, {"Ge": (["S"], 2.65, 4), "S": (["Ge"], 2.65, 2)}),
        ("LiSi4O8", 78, 2.20, None, {"Si": (["O"], 1.93, 4), "O": (["Si"], 1.93, 2)}),
    ],
)
def test_a_network_has_four_bonds_at_every_node_and_two_at_every_bridge(formula, atoms, density, cell, bonds):
    glass = pack(formula, atoms=atoms, density_g_cm3=density, cell=cell, network=True, seed=3)
    assert float(glass.density) == pytest.approx(density, rel=1e-3)
    for symbol, (others, reach, wanted) in bonds.items():
        assert set(neighbours(glass, symbol, others, reach)) == {wanted}
    again = pack(formula, atoms=atoms, density_g_cm3=density, cell=cell, network=True, seed=3)
    assert np.array_equal(glass.frac_coords, again.frac_coords)


def test_a_packing_of_atoms_does_not_have_that():
    loose = pack("SiO2", atoms=72, density_g_cm3=2.20, seed=3)
    assert set(neighbours(loose, "Si", ["O"], 1.93)) != {4}


def test_carbon_in_silica_is_bonded_to_four_silicon():
    glass = pack("Si4O6C", atoms=88, density_g_cm3=2.1, network=True, seed=1)
    assert set(neighbours(glass, "C", ["Si"], 1.2 * 1.89)) == {4}
    bonds = np.add(neighbours(glass, "Si", ["O"], 1.93), neighbours(glass, "Si", ["C"], 1.2 * 1.89))
    assert set(bonds.tolist()) == {4}


def test_bonds_add_up_or_are_refused():
    assert bond_counts({"Si": 8, "O": 12, "C": 2}) == {"bridged": 12, "former-C": 8, "C-C": 0, "former-former": 0}
    assert bond_counts({"Si": 4, "O": 4}) == {"bridged": 4, "former-C": 0, "C-C": 0, "former-former": 4}
    with pytest.raises(InputError, match="9 bridging anions"):
        bond_counts({"Si": 4, "O": 9})
    with pytest.raises(InputError, match="makes no network"):
        pack("Li3PS4", atoms=80, network=True, seed=1)
    with pytest.raises(InputError, match="bonded to itself"):
        pack("SiO2", atoms=9, network=True, seed=1)


def test_a_chain_across_the_border_of_a_triclinic_cell_keeps_its_bonds():
    cell = np.array([[6.0, 0.0, 0.0], [2.0, 6.0, 0.0], [-1.5, 1.0, 6.0]])
    # an endless zigzag along the first vector: the last atom is bonded to the first one's image
    first, second = np.arange(4), (np.arange(4) + 1) % 4
    image = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]])
    springs = Springs(first, second, image, np.full(4, 1.6), np.full(4, 4.0), np.ones(4, dtype=bool))
    start = np.array([[0.1, 0.0, 0.0], [1.5, 0.9, 0.1], [3.0, 0.1, 0.0], [4.4, 1.0, 0.3]])
    made = relax_bonded(cell, start, np.zeros(4, dtype=int), np.array([[2.5]]), springs)
    assert np.allclose(springs.lengths(cell, made.positions), 1.6, rtol=0.011)
    far = np.linalg.norm(made.positions[2] - made.positions[0])
    assert far > 2.5 * 0.999
    fixed = relax_bonded(
        cell, start, np.zeros(4, dtype=int), np.array([[2.5]]), springs, movable=np.array([False, True, True, True])
    )
    assert np.array_equal(fixed.positions[0], start[0])


@pytest.mark.parametrize("cell", [None, TRICLINIC])
def test_polymer_electrolyte_has_whole_molecules_and_no_overlap(cell):
    melt = polymer_electrolyte(chains=2, monomers=12, oxygen_per_lithium=8, cell=cell, seed=2)
    # CH3-O-(CH2CH2O)12-CH3 twice, three LiTFSI
    assert melt.composition.as_dict() == {"C": 58, "H": 108, "O": 38, "Li": 3, "N": 3, "S": 6, "F": 18}
    assert "rounded" not in " ".join(melt.properties["notes"])
    bonded = {"C": ("CHOSF", 1.95, {4}), "O": ("CS", 1.52, {1, 2}), "H": ("C", 1.2, {1}), "N": ("S", 1.7, {2})}
    bonded |= {"S": ("NOC", 1.95, {4}), "F": ("C", 1.45, {1})}
    for symbol, (others, reach, wanted) in bonded.items():
        assert set(neighbours(melt, symbol, list(others), reach)) == wanted
    names = sorted({s.specie.symbol for s in melt})
    table = stranger_table(names)
    molecule = melt.site_properties["molecule"]
    i, j, _, distance = melt.get_neighbor_list(2.9)
    for a, b, d in zip(i, j, distance, strict=True):
        if molecule[a] != molecule[b]:
            assert d >= table[names.index(melt[a].specie.symbol), names.index(melt[b].specie.symbol)]
    assert len(set(molecule)) == 2 + 3 + 3


def test_polymer_says_what_it_rounds_and_refuses():
    melt = polymer_electrolyte(chains=1, monomers=11, oxygen_per_lithium=4, density_g_cm3=1.0, seed=1)
    assert "rounded to 3.67 with 3 LiTFSI" in melt.properties["notes"][0]
    assert polymer_electrolyte(chains=1, monomers=8, oxygen_per_lithium=None, seed=1).composition["Li"] == 0
    with pytest.raises(InputError, match="does not fit"):
        polymer_electrolyte(chains=1, monomers=8, density_g_cm3=2.2, seed=1)
    with pytest.raises(InputError, match="no chain"):
        polymer_electrolyte(chains=1, monomers=0, seed=1)


def test_an_angle_span_is_the_law_of_cosines():
    assert angle_span_A(1.0, 1.0, 90.0) == pytest.approx(np.sqrt(2.0))
    assert angle_span_A(1.0, 2.0, 180.0) == pytest.approx(3.0)
