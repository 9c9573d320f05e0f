"""Ordered cells are neutral, whole, seeded, free of close pairs, and low in energy."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.ewald import ewald_matrix
from anodeflow.structures.ordering import order, site_permutations
from anodeflow.structures.phases import find_structure, phase, phase_names
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Lattice, Structure


def shortest(structure, one, two):
    first, second, _, distances = structure.get_neighbor_list(4.0)
    symbols = np.array([site.specie.symbol for site in structure])
    return distances[(symbols[first] == one) & (symbols[second] == two)].min(initial=9.0)


@pytest.mark.parametrize("name", ["LiF", "beta-Li3PS4-ordered", "Li3InCl6-ordered", "tetragonal-LLZO"])
def test_ewald_matrix_gives_pymatgens_energy(name):
    item = phase(name)
    structure = item.structure
    charges = np.array([item.oxidation_states[site.specie.symbol] for site in structure])
    energy = 0.5 * charges @ ewald_matrix(structure) @ charges
    structure.add_oxidation_state_by_element(dict(item.oxidation_states))
    assert energy == pytest.approx(EwaldSummation(structure, acc_factor=12).total_energy, rel=1e-7)


def test_ewald_matrix_of_a_triclinic_cell_does_not_depend_on_the_choice_of_cell():
    lattice = Lattice.from_parameters(4.1, 5.3, 6.2, 75, 98, 112)
    cell = Structure(lattice, ["Na", "Cl"], [[0.1, 0.2, 0.3], [0.55, 0.61, 0.72]])
    other = cell.copy()
    other.make_supercell([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    charges = np.array([1 if site.specie.symbol == "Na" else -1 for site in other])
    one = 0.5 * np.array([1, -1]) @ ewald_matrix(cell) @ np.array([1, -1])
    assert 0.5 * charges @ ewald_matrix(other) @ charges == pytest.approx(one, rel=1e-8)


def test_madelung_constant_of_rock_salt():
    structure = phase("LiF").structure
    charges = np.array([1 if site.specie.symbol == "Li" else -1 for site in structure])
    energy = 0.5 * charges @ ewald_matrix(structure) @ charges / 4
    assert energy == pytest.approx(-1.7475645946 * 14.399645478 / (4.027 / 2), rel=1e-8)


def test_krafts_argyrodite_in_two_seconds():
    structure, source = find_structure("Li6PS5Cl")
    order(phase("LLTO").structure, source=phase("LLTO").source)  # compiles
    start = time.process_time()
    (cell,) = order(structure, source=source, seed=3)
    assert time.process_time() - start < 2
    assert cell.structure.composition.formula == "Li24 P4 S20 Cl4"
    assert cell.record.charge == 0
    assert shortest(cell.structure, "Li", "Li") >= 2.0
    assert cell.record.sources[0].evidence == "A"
    assert sum(cell.structure.site_properties["charge"]) == pytest.approx(0)


def test_cubic_garnet_in_three_seconds():
    structure, source = find_structure("cubic-LLZO")
    start = time.process_time()
    (cell,) = order(structure, source=source)
    assert time.process_time() - start < 3
    assert len(cell.structure) == 192
    assert cell.record.charge == 0
    assert shortest(cell.structure, "Li", "Li") >= 2.0


def test_every_disordered_electrolyte_of_the_library_can_be_ordered():
    for name in phase_names():
        item = phase(name)
        if item.is_ordered or not item.oxidation_states:
            continue
        supercell = (2, 2, 1) if len(item.structure) < 20 else (1, 1, 1)
        (cell,) = order(item.structure, source=item.source, supercell=supercell, sweeps=2000)
        assert cell.record.charge == 0, name
        assert cell.structure.is_ordered
        assert shortest(cell.structure, "Li", "Li") >= 2.0, name


def test_annealing_finds_the_lowest_of_all_arrangements():
    lattice = Lattice.from_parameters(7.0, 6.2, 5.5, 82, 95, 104)
    sites = [[x, y, 0.1 * x + 0.2 * y] for x in (0, 0.5) for y in (0.05, 0.55)]
    sites += [[x + 0.24, y + 0.2, 0.6] for x in (0, 0.5) for y in (0.05, 0.55)]
    sites += [[0.2, 0.9 * k / 4, 0.33] for k in range(4)]
    structure = Structure(lattice, [{"Li": 0.5}] * 8 + ["F"] * 4, sites)
    (cell,) = order(structure, oxidation_states={"Li": 1, "F": -1}, min_distance_A=0.1)
    matrix = ewald_matrix(structure)
    energies = []
    for chosen in itertools.combinations(range(8), 4):
        charges = np.array([1.0 if i in chosen else 0.0 for i in range(8)] + [-1.0] * 4)
        energies.append(0.5 * charges @ matrix @ charges)
    assert cell.energy_eV == pytest.approx(min(energies), abs=1e-6)
    assert max(energies) > min(energies) + 1


def test_same_seed_same_cell_and_other_seed_another():
    structure, source = find_structure("Li6PS5Cl")
    cells = [
        order(structure, source=source, seed=seed, temperature_K=600, sweeps=500)[0].structure for seed in (5, 5, 6)
    ]
    assert cells[0] == cells[1]
    assert cells[0] != cells[2]


def test_ensemble_is_distinct_by_symmetry_and_sorted():
    structure, source = find_structure("Li10GeP2S12")
    cells = order(structure, source=source, count=4, sweeps=300)
    energies = [cell.energy_eV for cell in cells]
    assert energies == sorted(energies)
    assert 2 <= len(cells) <= 4
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(primitive_cell=False, scale=False, ltol=0.01, stol=0.02, angle_tol=0.1)
    for one, two in itertools.combinations(cells, 2):
        assert not matcher.fit(one.structure, two.structure)


def test_symmetry_permutes_the_sites_of_a_supercell():
    parent = phase("Li6PS5Cl").structure
    cell = parent.copy()
    cell.make_supercell([2, 1, 1])
    rows = site_permutations(parent, cell)
    assert len(rows) == 24 * 4 * 2 // 3  # the cubic group keeps one of three axes, times the translations
    for row in rows[:: len(rows) // 8]:
        assert [cell[i].species for i in row] == [site.species for site in cell]


def test_unbalanced_occupancies_are_refused():
    structure = Structure(Lattice.cubic(4), [{"Mg": 0.5}, "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(InputError, match="cannot be charge-balanced"):
        order(structure, oxidation_states={"Mg": 2, "F": -1})
    (cell,) = order(structure, oxidation_states={"Mg": 2, "F": -1}, supercell=(2, 2, 2))
    assert cell.structure.composition.formula == "Mg4 F8"


def test_a_distance_that_cannot_be_kept_is_refused():
    structure, source = find_structure("Li6PS5Cl")
    with pytest.raises(InputError, match="no arrangement keeps 4"):
        order(structure, source=source, min_distance_A=4.0, sweeps=100)


def test_missing_oxidation_state_is_refused():
    structure, _ = find_structure("Li6PS5Cl")
    with pytest.raises(InputError, match="Cl"):
        order(structure, oxidation_states={"Li": 1, "P": 5, "S": -2})


@settings(max_examples=15, deadline=None)
@given(lithium=st.floats(0.2, 0.8), chloride=st.floats(0.1, 0.9), seed=st.integers(0, 10**6))
def test_any_occupancies_give_a_neutral_cell_or_one_sentence(lithium, chloride, seed):
    parent = phase("Li6PS5Cl")
    structure = parent.structure
    for index, site in enumerate(structure):
        symbols = {element.symbol for element in site.species}
        if symbols == {"Li"}:
            structure[index] = {"Li": lithium}
        elif symbols == {"S", "Cl"}:
            structure[index] = {"S": 1 - chloride, "Cl": chloride}
    try:
        (cell,) = order(structure, source=parent.source, seed=seed, sweeps=200)
    except InputError as error:
        assert "charge-balanced" in str(error) or "no arrangement keeps" in str(error)
        return
    assert cell.record.charge == 0
    assert shortest(cell.structure, "Li", "Li") >= 2.0
