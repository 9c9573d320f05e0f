"""Alloys follow Vegard and look random pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.alloys import quasi_random, solid_solution
from anodeflow.structures.phases import phase


def silicon_germanium(x=0.5):
    return solid_solution([phase("Si").structure, phase("Ge").structure], [1 - x, x])


def test_vegard_cell_of_half_germanium():
    assert silicon_germanium().lattice.a == pytest.approx(5.54, abs=0.005)


def test_pair_probabilities_of_the_random_alloy():
    cell = quasi_random(silicon_germanium(0.25), supercell=(2, 2, 2), shells=3)
    structure = cell.structure
    assert structure.composition.formula == "Si48 Ge16"
    symbols = np.array([site.specie.symbol for site in structure])
    first, second, _, distances = structure.get_neighbor_list(cell.shells_A[0] + 0.1)
    unlike = (symbols[first] == "Si") & (symbols[second] == "Ge")
    assert unlike.mean() == pytest.approx(0.75 * 0.25, abs=0.02)
    assert cell.deviation < 0.1
    assert distances.max() < 2.6


def test_quasi_random_beats_random():
    alloy = silicon_germanium()
    assert quasi_random(alloy, seed=1).deviation < 0.3 * quasi_random(alloy, seed=1, sweeps=1).deviation


def test_seed_decides():
    alloy = silicon_germanium()
    assert quasi_random(alloy, seed=1).structure == quasi_random(alloy, seed=1).structure


def test_small_triclinic_cell_with_own_images_counts_right():
    from pymatgen.core import Lattice, Structure

    lattice = Lattice.from_parameters(2.9, 3.1, 3.3, 80, 95, 70)
    alloy = Structure(lattice, [{"Al": 0.5, "Li": 0.5}], [[0, 0, 0]])
    cell = quasi_random(alloy, supercell=(2, 2, 1), shells=2)
    assert cell.structure.composition.formula == "Li2 Al2"
    # recount the objective from the finished cell
    symbols = np.array([site.specie.symbol for site in cell.structure])
    first, second, _, distances = cell.structure.get_neighbor_list(cell.shells_A[-1] + 0.05)
    total = 0.0
    for index, length in enumerate(cell.shells_A):
        in_shell = np.abs(distances - length) < 0.05
        weight = (cell.shells_A[0] / length) ** 2
        for one in ("Al", "Li"):
            for two in ("Al", "Li"):
                share = ((symbols[first] == one) & (symbols[second] == two))[in_shell].mean()
                total += weight * abs(share - 0.25)
        assert index < 2
    assert cell.deviation == pytest.approx(total, abs=1e-9)


def test_crystals_of_different_structure_do_not_mix():
    with pytest.raises(InputError, match="cannot be mixed"):
        solid_solution([phase("Si").structure, phase("beta-Sn").structure], [0.5, 0.5])


def test_composition_that_the_cell_cannot_hold_is_refused():
    with pytest.raises(InputError, match="too small"):
        quasi_random(silicon_germanium(0.01), supercell=(1, 1, 1))
