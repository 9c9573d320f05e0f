"""Slabs: terminations, composition, polarity, symmetry, and that the slab is the crystal."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.distances import closest_pairs
from anodeflow.structures.oriented import miller_index, orient
from anodeflow.structures.phases import phase
from anodeflow.structures.surface import slab, surfaces, terminations
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

INDICES = st.tuples(*[st.integers(-3, 3)] * 3).filter(any)


@pytest.fixture(scope="module")
def triclinic():
    """A made-up triclinic crystal of three elements without any symmetry."""
    lattice = Lattice.from_parameters(5.1, 6.3, 7.2, 81, 97, 104)
    sites = [[0.1, 0.15, 0.2], [0.6, 0.55, 0.7], [0.35, 0.8, 0.45], [0.85, 0.3, 0.95]]
    return Structure(lattice, ["Li", "Sn", "Li", "P"], sites)


@pytest.mark.parametrize(
    ("name", "index", "number", "area"),
    [
        ("Si", "100", 1, 5.4307**2 / 2),
        ("Si", "111", 2, 5.4307**2 * np.sqrt(3) / 4),
        ("Si", "110", 1, 5.4307**2 / np.sqrt(2)),
        ("Li2O", "111", 3, 4.61**2 * np.sqrt(3) / 4),
        ("LiF", "100", 1, 4.027**2 / 2),
        ("beta-Sn", "100", 1, 5.8197 * 3.17488),
    ],
)
def test_all_distinct_terminations_of_the_primitive_plane(name, index, number, area):
    cell = orient(phase(name).structure, index)
    assert cell.area_A2 == pytest.approx(area, rel=1e-4)
    assert len(terminations(cell)) == number


@settings(max_examples=60, deadline=None)
@given(INDICES)
def test_a_turned_triclinic_crystal_is_the_same_crystal(triclinic, index):
    cell = orient(triclinic, index)
    turned = Structure(Lattice(cell.matrix), cell.symbols, cell.fractional)
    assert turned.volume == pytest.approx(triclinic.volume)
    assert turned.lattice.matrix[2, 2] == pytest.approx(triclinic.lattice.d_hkl(cell.miller))
    for site in range(len(turned)):
        kind = turned[site].specie
        here = sorted(round(n.nn_distance, 5) for n in turned.get_neighbors(turned[site], 5.0))
        there = [
            sorted(round(n.nn_distance, 5) for n in triclinic.get_neighbors(other, 5.0))
            for other in triclinic
            if other.specie == kind
        ]
        assert any(len(t) == len(here) and np.allclose(t, here, atol=1e-4) for t in there)


@settings(max_examples=30, deadline=None)
@given(INDICES, st.floats(4.0, 20.0))
def test_every_slab_is_thick_enough_and_keeps_the_composition(triclinic, index, thickness):
    for made in surfaces(triclinic, index, thickness_A=thickness, charges={"Li": 1, "Sn": 1, "P": -3}):
        assert made.thickness_A >= thickness - 0.05
        assert made.stoichiometric
        assert made.structure.composition.reduced_formula == triclinic.composition.reduced_formula
        assert made.charge == 0
        assert made.structure.lattice.matrix[2, 2] == pytest.approx(made.thickness_A + 15.0)
        assert np.allclose(made.structure.lattice.matrix[2, :2], 0)
        bulk, cut = closest_pairs(triclinic), closest_pairs(made.structure)
        assert all(d >= bulk[pair] - 1e-6 for pair, d in cut.items())


def test_polarity_of_rock_salt_planes():
    salt, charges = phase("LiF").structure, {"Li": 1, "F": -1}
    flat = slab(salt, "100", thickness_A=12, charges=charges)
    assert flat.dipole_e_A == pytest.approx(0, abs=1e-9)
    assert flat.symmetric
    polar = surfaces(salt, "111", thickness_A=12, charges=charges)
    assert {(made.termination.top, made.termination.bottom) for made in polar} == {("Li", "F"), ("F", "Li")}
    # layers of opposite charge 1.1625 Å apart, one charge per 7.02 Å²
    layers = len(polar[0].structure)
    assert abs(polar[0].dipole_e_A) == pytest.approx(layers / 2 * 4.027 / np.sqrt(12) / polar[0].area_A2, rel=1e-3)
    assert polar[0].polar
    assert not polar[0].symmetric


def test_symmetric_slabs_lose_their_composition_and_say_so():
    made = surfaces(phase("LiF").structure, "111", thickness_A=10, symmetric=True, charges={"Li": 1, "F": -1})
    assert len(made) == 2
    for one in made:
        assert one.symmetric
        assert not one.stoichiometric
        assert one.dipole_e_A == pytest.approx(0, abs=1e-9)
        assert abs(one.charge) == 1


@pytest.mark.parametrize("name", ["gamma-Li3PO4", "gamma-Li3PS4", "LiBH4"])
def test_no_slab_cuts_a_molecular_ion(name):
    bulk = phase(name).structure
    for index in ("100", "010", "001", "110", "1-12"):
        for made in surfaces(bulk, index, thickness_A=8):
            assert made.termination.polyanion_bonds_cut_per_A2 == 0
            assert made.stoichiometric
            for site in made.structure:
                if site.specie.symbol in ("P", "B"):
                    near = [n for n in made.structure.get_neighbors(site, 2.3) if n.specie.symbol != "Li"]
                    assert [n.specie.symbol for n in near] == [near[0].specie.symbol] * 4


def test_a_network_without_end_is_cut_and_says_so():
    quartz = Structure.from_spacegroup(
        "P3_221", Lattice.hexagonal(4.913, 5.405), ["Si", "O"], [[0.4697, 0, 2 / 3], [0.4133, 0.2672, 0.7855]]
    )
    assert all(made.termination.polyanion_bonds_cut_per_A2 > 0 for made in surfaces(quartz, "001", thickness_A=8))


def test_crystal_without_inversion_has_no_symmetric_slab(triclinic):
    with pytest.raises(InputError, match="no symmetric slab"):
        slab(triclinic, "111", thickness_A=8, symmetric=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"miller": "000"}, "0 0 0 is no plane"),
        ({"miller": "1x0"}, "not a Miller index"),
        ({"miller": "100", "thickness_A": 0}, "no slab"),
        ({"miller": "100", "termination": 9}, "termination 9 does not exist"),
    ],
)
def test_bad_input_is_one_sentence(triclinic, arguments, message):
    with pytest.raises(InputError, match=message):
        slab(triclinic, **{"thickness_A": 8, **arguments})


def test_disordered_overlapping_and_molecular_input_is_refused():
    with pytest.raises(InputError, match="partly occupied"):
        orient(phase("Li6PS5Cl").structure, "100")
    with pytest.raises(InputError, match="overlapping atoms"):
        orient(Structure(Lattice.cubic(5), ["Li", "Sn"], [[0, 0, 0], [0, 0, 0.05]]), "100")
    from pymatgen.core import Molecule

    with pytest.raises(InputError, match="without a cell"):
        orient(Molecule(["Li", "H"], [[0, 0, 0], [0, 0, 1.6]]), "100")


def test_miller_index_is_read_in_every_spelling():
    assert miller_index("1-10") == (1, -1, 0)
    assert miller_index("(10 1 0)") == (10, 1, 0)
    assert miller_index("200") == (1, 0, 0)
    assert miller_index("11-20") == (1, 1, 0)
    assert miller_index((2, 4, -2)) == (1, 2, -1)
