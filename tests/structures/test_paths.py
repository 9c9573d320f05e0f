"""Paths: matching survives permutation, wrapping and drift in any cell; spacing and distances are what they claim."""

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.paths import (
    Band,
    align,
    check_distances,
    interpolate,
    match_atoms,
    moved_atoms,
    repeats_for,
)
from anodeflow.structures.phases import phase
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

TRICLINIC = np.array([[7.1, 0.0, 0.0], [2.9, 6.4, 0.0], [-2.3, 1.7, 6.9]])


def crystal(seed: int, cell: np.ndarray = TRICLINIC) -> Structure:
    """Twelve sites of three elements on a jittered grid, none closer than about 1.8 Å."""
    random = np.random.default_rng(seed)
    grid = np.array([[i / 3, j / 2, k / 2] for i in range(3) for j in range(2) for k in range(2)])
    return Structure(Lattice(cell), ["Li"] * 6 + ["Si"] * 4 + ["S"] * 2, grid + random.uniform(-0.02, 0.02, grid.shape))


@given(seed=st.integers(0, 10**6), drift=st.floats(-0.4, 0.4), skew=st.integers(-2, 2))
@settings(max_examples=40, deadline=None)
def test_matching_undoes_permutation_wrapping_and_drift_in_triclinic_cells(seed, drift, skew):
    random = np.random.default_rng(seed)
    cell = TRICLINIC.copy()
    cell[2] += skew * cell[0]  # the same crystal in a very oblique cell
    start = crystal(seed, cell)
    truth = random.normal(0, 0.05, (12, 3))
    truth[3] = [0.9, -0.7, 0.5]
    truth -= np.median(truth, axis=0)
    order = random.permutation(12)
    positions = (start.cart_coords + truth + drift)[order]
    fractional = positions @ np.linalg.inv(cell) + random.integers(-2, 3, (12, 3))
    end = Structure(Lattice(cell), [start[i].specie for i in order], fractional)
    found, displacements = match_atoms(start, end)
    assert (order[found] == np.arange(12)).all()
    np.testing.assert_allclose(displacements, truth, atol=1e-9)
    assert moved_atoms(align(start, end), by_A=0.6) == [3]


def test_the_order_can_be_kept_where_the_shortest_assignment_would_be_another_move():
    """A ring exchange is no move at all to an assignment that may swap like atoms."""
    start = crystal(0)
    swapped = Structure(
        start.lattice,
        start.species,
        [start[1].coords, start[0].coords, *start.cart_coords[2:]],
        coords_are_cartesian=True,
    )
    assert moved_atoms(align(start, swapped, reorder=False)) in ([0, 1], [1, 0])
    with pytest.raises(InputError, match="same state"):
        align(start, swapped)


def test_end_points_that_do_not_belong_together_are_refused():
    start = crystal(1)
    missing = start.copy()
    missing.remove_sites([0])
    with pytest.raises(InputError, match="different atoms"):
        align(start, missing)
    stretched = Structure(Lattice(TRICLINIC * 1.01), start.species, start.frac_coords)
    with pytest.raises(InputError, match="cells of the end points differ"):
        align(start, stretched)
    reversed_ = Structure(start.lattice, start.species[::-1], start.frac_coords[::-1])
    with pytest.raises(InputError, match="atom 0 is Li at the start and S at the end"):
        align(start, reversed_, reorder=False)
    scrambled = Structure(start.lattice, start.species, (np.asarray(start.frac_coords) * 2.3 + 0.31) % 1)
    with pytest.raises(InputError, match=r"atoms move|same state"):
        align(start, scrambled, reorder=False)


def silicon_with_lithium(end: list[float]) -> Structure:
    structure = phase("Si").structure
    structure.append("Li", end)
    return structure


def test_a_hop_across_the_cell_edge_is_short():
    start, end = silicon_with_lithium([0.5, 0.5, 0.02]), silicon_with_lithium([0.5, 0.5, 0.98])
    band = align(start, end)
    assert band.displacements_A.max() == pytest.approx(0.04 * start.lattice.a, rel=1e-9)


def test_interpolation_is_even_and_keeps_its_distance():
    start, end = silicon_with_lithium([0.5, 0.5, 0.5]), silicon_with_lithium([0.75, 0.75, 0.75])
    band = interpolate(align(start, end), 7)
    steps = np.diff(band.arc_length_A)
    assert len(band) == 7
    np.testing.assert_allclose(steps, steps[0], rtol=1e-5)
    np.testing.assert_allclose(band.positions[0], start.cart_coords, atol=1e-12)
    # the hexagonal site stands in the middle, six Si at a distance of a times sqrt(11)/8
    middle = band.structure(3)
    distances = sorted(middle.get_distance(8, i) for i in range(8))
    assert distances[0] == pytest.approx(start.lattice.a * np.sqrt(11) / 8, rel=0.02)
    assert check_distances(band) > 2.0


def test_a_path_goes_around_an_atom_or_is_refused():
    """Li sent straight through Si is bent around it; between walls too narrow for it there is a sentence."""
    start, end = silicon_with_lithium([0.5, 0.5, 0.5]), silicon_with_lithium([0.0, 0.0, 0.5])
    open_cage = align(start, end)
    band = interpolate(open_cage, 9)
    assert check_distances(band) > 0.6 * 2.39
    with pytest.raises(InputError, match=r"path goes through an atom: .* apart at image \d of 9"):
        interpolate(open_cage, 9, minimum_distances_A={("Li", "Si"): 2.6})


@given(images=st.integers(3, 15), part=st.floats(0.1, 0.9))
@settings(max_examples=30, deadline=None)
def test_respacing_puts_an_image_on_the_saddle(images, part):
    angle = np.linspace(0, 1.5, 9)
    positions = np.zeros((9, 2, 3))
    positions[:, 0] = np.stack([np.cos(angle), np.sin(angle), 0.1 * angle**2], axis=1)
    band = Band(("Li", "Si"), np.eye(3) * 9, positions)
    saddle = part * band.arc_length_A[-1]
    respaced = band.respaced(images, through_A=saddle)
    assert len(respaced) == images
    target = band.at([0.0, saddle]).positions[1]
    assert np.abs(respaced.positions - target).max(axis=(1, 2)).min() < 1e-9
    even = np.diff(band.respaced(images).arc_length_A)
    np.testing.assert_allclose(even, even[0], rtol=1e-4)
    np.testing.assert_allclose(respaced.positions[[0, -1]], positions[[0, -1]])


def test_repeats_reach_the_distance_in_oblique_cells():
    assert repeats_for(np.eye(3) * 5.43, 10.0) == (2, 2, 2)
    a, b, c = repeats_for(TRICLINIC, 12.0)
    widths = 1 / np.linalg.norm(np.linalg.inv(np.diag([a, b, c]) @ TRICLINIC), axis=0)
    assert widths.min() >= 12.0
    with pytest.raises(InputError, match="not positive"):
        repeats_for(np.eye(3), 0.0)
