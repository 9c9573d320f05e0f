"""Supercells keep the image distance they promise and lose no atom."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.phases import phase, phase_names
from anodeflow.structures.supercell import supercell
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure


def nearest_image(structure):
    reach = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lengths = np.linalg.norm(reach @ structure.lattice.matrix, axis=1)
    return lengths[lengths > 1e-6].min()


@pytest.mark.parametrize("name", ["Si", "beta-Sn", "Li5Sn2", "LiP", "graphite", "LiSn", "Li7Si3"])
def test_image_distance_is_kept(name):
    cell = supercell(phase(name).structure, image_distance_A=12.0)
    assert nearest_image(cell.structure) >= 12.0 - 1e-6
    assert cell.image_distance_A == pytest.approx(nearest_image(cell.structure))
    assert cell.structure.density == pytest.approx(phase(name).structure.density)


def test_cubic_crystals_stay_cubic():
    cell = supercell(phase("Si").structure, image_distance_A=10.0)
    assert cell.matrix.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    primitive = phase("Si").structure.get_primitive_structure()
    cell = supercell(primitive, image_distance_A=10.0)
    assert len(cell.structure) == 64
    assert np.allclose(cell.structure.lattice.angles, 90)


@pytest.mark.parametrize("name", ["Si", "LiP", "beta-Sn", "Li15Si4"])
def test_number_of_atoms_is_met_within_ten_per_cent(name):
    cell = supercell(phase(name).structure, atoms=300)
    assert abs(len(cell.structure) - 300) <= 30
    assert len(cell.structure) % len(phase(name).structure) == 0


@settings(max_examples=12, deadline=None)
@given(lengths=st.tuples(*[st.floats(3, 9)] * 3), angles=st.tuples(*[st.floats(65, 115)] * 3), wanted=st.floats(6, 13))
def test_any_triclinic_cell(lengths, angles, wanted):
    lattice = Lattice.from_parameters(*lengths, *angles)
    structure = Structure(lattice, ["Li", "Sn"], [[0, 0, 0], [0.5, 0.47, 0.53]])
    try:
        cell = supercell(structure, image_distance_A=wanted)
    except InputError as error:
        assert "no near-cubic supercell" in str(error)
        return
    assert nearest_image(cell.structure) >= wanted - 1e-6
    assert cell.structure.composition.reduced_formula == structure.composition.reduced_formula


def test_impossible_requests_are_refused():
    structure = phase("Li15Si4").structure
    for arguments, words in (
        ({}, "either"),
        ({"image_distance_A": 10, "atoms": 100}, "either"),
        ({"atoms": 10}, "fewer than"),
        ({"image_distance_A": -1}, "makes no cell"),
    ):
        with pytest.raises(InputError, match=words):
            supercell(structure, **arguments)


def test_every_phase_has_a_cell_of_ten_angstrom():
    for name in phase_names():
        item = phase(name)
        if item.is_ordered and len(item.structure) < 40 and "vacuum" not in item.note:
            assert supercell(item.structure, image_distance_A=10.0).image_distance_A >= 10.0 - 1e-6
