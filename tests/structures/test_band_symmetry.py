"""Hops that a symmetry operation turns around: half of the band is the other half, atom by atom."""

from importlib import resources

import numpy as np
import pytest
from anodeflow.structures.band_symmetry import reversal
from anodeflow.structures.hop_ends import CrystalHop, hop_ends
from anodeflow.structures.hops import hops
from anodeflow.structures.paths import Band, interpolate
from anodeflow.structures.phases import phase
from pymatgen.core import Structure


def triclinic_lisi() -> Structure:
    """LiSi in its primitive cell, all angles oblique."""
    file = resources.files("anodeflow.workflows.barrier") / "data" / "crystals" / "lisi-primitive.cif"
    return Structure.from_file(str(file))


def vacancy_ends(crystal: Structure, number: int, repeats=(1, 1, 1)) -> Band:
    found = hops(crystal, "Li", cutoff_A=3.3)[number]
    return hop_ends(crystal, CrystalHop("vacancy", "Li", found.path), repeats)


def test_the_two_halves_of_a_triclinic_path_are_one():
    ends = vacancy_ends(triclinic_lisi(), 0)
    turn = reversal(ends)
    assert turn is not None
    np.testing.assert_allclose(turn.rotation @ turn.rotation.T, np.eye(3), atol=1e-9)
    assert [ends.symbols[i] for i in turn.order] == list(ends.symbols)
    np.testing.assert_allclose(turn.positions(ends.positions[0]), ends.positions[1], atol=1e-9)
    np.testing.assert_allclose(turn.positions(ends.positions[1]), ends.positions[0], atol=0.02)
    path = interpolate(ends, 6)
    assert turn.fits(path, 0.05)
    bent = Band(path.symbols, path.cell, path.positions.copy())
    bent.positions[4, 3] += 0.2
    assert not turn.fits(bent)
    assert turn.fits(turn.complete(bent), 1e-6)


def test_it_is_found_in_any_order_of_atoms_and_in_a_turned_frame():
    ends = vacancy_ends(triclinic_lisi(), 0)
    order = np.random.default_rng(3).permutation(len(ends.symbols))
    turned, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))
    turned *= np.sign(np.linalg.det(turned))
    other = Band(tuple(ends.symbols[i] for i in order), ends.cell @ turned, ends.positions[:, order] @ turned)
    turn = reversal(other)
    assert turn is not None
    np.testing.assert_allclose(turn.positions(other.positions[0]), other.positions[1], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "number"),
    [("cubic-Li3Sb", 0), ("Li15Si4", 0), ("LiSi", 1)],
    ids=["unlike sites", "three-fold axis", "equal sites, another path back"],
)
def test_a_hop_that_is_not_turned_around_has_none(name, number):
    """In Li15Si4 and LiSi an operation takes the first site to the second, but not the second to the first."""
    assert reversal(vacancy_ends(phase(name).structure, number)) is None


def test_forces_turn_with_the_atoms():
    """A spring between each pair of atoms gives forces that any symmetry operation has to respect."""
    ends = hop_ends(
        phase("Si").structure, CrystalHop("interstitial", "Li", ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75))), (1, 1, 1)
    )
    turn = reversal(ends)
    rng = np.random.default_rng(5)
    here = ends.positions[0] + rng.normal(scale=0.05, size=ends.positions[0].shape)
    there = turn.positions(here)
    inverse = np.linalg.inv(ends.cell)

    def forces(positions):
        apart = positions[None] - positions[:, None]
        apart -= np.rint(apart @ inverse) @ ends.cell
        square = (apart**2).sum(axis=-1) + np.eye(len(positions))
        return (apart * np.exp(-square / 4)[..., None]).sum(axis=1)

    np.testing.assert_allclose(turn.forces(forces(here)), forces(there), atol=1e-8)
