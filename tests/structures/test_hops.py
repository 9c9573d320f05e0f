"""Hops: counts on known crystals, invariances, endpoints that keep every atom."""

from __future__ import annotations

import time

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.amorphous import pack
from anodeflow.structures.hops import endpoints, hops
from anodeflow.structures.interface import interface
from anodeflow.structures.phases import phase
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure


@pytest.mark.parametrize(("name", "number"), [("gamma-Li3PS4", 7), ("gamma-Li3PO4", 16), ("LLZO_tetragonal", 11)])
def test_vacancy_hops_of_known_crystals(name, number):
    crystal = phase(name).structure
    found = hops(crystal, "Li", cutoff_A=5.0)
    assert len(found) == number
    # every pair of lithium sites within 5 Å is in exactly one orbit
    lithium = Structure.from_sites([s for s in crystal if s.specie.symbol == "Li"])
    assert 2 * sum(hop.multiplicity for hop in found) == len(lithium.get_neighbor_list(5.0)[0])


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(6)), st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_order_of_atoms_and_origin_do_not_matter(order, shift):
    crystal = phase("LiSn").structure
    other = Structure(
        crystal.lattice, [crystal[k].specie for k in order], [crystal.frac_coords[k] + shift for k in order]
    )

    def summary(structure):
        return sorted((round(h.distance_A, 4), h.multiplicity, h.environments) for h in hops(structure, "Li"))

    def plain(structure):
        return [(d, m, tuple(sorted(e))) for d, m, e in summary(structure)]

    assert sorted(plain(other)) == sorted(plain(crystal))


def test_endpoints_keep_every_atom_in_its_place():
    glass = pack("Li3PS4", atoms=80, seed=4)
    for hop in hops(glass, "Li", cutoff_A=4.0):
        start, end = endpoints(glass, hop)
        assert len(start) == len(end) == len(glass) - 1
        assert [s.specie for s in start] == [s.specie for s in end]
        moved = np.linalg.norm((end.frac_coords - start.frac_coords) @ glass.lattice.matrix, axis=1)
        assert np.sum(moved > 1e-9) == 1
        assert moved.max() == pytest.approx(hop.distance_A)


def test_interface_hops_know_their_sides_and_are_quick():
    made = interface("Li15Si4(100)", "Li2O(100)", max_strain=0.06, thickness_A=24)
    assert made.structure.composition["Li"] > 300
    start = time.process_time()
    found = hops(made.structure, "Li", cutoff_A=5.0)
    assert time.process_time() - start < 5.0
    assert {hop.sides for hop in found} >= {(0, 0), (1, 1)}
    assert any(hop.sides[0] != hop.sides[1] for hop in found)
    assert {hop.multiplicity for hop in found} == {1}


@pytest.fixture(scope="module")
def triclinic():
    lattice = Lattice.from_parameters(6.1, 6.3, 7.2, 81, 97, 104)
    return Structure(lattice, ["Li", "Sn", "O"], [[0.1, 0.15, 0.2], [0.6, 0.55, 0.7], [0.35, 0.8, 0.45]])


def test_interstitial_and_kick_out_hops(triclinic):
    sites = [[0.1, 0.6, 0.2], [0.85, 0.2, 0.8]]
    direct = hops(triclinic, "Li", kind="interstitial", voids=sites, cutoff_A=5.0)
    assert direct
    for hop in direct:
        start, end = endpoints(triclinic, hop)
        assert len(start) == len(end) == len(triclinic) + 1
        assert start[-1].specie.symbol == "Li"
    pushed = hops(triclinic, "Li", kind="kick-out", voids=sites, cutoff_A=4.5)
    assert pushed
    for hop in pushed:
        start, end = endpoints(triclinic, hop)
        moved = np.linalg.norm((end.frac_coords - start.frac_coords) @ triclinic.lattice.matrix, axis=1)
        assert np.sum(moved > 1e-9) == 2
        assert moved.sum() == pytest.approx(hop.distance_A)


def test_kick_outs_of_a_symmetric_crystal_are_merged():
    salt = phase("Li2O").structure
    # the octahedral voids of antifluorite; each lithium has six at a distance of a √3/4 ... a/2
    found = hops(salt, "Li", kind="kick-out", voids=[[0.5, 0.5, 0.5]], cutoff_A=2.1)
    assert {round(h.distance_A, 3) for h in found} == {round(2 * 4.61 * np.sqrt(3) / 4, 3)}
    assert len(found) == 1
    # 8 lithium sites with 4 such voids each: 6 pairs of them
    assert sum(h.multiplicity for h in found) == 48


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"species": "Na"}, "Na is not in"),
        ({"kind": "jump"}, "no kind of hop"),
        ({"cutoff_A": -1}, "no distance"),
    ],
)
def test_bad_input(triclinic, arguments, message):
    with pytest.raises(InputError, match=message):
        hops(triclinic, **arguments)


def test_disordered_structures_are_refused():
    with pytest.raises(InputError, match="ordered"):
        hops(phase("Li6PS5Cl").structure)


def test_voids_are_found_when_none_are_given():
    found = hops(phase("Li2O").structure, "Li", kind="interstitial", cutoff_A=3.5)
    # antifluorite has one kind of octahedral void, and its shortest hop between two of them is a / √2
    assert found[0].distance_A == pytest.approx(4.61 / np.sqrt(2), rel=1e-3)
    assert found[0].multiplicity == 24


def test_chains_of_a_simple_cubic_lattice_are_the_straight_and_the_bent_one():
    """Six neighbours make 15 pairs around each atom: 12 at a right angle and 3 across."""
    lattice = Structure(np.eye(3) * 3.0, ["Li"], [[0, 0, 0]])
    found = hops(lattice, "Li", kind="chain", cutoff_A=3.1)
    assert sorted(hop.multiplicity for hop in found) == [3, 12]
    angles = []
    for hop in found:
        legs = np.diff(np.array(hop.path), axis=0)
        assert np.linalg.norm(legs, axis=1) == pytest.approx([1, 1]) and hop.distance_A == pytest.approx(6.0)
        angles.append(round(float(legs[0] @ legs[1])))
    assert sorted(angles) == [0, 1]


def test_a_chain_moves_two_atoms_into_one_empty_site(triclinic):
    crystal = triclinic.make_supercell((2, 2, 1), in_place=False)
    found = hops(crystal, "Li", kind="chain", cutoff_A=6.5)
    hop = next(one for one in found if len(set(one.atoms)) == 3)
    start, end = endpoints(crystal, hop)
    assert len(start) == len(end) == len(crystal) - 1
    moved = np.linalg.norm((end.frac_coords - start.frac_coords) @ crystal.lattice.matrix, axis=1)
    assert (moved > 0.1).sum() == 2
    assert moved.sum() == pytest.approx(hop.distance_A)
