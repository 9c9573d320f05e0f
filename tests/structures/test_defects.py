"""Defects change what they say, nothing else, and balance charges when asked."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.defects import distinct_sites, dopant_sweep, insert, remove, substitute
from anodeflow.structures.phases import find_structure, phase
from anodeflow.structures.voids import fill_voids, void_sites
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure


def test_tantalum_in_the_garnet_takes_lithium_out():
    oxide, source = find_structure("tetragonal-LLZO")
    doped = substitute(oxide, "Zr", "Ta", count=3, compensate="Li", source=source)
    assert doped.structure.composition.formula == "Li53 La24 Zr13 Ta3 O96"
    assert doped.record.charge == 0
    assert len(doped.removed) == 3
    assert [doped.structure[i].specie.symbol for i in doped.changed] == ["Ta"] * 3


def test_yttrium_in_the_garnet_puts_lithium_in():
    oxide, source = find_structure("tetragonal-LLZO")
    doped = substitute(oxide, "Zr", "Y", compensate="Li", source=source)
    assert doped.structure.composition["Li"] == 57
    assert doped.record.charge == 0
    assert doped.record.min_distance_A > 1.5
    assert [doped.structure[i].specie.symbol for i in doped.changed] == ["Y", "Li"]


def test_uncompensated_charge_is_said():
    oxide, source = find_structure("tetragonal-LLZO")
    doped = substitute(oxide, "Zr", "Ta", source=source)
    assert doped.record.charge == 1
    assert "+1 e" in doped.record.warnings[0]


def test_charge_that_whole_ions_cannot_balance_is_refused():
    oxide, source = find_structure("MgO")
    with pytest.raises(InputError, match="cannot be compensated with whole Mg"):
        substitute(oxide, "Mg", "Al", compensate="Mg", source=source)
    doped = substitute(oxide, "Mg", "Al", count=2, compensate="Mg", source=source)
    assert doped.structure.composition.formula == "Mg1 Al2 O4"


def test_vacancy_of_the_lowest_coulomb_energy_is_taken():
    from anodeflow.structures.ewald import ewald_matrix

    oxide, source = find_structure("tetragonal-LLZO")
    doped = substitute(oxide, "Zr", "Ta", sites=[85], compensate="Li", source=source)
    states = {**source.oxidation_states, "Ta": 5.0}
    (hole,) = doped.removed
    trial = oxide.copy()
    trial.replace(85, "Ta")
    matrix = ewald_matrix(trial)
    energies = {}
    for index, site in enumerate(trial):
        if site.specie.symbol == "Li":
            charges = np.array([states[s.specie.symbol] for s in trial])
            charges[index] = 0
            energies[index] = 0.5 * charges @ matrix @ charges
    lowest = min(energies.values())
    taken = [i for i in energies if np.allclose(trial[i].frac_coords, hole)]
    assert energies[taken[0]] == pytest.approx(lowest, abs=1e-4)


def test_sweep_uses_the_same_sites():
    silicon = phase("Si").structure
    silicon.make_supercell(2)
    results = dopant_sweep(silicon, "Si", ["Al", "C", "Sn", "Y", "Ta"], count=2, seed=4)
    assert len({result.changed for result in results.values()}) == 1
    for symbol, result in results.items():
        assert result.structure.composition[symbol] == 2
        assert len(result.structure) == 64
    with pytest.raises(InputError, match="cannot replace itself"):
        dopant_sweep(silicon, "Si", ["Al", "Si"])
    with pytest.raises(InputError, match="listed twice"):
        dopant_sweep(silicon, "Si", ["Al", "Al"])


def test_vacancies_and_symmetry_distinct_sites():
    structure = phase("Li7Si3").structure
    empty = remove(structure, "Li", count=2, seed=9)
    assert len(empty.structure) == len(structure) - 2
    assert len(empty.removed) == 2
    groups = distinct_sites(structure, "Li")
    assert sum(len(group) for group in groups) == 42
    assert len(groups) == sum("Li" in site.species for site in phase("Li7Si3").sites)


def test_interstitial_lithium_in_silicon_is_tetrahedral():
    silicon = phase("Si").structure
    silicon.make_supercell(2)
    filled = insert(silicon, "Li")
    assert filled.record.min_distance_A == pytest.approx(5.4307 * np.sqrt(3) / 4, abs=1e-4)
    assert filled.changed == (64,)
    with pytest.raises(InputError, match="largest void"):
        insert(silicon, "Li", min_radius_A=4.0)


@settings(max_examples=8, deadline=None)
@given(angles=st.tuples(*[st.floats(60, 120)] * 3), seed=st.integers(0, 10**6))
def test_voids_are_empty_spheres_in_any_cell(angles, seed):
    lattice = Lattice.from_parameters(6.0, 7.0, 8.0, *angles)
    if not lattice.volume > 60:  # three angles that leave no room make no cell
        return
    rng = np.random.default_rng(seed)
    structure = Structure(lattice, ["Sn"] * 6, rng.random((6, 3)))
    shifts = np.array(list(np.ndindex(5, 5, 5))) - 2
    images = ((structure.frac_coords[None] + shifts[:, None]).reshape(-1, 3)) @ lattice.matrix
    for centre, radius in void_sites(structure, min_radius_A=0.5)[:10]:
        nearest = np.linalg.norm(images - (centre % 1.0) @ lattice.matrix, axis=1).min()
        assert nearest == pytest.approx(radius, abs=1e-4)
    best = void_sites(structure, min_radius_A=0.5)[0][1]
    _, radii = fill_voids(np.asarray(lattice.matrix), structure.frac_coords, 3)
    assert radii[0] == pytest.approx(best, abs=0.35)  # about the spacing of the grid
    assert radii[1] <= radii[0] + 0.1
