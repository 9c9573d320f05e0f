"""Energies from differences, and barriers of sliding of analytic surfaces."""

import numpy as np
import pytest
from anodeflow.analysis.defect_energies import adsorption_energy, segregation_energy, sliding_barrier, solution_energy
from anodeflow.errors import InputError


def egg_box(n1, n2, first=0.04, second=0.01, area=12.0):
    """A periodic energy per area whose barriers are `first` along one vector and `second` along the other."""
    i, j = np.arange(n1)[:, None] / n1, np.arange(n2)[None, :] / n2
    return area * 0.5 * (first * (1 - np.cos(2 * np.pi * i)) + second * (1 - np.cos(2 * np.pi * j))) - 100.0


def test_differences():
    q = adsorption_energy(-52.5, -50.0, -2.0, "Li", "Li")
    assert q.value == pytest.approx(-0.5) and q.species == "Li" and "relaxed cells" in q.method
    # 3 Si and one Al against bulk atoms of -5 and -4 eV: (-19 + 5 + ... ) counted by hand
    assert solution_energy(-18.0, -20.0, -5.0, -4.0, "Al", "Si and Al").value == pytest.approx(1.0)
    q = segregation_energy([0.95, 0.90], [0.99], "Al")
    assert q.value == pytest.approx(-0.09) and "2 sites at the boundary" in q.method
    assert segregation_energy([], [0.99], "Al").value is None
    with pytest.raises(InputError, match="not a number"):
        adsorption_energy(np.nan, 0.0, 0.0, "Li", "Li")


def test_barriers_of_an_egg_box_along_both_vectors():
    found = sliding_barrier(egg_box(8, 6), 12.0)
    first, second = found.along
    assert first.value == pytest.approx(0.04) and second.value == pytest.approx(0.01)
    assert found.best == (0.0, 0.0) and found.excess_eV_A2.min() == 0
    assert "0.641 J/m²" in first.method


def test_a_shift_of_the_origin_and_a_constant_change_nothing():
    reference = sliding_barrier(egg_box(8, 6), 12.0)
    moved = sliding_barrier(np.roll(egg_box(8, 6), (3, 2), axis=(0, 1)) + 7.0, 12.0)
    for one, other in zip(reference.along, moved.along, strict=True):
        assert one.value == pytest.approx(other.value) and one.uncertainty == pytest.approx(other.uncertainty)
    assert moved.best == pytest.approx((3 / 8, 2 / 6))


def test_the_best_way_goes_around_a_hill():
    """A straight line over the hill costs 1; the valley beside it only 0.1 at the pass."""
    energies = np.ones((4, 4))
    energies[:, 1] = 0.1
    energies[0, 0] = 0.0
    first, second = sliding_barrier(energies, 1.0).along
    assert first.value == pytest.approx(0.1) and second.value == pytest.approx(1.0)


def test_the_best_shift_has_to_be_left_over_its_own_rim():
    """A valley at 1 leads around the hole that the grains lie in, whose rim is at 5."""
    energies = np.full((6, 6), 5.0)
    energies[:, 3], energies[0, 0] = 1.0, 0.0
    assert [one.value for one in sliding_barrier(energies, 1.0).along] == [5.0, 5.0]


def test_a_coarse_grid_that_misses_the_top_says_so_by_its_error():
    """Three points of a cosine miss its top; the interpolated grid is higher."""
    found = sliding_barrier(egg_box(3, 4), 12.0).along[0]
    assert found.value == pytest.approx(0.03) and found.value + found.uncertainty > 0.033


def test_one_row_gives_one_barrier_and_no_grid_none():
    first, second = sliding_barrier(egg_box(8, 1), 12.0).along
    assert first.value == pytest.approx(0.04) and second.value is None and not second.converged
    for energies, area in ((np.ones(4), 1.0), (np.full((4, 4), np.nan), 1.0), (np.ones((4, 4)), 0.0)):
        with pytest.raises(InputError, match="sliding needs a grid"):
            sliding_barrier(energies, area)
