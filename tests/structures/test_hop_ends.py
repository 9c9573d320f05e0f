"""End points of hops hold the right atoms at the right places, and symmetry finds all equal hops."""

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.hop_ends import CrystalHop, equal_hops, follow_sites, hop_ends, relaxation_shifts_A
from anodeflow.structures.hops import hops
from anodeflow.structures.paths import moved_atoms
from anodeflow.structures.phases import phase
from pymatgen.core import Lattice, Structure

T_TO_T = CrystalHop("interstitial", "Li", ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75)))


def oblique() -> Structure:
    """A primitive LiS crystal in an oblique cell: Li at the origin, so its neighbours lie along the cell vectors."""
    cell = np.array([[3.6, 0, 0], [1.2, 3.5, 0], [-0.8, 0.9, 3.9]])
    return Structure(Lattice(cell), ["Li", "S"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_an_interstitial_is_added_and_moves_alone():
    band = hop_ends(phase("Si").structure, T_TO_T, (2, 2, 2))
    assert band.symbols == ("Si",) * 64 + ("Li",)
    assert moved_atoms(band) == [64]
    assert band.displacements_A[64] == pytest.approx(phase("Si").structure.lattice.a * np.sqrt(3) / 4)


def test_a_vacancy_hop_takes_one_atom_out_and_crosses_the_edge_of_an_oblique_cell():
    crystal = oblique()
    band = hop_ends(crystal, CrystalHop("vacancy", "Li", ((0, 0, 0), (-1, 0, 0))), (3, 3, 3))
    assert len(band.symbols) == 53 and band.symbols.count("Li") == 26
    (mover,) = moved_atoms(band)
    np.testing.assert_allclose(band.positions[1, mover] - band.positions[0, mover], -crystal.lattice.matrix[0])


def test_a_kick_out_moves_two_atoms():
    crystal = oblique()
    hop = CrystalHop("kick-out", "Li", ((0.5, 0.0, 0.0), (0, 0, 0), (-0.5, 0, 0)))
    band = hop_ends(crystal, hop, (3, 3, 3))
    assert len(band.symbols) == 55 and len(moved_atoms(band)) == 2


def test_symmetry_gives_every_equal_hop_once():
    crystal = phase("Si").structure
    found, backward = equal_hops(crystal, T_TO_T)
    assert not backward
    assert len(found) == 32  # eight tetrahedral sites a cell with four neighbours each
    vectors = np.array([hop.vector_A(crystal.lattice.matrix) for hop in found])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.linalg.norm(vectors[0]))
    np.testing.assert_allclose(vectors.sum(axis=0), 0, atol=1e-9)
    low, _ = equal_hops(oblique(), CrystalHop("vacancy", "Li", ((0, 0, 0), (0, 1, 0))))
    assert len(low) == 2  # forth and back
    lopsided = oblique()
    lopsided.append("Cl", [0.3, 0.1, 0.2])  # no inversion any more
    there, back = equal_hops(lopsided, CrystalHop("interstitial", "Li", ((0.2, 0.6, 0.9), (0.2, 0.9, 0.5))))
    assert len(there) == len(back) == 1
    np.testing.assert_allclose(there[0].vector_A(np.eye(3)), -back[0].vector_A(np.eye(3)))


@pytest.mark.parametrize(
    ("hop", "message"),
    [
        (CrystalHop("vacancy", "Na", ((0, 0, 0), (1, 0, 0))), "no Na in the crystal"),
        (CrystalHop("vacancy", "Li", ((0.3, 0.2, 0.4), (1, 0, 0))), "nearest Li site is"),
        (CrystalHop("vacancy", "Li", ((0, 0, 0), (2, 0, 0))), "longer than half"),
        (CrystalHop("vacancy", "Li", ((0, 0, 0), (3, 0, 0))), "longer than half"),
        (CrystalHop("vacancy", "Li", ((0, 0, 0), (0.01, 0, 0))), "from a place to itself"),
        (CrystalHop("interstitial", "Li", ((0.5, 0, 0), (0.5, 0.5, 0.45))), "from a S atom"),
    ],
)
def test_hops_that_cannot_be_are_refused(hop, message):
    with pytest.raises(InputError, match=message):
        hop_ends(oblique(), hop, (3, 3, 3))


def test_unknown_kinds_and_wrong_paths_are_refused():
    with pytest.raises(InputError, match="no kind of hop"):
        CrystalHop("sideways", "Li", ((0, 0, 0), (1, 0, 0)))
    with pytest.raises(InputError, match="3 points"):
        CrystalHop("kick-out", "Li", ((0, 0, 0), (1, 0, 0)))


def test_a_hop_goes_along_with_its_sites_when_the_crystal_is_relaxed():
    lattice = Lattice([[5, 0, 0], [0.8, 9, 0], [0.5, -0.7, 9]])
    given = Structure(lattice, ["Li", "Li", "S"], [[0.02, 0, 0], [0.4, 0, 0.99], [0.7, 0.5, 0.45]])
    relaxed = Structure(lattice, ["Li", "Li", "S"], [[0.98, 0.05, 0], [0.4, 0, 0.04], [0.7, 0.5, 0.45]])
    hop = CrystalHop("vacancy", "Li", ((0.4, 0, -0.01), (1.02, 0, 0)))
    moved = follow_sites(hop, given, relaxed)
    np.testing.assert_allclose(moved.path, [[0.4, 0, 0.04], [0.98, 0.05, 0]], atol=1e-12)
    assert follow_sites(CrystalHop("interstitial", "Li", hop.path), given, relaxed).path == hop.path
    kicked = follow_sites(
        CrystalHop("kick-out", "Li", ((0.2, 0.5, 0.5), *hop.path[:1], (0.3, 0.5, 0.7))), given, relaxed
    )
    np.testing.assert_allclose(kicked.path, [[0.2, 0.5, 0.5], [0.4, 0, 0.04], [0.3, 0.5, 0.7]], atol=1e-12)
    shifts = relaxation_shifts_A(given, relaxed)
    assert shifts[2] == 0 and shifts[0] == pytest.approx(np.linalg.norm([-0.2 + 0.04, 0.45, 0]), abs=1e-9)


def test_a_chain_moves_two_atoms_and_takes_one_out():
    lisi = phase("LiSi").structure
    found = next(hop for hop in hops(lisi, "Li", kind="chain", cutoff_A=3.0))
    band = hop_ends(lisi, CrystalHop("chain", "Li", found.path), (1, 1, 2))
    assert len(band.symbols) == 2 * len(lisi) - 1
    assert [band.symbols[i] for i in moved_atoms(band)] == ["Li", "Li"]
    assert band.displacements_A.sum() == pytest.approx(found.distance_A)
    with pytest.raises(InputError, match="a chain hop has 3 points"):
        CrystalHop("chain", "Li", found.path[:2])
    with pytest.raises(InputError, match="one and the same site"):
        hop_ends(lisi, CrystalHop("chain", "Li", (found.path[0], found.path[1], found.path[0])), (1, 1, 2))
